// Wrong doors. A peer port gets what clients and others send, the client port gets what members say to each other, and a
// member of another cluster calls. Each is turned away with a line in the log; no term passes and no client notices.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { encodeHello, NONCE_BYTES, WIRE_VERSION, WIRE_VERSION_OLDEST } from "../../src/adapters/peers/hello.ts";
import { type Member, startEnsemble } from "../support/ensemble.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import { frameOf, writeConnectRequest } from "../support/zookeeper-frames.ts";
import { Control } from "./control.ts";
import { RawConnection } from "./raw-connection.ts";
import { isOurs, logs, Scene } from "./scene.ts";

const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const silentCallers = 500;
const livedFor = 20; // writes of the other cluster

// ZooKeeper's members know no cluster by name, and say other things on other ports.
const onlyOurs = { skip: !isOurs, timeout: 90_000 };

let scene: Scene;

before(async () => {
  if (isOurs) scene = await Scene.open();
});

after(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const strange: readonly [what: string, bytes: Uint8Array, ends?: boolean][] = [
  ["a client's greeting", frameOf((w) => writeConnectRequest(w))],
  ["a four-letter word", Buffer.from("ruok")],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: here\r\n\r\n")],
  ["TLS", Buffer.from("16030100a10100009d0303", "hex")],
  ["a frame of 2^31-1 bytes", Buffer.from("7fffffff", "hex")],
  ["noise", Uint8Array.from({ length: 65_536 }, (_, i) => (i * 197 + 89) & 0xff)],
  [
    "the beginning of a member's word, and then noise",
    Buffer.from("cab11d000d0a1a0affffffffffffffffffffffffffffffffffffffffffffffffffff", "hex"),
  ],
  ["half of a member's word, and then the end", Buffer.from("cab11d000d0a1a0a0001", "hex"), true],
];

for (const [what, bytes, ends] of strange) {
  test(`a peer port that gets ${what} hangs up`, onlyOurs, async () => {
    for (const member of scene.ensemble.members) {
      for (const port of peerPorts(member)) {
        const connection = await RawConnection.open(port).catch(() => undefined);
        if (connection === undefined) continue; // the second port of a server line may not be in use
        connection.send(bytes);
        if (ends) connection.socket.end();
        await connection.closing();
        assert.ok(connection.received.length <= 64, "no more than one word in reply");
        connection.destroy();
      }
    }
    await scene.assertUnharmed(p99BoundMs);
  });
}

test("such a caller is named in the log", onlyOurs, async () => {
  for (const member of scene.ensemble.members) await logs(member, /call on the peer port from \S+ is refused: .+/);
});

test(`${silentCallers} callers of a peer port that say nothing are cut off`, onlyOurs, async () => {
  const member = await scene.ensemble.leader();
  const [port] = peerPorts(member);
  const callers = await Promise.all(Array.from({ length: silentCallers }, () => RawConnection.open(port!)));
  await Promise.all(callers.map((caller) => caller.closing()));
  for (const caller of callers) caller.destroy();
  await logs(member, /callers? on the peer port|called on the peer port/);
  await scene.assertUnharmed(p99BoundMs);
});

test("a member of another cluster is turned away at the peer port, and its own one comes back", onlyOurs, async () => {
  // What a wrong mount does: a member starts on the data of another cluster's member of the same number.
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 3 });
  const leader = await ensemble.leader();
  const victim = ensemble.members.find((member) => member !== leader)!;
  const others = ensemble.members.filter((member) => member !== victim);
  const control = await Control.start(others);
  const foreign = await dataOfAnotherCluster(victim.id);
  try {
    const own = readFileSync(victim.configFile, "utf8");
    await victim.kill("SIGTERM");
    const from = victim.log().length;
    writeFileSync(victim.configFile, own.replace(/^dataDir=.*$/m, `dataDir=${foreign}`));
    await victim.restart();
    await logs(victim, /calling from \S+, is refused: .*\(cluster [0-9a-f]+\)/, from);
    for (const other of others) await logs(other, /member \d+ at \S+ refuses this member: .*another ensemble/);
    await assert.rejects(ZooKeeperClient.connect(victim.address, { patienceMs: 6000 }), "it serves nobody");
    await control.assertUndisturbed(p99BoundMs);

    await victim.kill("SIGTERM");
    writeFileSync(victim.configFile, own);
    await victim.restart();
    await ensemble.waitReady();
    assert.equal((await ensemble.leader()).id, leader.id, "nobody had to elect");
  } finally {
    await control.stop();
    rmSync(foreign, { recursive: true, force: true });
  }
});

test("a client port that gets a member's words hangs up", onlyOurs, async () => {
  for (const member of scene.ensemble.members) {
    const from = member.log().length;
    const hello = {
      version: WIRE_VERSION,
      versionOldest: WIRE_VERSION_OLDEST,
      reply: "welcome",
      proof: "none",
      from: 1,
      to: 2,
      cluster: 99,
      incarnation: 1,
      nonce: new Uint8Array(NONCE_BYTES),
    } as const;
    const connection = await RawConnection.open(member.clientPort);
    connection.send(encodeHello(hello));
    await connection.closing();
    assert.equal(connection.received.length, 0);
    connection.destroy();
    await logs(member, /connection closed: .+/, from);
  }
});

/** The data directory of a member, by number, of an ensemble that has lived and ended. */
async function dataOfAnotherCluster(id: number): Promise<string> {
  await using others = await startEnsemble({ flavour: "cabildo", members: 3 });
  const member = others.members[id - 1]!;
  const client = await ZooKeeperClient.connect(member.address);
  for (let i = 0; i < livedFor; i++) await client.create(`/lived-${i}`);
  await client.close();
  await member.kill("SIGKILL");
  const copy = mkdtempSync(join(tmpdir(), "cabildo-foreign-"));
  cpSync(member.dataDirectory, copy, { recursive: true });
  return copy;
}

function peerPorts(member: Member): number[] {
  return member.peerAddress.split(":").slice(1).map(Number);
}
