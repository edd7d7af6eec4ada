// `cabildo get`, `set`, `ls`, `rm`: single nodes from a shell.

import assert from "node:assert/strict";
import { test } from "node:test";
import { servers } from "./support.ts";

const { url, c, run } = await servers();

test("set --create, get, ls, rm: there and back, and below a chroot", async () => {
  assert.equal((await run(["set", "--create", "/app/flags/dark", "on"])).status, 0);
  assert.equal((await run(["set", "/app/flags/dark", "off"])).status, 0);
  assert.equal((await run(["set", "--create", "/app/flags/alpha"], { stdin: "from stdin\n" })).status, 0);
  assert.equal((await run(["get", "/app/flags/dark"])).out, "off\n"); // the last line's end is the reader's
  assert.equal((await run(["get", "/flags/alpha", "--connect", `${url}/app`])).out, "from stdin\n");
  assert.equal((await run(["ls", "/app/flags"])).out, "alpha\ndark\n");
  assert.equal((await run(["ls", "/app", "--recursive"])).out, "flags\nflags/alpha\nflags/dark\n");
  assert.match((await run(["ls"])).out, /^app\nzookeeper\n$/m);
  assert.equal((await run(["rm", "/app/flags/dark"])).status, 0);
  assert.deepEqual(JSON.parse((await run(["rm", "-r", "/app", "-o", "json"])).out), { path: "/app", removed: 3 });
  assert.equal(await c.engine.client.exists("/app"), null);
});

test("exactly what is stored, to the byte", async () => {
  const bytes = new Uint8Array([0, 255, 10, 13, 10]);
  await c.engine.client.create("/bytes", bytes);
  const { out } = await run(["get", "/bytes", "-o", "json"]);
  assert.equal(JSON.parse(out).data, Buffer.from(bytes).toString("base64"));
  assert.equal(JSON.parse(out).encoding, "base64");
  await run(["set", "/bytes", "-"], { stdin: "no line end" });
  assert.equal(new TextDecoder().decode((await c.engine.client.getData("/bytes")).data!), "no line end");
});

test("as JSON: data, and every figure of the stat, the 64-bit ones as text", async () => {
  await c.engine.client.create("/json", "grün");
  const { out } = await run(["get", "/json", "-o", "json"]);
  const { path, data, stat } = JSON.parse(out);
  assert.deepEqual([path, data, stat.version, stat.dataLength], ["/json", "grün", 0, 5]);
  assert.match(stat.czxid, /^\d+$/);
  const set = JSON.parse((await run(["set", "/json", "x", "-o", "json", "--version", "0"])).out);
  assert.equal(set.stat.version, 1);
  assert.deepEqual(JSON.parse((await run(["ls", "/json", "-o", "json"])).out), { path: "/json", children: [] });
});

test("what cannot be: where, why, and what to do next", async () => {
  await c.engine.client.create("/full");
  await c.engine.client.create("/full/child");
  const cases: readonly (readonly [args: readonly string[], status: number, message: RegExp])[] = [
    [
      ["get", "/none"],
      1,
      /^cabildo: getData \/none: no-node \(-101\): there is no such node\. `cabildo set --create \/none/,
    ],
    [["set", "/none", "x"], 1, /there is no such node/],
    [["rm", "/none"], 1, /there is no such node/],
    [["rm", "-r", "/none"], 1, /there is no such node/],
    [["ls", "/none"], 1, /there is no such node/],
    [["rm", "/full"], 1, /not-empty .*--recursive removes them too/],
    [["set", "/full", "x", "--version", "7"], 1, /it was changed meanwhile\. `cabildo get -o json \/full`/],
    [["rm", "/full/child", "--version", "7"], 1, /it was changed meanwhile/],
    [["set", "/full", "x", "--version", "0", "--create"], 2, /exclude each other/],
    [["rm", "-r", "/full", "--version", "0"], 2, /exclude each other/],
    [["rm", "-r", "/"], 2, /would remove what belongs to the servers/],
    [["get", "no-slash"], 2, /^cabildo: getData "no-slash": /],
    [["get"], 2, /missing required argument 'path'/],
    [["get", "/x", "-o", "yaml"], 2, /must be text or json/],
  ];
  await Promise.all(
    cases.map(async ([args, expected, message]) => {
      const { status, out, err } = await run(args);
      assert.match(err, message);
      assert.deepEqual([status, out], [expected, ""], err);
    }),
  );
  assert.equal((await c.engine.client.getChildren("/full")).length, 1, "nothing was changed");
});

test("who may not is told how to say who one is; with credentials one may", async () => {
  const environment = { CABILDO_AUTH: "digest:ana:secret" };
  const { client } = c.engine;
  await client.create("/private", "x");
  // The digest of ana:secret, as ZooKeeper computes it.
  const { createHash } = await import("node:crypto");
  const id = `ana:${createHash("sha1").update("ana:secret").digest("base64")}`;
  await client.setAcl("/private", [{ perms: 31, scheme: "digest", id }]);
  const refused = await run(["get", "/private"]);
  assert.equal(refused.status, 1);
  assert.match(refused.err, /no-auth .*--auth digest:user:password/);
  assert.equal((await run(["get", "/private"], { environment })).out, "x\n");
  assert.equal((await run(["get", "/private", "--auth", "digest:ana:secret"])).out, "x\n");
});
