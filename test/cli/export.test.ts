// `cabildo create`, `export`, `import` and `watch --exec`, against a real member.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { servers } from "./support.ts";

const { c, run, cabildo } = await servers();
const { client } = c.engine;
const directory = mkdtempSync(join(tmpdir(), "cabildo-export-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("create prints the path; what cannot be is refused, and as JSON where that was asked for", async () => {
  assert.equal((await run(["create", "/made", "x"])).out, "/made\n");
  const numbered = (await run(["create", "-p", "--sequential", "/deep/er/n-", "y"])).out.trim();
  assert.match(numbered, /^\/deep\/er\/n-\d{10}$/);
  assert.equal(Buffer.from((await client.getData(numbered)).data!).toString(), "y");
  assert.equal((await run(["create", "/made/container", "--container"])).status, 0);
  const again = await run(["create", "/made", "x", "-o", "json"]);
  assert.equal(again.status, 1);
  const { error } = JSON.parse(again.err) as { error: { code: string; reason: string; outcome: string } };
  assert.deepEqual([error.code, error.reason, error.outcome], ["rejected", "node-exists", "not-applied"]);
  assert.equal((await run(["create", "/other", "--container", "--sequential"])).status, 2);
  assert.equal((await run(["create", "/no/parent"])).status, 1);
});

test("what is exported is imported elsewhere: data to the byte, access lists, and nothing of a session", async () => {
  const bytes = Buffer.from([0, 255, 10, 200]);
  await client.create("/from", "top");
  await client.create("/from/text", "grün\n");
  await client.create("/from/bytes", bytes);
  const acl = [{ perms: 1, scheme: "world", id: "anyone" }];
  await client.create("/from/text/closed", "", { acl });
  await client.create("/from/ephemeral", "", { mode: "ephemeral" });
  const { status, out } = await run(["export", "/from", "--acls"]);
  assert.equal(status, 0);
  assert.equal(out.trim().split("\n").length, 4, out);
  const file = join(directory, "lines");
  writeFileSync(file, out);
  assert.equal((await run(["import", file, "--to", "/copy/of"])).out, "4 created, 0 changed, 0 as they were\n");
  assert.deepEqual(Buffer.from((await client.getData("/copy/of/bytes")).data!), bytes);
  assert.equal(Buffer.from((await client.getData("/copy/of/text")).data!).toString(), "grün\n");
  assert.deepEqual((await client.getAcl("/copy/of/text/closed")).acl, (await client.getAcl("/from/text/closed")).acl);
  assert.deepEqual([...(await client.getChildren("/copy/of"))].sort(), ["bytes", "text"]);
  assert.equal((await run(["export", "/copy/of", "--acls"])).out, out);
});

test("import changes what is there only where it is told to, and stops at a line that is none", async () => {
  await client.create("/kept", "mine");
  const lines = `${JSON.stringify({ path: "/kept", data: "theirs" })}\n${JSON.stringify({ path: "/new", data: "n" })}\n`;
  const first = await run(["import"], { stdin: lines });
  assert.deepEqual([first.status, first.out], [1, "1 created, 0 changed, 0 as they were\n"]);
  assert.match(first.err, /1 nodes are there with other data, and were left: --overwrite/);
  assert.equal(Buffer.from((await client.getData("/kept")).data!).toString(), "mine");
  const second = await run(["import", "-", "--overwrite", "-o", "json"], { stdin: lines });
  assert.deepEqual([second.status, JSON.parse(second.out)], [0, { created: 0, changed: 1, same: 1, left: 0 }]);
  for (const wrong of [
    "no json",
    "{}",
    '{"path":"x","data":""}',
    '{"path":"/x/","data":""}',
    '{"path":"/x","data":1}',
  ]) {
    const { status, err } = await run(["import"], { stdin: `${wrong}\n` });
    assert.deepEqual([status, /line 1 is not one that .* writes; nothing was imported/.test(err)], [2, true], err);
  }
});

test("all of a cluster is exported without what belongs to the servers", async () => {
  const { out } = await run(["export"]);
  assert.ok(out.split("\n").length > 5);
  assert.doesNotMatch(out, /zookeeper/);
});

test("watch --exec runs the command for each change, with the data; of many in a row the last is never missed", async () => {
  const seen = join(directory, "seen");
  await client.create("/watched", "0");
  const command = `{ printf '%s %s ' "$CABILDO_CHANGE" "$CABILDO_PATH"; cat; echo; } >> ${seen}`;
  await using watching = cabildo(["watch", "/watched", "--exec", command]);
  const text = (): string => {
    try {
      return readFileSync(seen, "utf8");
    } catch {
      return "";
    }
  };
  const until = async (line: string): Promise<void> => {
    for (let i = 0; i < 300 && !text().includes(line); i++) await sleep(50);
    assert.ok(text().includes(line), `${line} in:\n${text()}${watching.errors}`);
  };
  await until("present /watched 0\n");
  for (let i = 1; i <= 50; i++) await client.setData("/watched", String(i));
  await until("data-changed /watched 50\n");
  await client.delete("/watched");
  await until("deleted /watched \n");
  await watching.kill("SIGTERM");
});
