// `cabildo watch`: a line a change, through lost connections and sessions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { servers } from "./support.ts";

const { ensemble, cutUrl, network, c, cabildo, run } = await servers();
const { client } = c.engine;

test("one node: not there, created, changed, with children, deleted", async () => {
  await using program = cabildo(["watch", "/one", "--no-initial"]);
  await watched("/one");
  await client.create("/one", "a");
  await program.line('created /one "a"');
  await client.setData("/one", "b");
  await program.line('data-changed /one "b"');
  await client.create("/one/x");
  await program.line('children-changed /one ["x"]');
  await client.delete("/one/x");
  await program.line("children-changed /one []");
  await client.delete("/one");
  await program.line("deleted /one");
  program.signal("SIGINT");
  assert.equal(await program.ended, 0, program.transcript());
  assert.equal(program.lines.length, 5);
});

test("recursively, as JSON: what is there first, then each change with its data and zxid", async () => {
  await client.create("/tree", "root");
  await client.create("/tree/a", "1");
  await using program = cabildo(["watch", "/tree", "-r", "-o", "json"]);
  await program.line(/"\/tree\/a"/);
  const stat = await client.setData("/tree/a", "2");
  await client.create("/tree/b", new Uint8Array([255]));
  await program.line(/"\/tree\/b"/);
  const seen = program.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    seen.map(({ type, path, data, encoding }) => [type, path, data, encoding]),
    [
      ["present", "/tree", "root", undefined],
      ["present", "/tree/a", "1", undefined],
      ["data-changed", "/tree/a", "2", undefined],
      ["created", "/tree/b", "/w==", "base64"],
    ],
  );
  assert.deepEqual([seen[2].zxid, seen[2].version], [String(stat.mzxid), 1]);
  assert.ok(!Number.isNaN(Date.parse(seen[2].time)));
});

test("what changes while it is cut off is told when it is back: in the same session, and in another", async () => {
  await client.create("/away", "0");
  await client.create("/away/old");
  await client.create("/away/same", "x");
  await using program = cabildo(["watch", "/away", "-r", "--connect", cutUrl, "--session-timeout", "1"]);
  await program.line(/\/away\/same/);
  const swallow = () => {
    network.set(0, 1, "swallow");
    network.set(1, 0, "swallow");
  };
  // The connection alone: it is back long before the session's end.
  swallow();
  await client.setData("/away", "1");
  network.heal("cut");
  await program.line('data-changed /away "1"');

  // The session: what was deleted and created anew, with the same data and version, is another.
  swallow();
  await client.delete("/away/old");
  await client.delete("/away/same");
  await client.create("/away/same", "x");
  await client.create("/away/new");
  while (!/Beginning another/.test(program.errors)) await sleep(20);
  network.heal("cut");
  await program.line(/created \/away\/new/);
  await client.setData("/away", "2");
  await program.line('data-changed /away "2"');
  assert.deepEqual(program.lines.slice(4, -1).sort(), [
    'created /away/new ""',
    'created /away/same "x"',
    "deleted /away/old",
    "deleted /away/same",
  ]);
});

test("a reader that goes, goes without noise; what is no path is said", async () => {
  const { status, err } = await run(["watch", "no-slash"]);
  assert.equal(status, 2);
  assert.match(err, /^cabildo: addWatch "no-slash"/);
});

/** Until the servers have the watch: nothing is printed of a node that is not there. */
async function watched(path: string): Promise<void> {
  while (!(await ensemble.members[0]!.ask("wchp")).includes(`${path}\n`)) await sleep(20);
}
