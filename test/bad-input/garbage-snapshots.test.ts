// A hostile peer that passes for a listed member, where members prove nothing: it leads the only member that is up, and sends it
// snapshots that are no state. The member goes on with what it had, and so it does after a restart.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Message } from "../../src/consensus/raft/types.ts";
import { type Ensemble, type Member, startEnsemble } from "../support/ensemble.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import { HostilePeer } from "./hostile-peer.ts";
import { isOurs, logs } from "./scene.ts";

const written = 300;
const farAhead = 1000; // entries beyond what the member holds
const impostorOf = 2;
const nowhere = { index: 0, term: 0 };

interface Report {
  readonly term: number;
  readonly lastIndex: number;
  readonly members: readonly { readonly id: number; readonly peers: readonly string[] }[];
}

async function reportOf(member: Member): Promise<Report> {
  return JSON.parse(await member.ask("memb")) as Report;
}

/** Everything below a folder, its sizes left out: files by name. */
function snapshotsOf(member: Member): string[] {
  const names = readdirSync(member.dataDirectory, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /snapshot-\d+-\d+/.test(name) && statSync(join(member.dataDirectory, name)).isFile());
}

test("garbage snapshots of who passes for a member end nobody, and take nothing that was acknowledged", {
  skip: !isOurs,
  timeout: 120_000,
}, async () => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 3, config: ["snapCount=100"] });
  const [victim, ...others] = ensemble.members as readonly [Member, Member, Member];
  const acknowledged = await writeThrough(victim);
  for (const member of others) await member.kill();
  const before = snapshotsOf(victim);
  assert.ok(before.length > 0, "it has a snapshot of its own");
  const { pid } = victim;

  const ofItsOwn = readFileSync(join(victim.dataDirectory, before.at(-1)!));
  const forgeries: Readonly<Record<string, readonly Uint8Array[]>> = {
    noise: [Uint8Array.from({ length: 65_536 }, (_, i) => (i * 197 + 89) & 0xff)],
    nothing: [new Uint8Array(0)],
    "zeros, in three chunks": [new Uint8Array(1000), new Uint8Array(1000), new Uint8Array(1000)],
    "a file of its own, as it is on the disk": [ofItsOwn],
    "half of it, in two chunks": [ofItsOwn.subarray(0, 100), ofItsOwn.subarray(100, ofItsOwn.length >> 1)],
  };
  for (const [what, chunks] of Object.entries(forgeries)) {
    const from = victim.log().length;
    await lead(victim, chunks);
    await logs(victim, /the leader's snapshot of index \d+ cannot be read/, from);
    assert.equal(victim.pid, pid, `it lives after ${what}\n${ensemble.lastWords()}`);
    assert.deepEqual(snapshotsOf(victim), before, `nothing is kept of ${what}`);
  }

  await victim.kill();
  await victim.restart();
  for (const member of others) await member.restart();
  await ensemble.waitReady();
  await assertServes(ensemble, victim, acknowledged);
});

/** Leads the member in a term above its own, as another member, until it has taken these chunks for a snapshot, and hangs up. */
async function lead(victim: Member, chunks: readonly Uint8Array[]): Promise<void> {
  const { term: own, lastIndex, members } = await reportOf(victim);
  const term = own + 1;
  const configuration: (Message & { kind: "snapshot" })["snapshot"]["configuration"] = {
    cluster: 0,
    members: members.map(({ id, peers }) => ({ id, role: "voter", incarnation: 1, description: `${peers[0]}:1` })),
    outgoing: [],
  };
  const snapshot = { index: lastIndex + farAhead, term, configuration };
  const impostor = await HostilePeer.call(victim, impostorOf);
  impostor.say({ kind: "append", term, previous: nowhere, entries: [], commitIndex: 0, round: 1 });
  const reply = await impostor.hear("append-reply");
  assert.deepEqual([reply.term, reply.matched], [term, true], "it is led");
  assert.equal((await reportOf(victim)).term, term);
  let offset = 0;
  for (const [i, data] of chunks.entries()) {
    const done = i === chunks.length - 1;
    impostor.say({ kind: "snapshot", term, snapshot, offset, data, done, round: 2 + i });
    offset += data.length;
    if (!done) assert.equal((await impostor.hear("snapshot-reply")).offset, offset);
  }
  await impostor.closing();
  impostor.hangUp();
}

/** Nodes that were acknowledged, and that the member has applied. */
async function writeThrough(member: Member): Promise<Map<string, string>> {
  const acknowledged = new Map<string, string>();
  const client = await ZooKeeperClient.connect(member.address);
  for (let i = 0; i < written; i++) {
    const [path, data] = [`/kept-${i}`, `data of ${i}`];
    await client.create(path, data);
    acknowledged.set(path, data);
  }
  await client.close();
  return acknowledged;
}

async function assertServes(
  ensemble: Ensemble,
  member: Member,
  acknowledged: ReadonlyMap<string, string>,
): Promise<void> {
  const client = await ZooKeeperClient.connect(member.address);
  await client.sync("/");
  for (const [path, data] of acknowledged) {
    assert.equal((await client.getData(path)).data, data, `${path}\n${ensemble.lastWords()}`);
  }
  await client.create("/written-afterwards");
  await client.close();
}
