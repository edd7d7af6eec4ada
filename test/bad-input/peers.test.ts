// A hostile peer: someone with a connection to the peer ports, who speaks the members' protocol and lies. Once on plain
// ports, where it passes for a member that nobody has listed, and once where members know a secret. The ensemble keeps its
// leader, the honest clients notice nothing, and the member's memory stays where it was.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decodeHello, HELLO_BYTES } from "../../src/adapters/peers/hello.ts";
import { PROOF_BYTES, VERDICT_BYTES } from "../../src/adapters/peers/shared-secret.ts";
import { bytesOf } from "../../src/base/text.ts";
import type { Message } from "../../src/consensus/raft/types.ts";
import { encodePropose, encodeRaft } from "../../src/replica/peer-messages.ts";
import { memoryOf } from "../support/processes.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import { root } from "./attacks.ts";
import { framed, greeting, portOf } from "./hostile-peer.ts";
import { RawConnection } from "./raw-connection.ts";
import { isOurs, memoryComesBack, Scene } from "./scene.ts";

const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const growthMaxMb = 150;
const stranger = 77;
const callers = 300;
const secret = "what all members know and no stranger";
const onlyOurs = { skip: !isOurs, timeout: 120_000 };

const largest = [2 ** 53 - 1, 2 ** 52, 2 ** 40, 2 ** 33];
const nowhere = { index: 0, term: 0 };

/** A term that no encoder of ours would write. */
function withTerm(hex: string, message: Message): Uint8Array {
  const bytes = Buffer.from(encodeRaft(message));
  bytes.write(hex, 1, "hex");
  return bytes;
}

function lies(): readonly Uint8Array[] {
  const configuration = {
    cluster: 0,
    members: [{ id: 77, role: "voter", incarnation: 1, description: "" }],
    outgoing: [],
  } as const;
  const entry = { index: 1, term: 1, kind: "commands", payload: bytesOf("garbage") } as const;
  const ofTerm = (term: number): Message[] => [
    { kind: "append", term, previous: nowhere, entries: [entry], commitIndex: 1, round: 1 },
    { kind: "append-reply", term, matched: true, index: 2 ** 50, conflictTerm: 0, round: 2 ** 50, incarnation: 1 },
    {
      kind: "request-vote",
      term,
      pre: false,
      last: { index: 2 ** 50, term: 1 },
      transfer: true,
      founding: null,
      incarnation: 1,
    },
    { kind: "vote", term, pre: true, granted: false, standing: null, incarnation: 1 },
    {
      kind: "snapshot",
      term,
      snapshot: { index: 2 ** 40, term: 1, configuration },
      offset: 0,
      data: bytesOf("half"),
      done: true,
      round: 1,
    },
    { kind: "snapshot-reply", term, index: 1, offset: 2 ** 50, done: true, round: 2 ** 50, incarnation: 1 },
    { kind: "timeout-now", term },
    { kind: "read-request", term, context: 1 },
    { kind: "read-reply", term, context: 1, index: 2 ** 50 },
  ];
  return [
    ...[1, 2, 3, 100, ...largest].flatMap(ofTerm).map(encodeRaft),
    ...["4000000000000000", "7fffffffffffffff", "ffffffffffffffff", "0020000000000000"].flatMap((hex) =>
      ofTerm(1).map((message) => withTerm(hex, message)),
    ),
    encodePropose(bytesOf("garbage")),
    encodePropose(new Uint8Array(100).fill(1)),
    bytesOf("\u0063 no message at all"),
    new Uint8Array(1000).fill(255),
  ];
}

for (const kind of ["plain", "secret"] as const) {
  describe(`a hostile peer, ${kind === "plain" ? "where members prove nothing" : "where members know a secret"}`, () => {
    let scene: Scene;

    before(async () => {
      if (isOurs) scene = await Scene.open({ config: kind === "secret" ? [`peer.secret=${secret}`] : [] });
    });
    after(async () => {
      await scene?.[Symbol.asyncDispose]();
    });

    /** One frame at a time, each on a connection of its own, to each member. */
    async function tell(frames: readonly Uint8Array[], from: number): Promise<void> {
      for (const member of scene.ensemble.members) {
        if (member.id === from) continue;
        for (const frame of frames) {
          const connection = await RawConnection.open(portOf(member));
          connection.send(greeting(from, member.id));
          connection.send(framed(frame));
          connection.socket.end();
          await connection.closing();
          connection.destroy();
        }
      }
    }

    test("lies of a member that nobody has listed end nobody, and unseat no leader", onlyOurs, async (t) => {
      await tell(lies(), stranger);
      t.diagnostic(await scene.assertUnharmed(p99BoundMs));
    });

    test("the same on one connection, until it is cut", onlyOurs, async () => {
      for (const member of scene.ensemble.members) {
        const connection = await RawConnection.open(portOf(member));
        connection.send(greeting(stranger, member.id));
        for (const lie of lies()) connection.send(framed(lie));
        await connection.closing();
        connection.destroy();
      }
      await scene.assertUnharmed(p99BoundMs);
    });

    test("frames that are announced and never end take no memory to speak of", onlyOurs, async () => {
      const victim = await scene.victim();
      const quiet = memoryOf(victim.pid, "VmRSS");
      const connections: RawConnection[] = [];
      for (let i = 0; i < 40; i++) {
        const connection = await RawConnection.open(portOf(victim));
        connection.send(greeting(1000 + i, victim.id));
        connection.send(Buffer.concat([Buffer.of(3, 255, 255, 255), Buffer.alloc(3_000_000)]));
        connections.push(connection);
      }
      await scene.assertUnharmed(p99BoundMs);
      const crowded = memoryOf(victim.pid, "VmRSS");
      assert.ok(crowded - quiet < growthMaxMb, `${(crowded - quiet).toFixed(0)} MB more`);
      for (const connection of connections) connection.destroy();
      await memoryComesBack(victim, quiet + growthMaxMb);
    });

    test(
      `${callers} callers that greet and then say nothing, or say it byte by byte, keep no member out`,
      onlyOurs,
      async () => {
        const victim = await scene.victim();
        const connections: RawConnection[] = [];
        for (let i = 0; i < callers; i++) {
          const connection = await RawConnection.open(portOf(victim));
          connection.send(
            greeting(1000 + i, victim.id, { proof: kind === "secret" ? "demanded" : "none" }).subarray(
              0,
              20 + (i % 59),
            ),
          );
          connections.push(connection);
        }
        await scene.assertUnharmed(p99BoundMs);
        for (const connection of connections) connection.destroy();
      },
    );
  });
}

test(
  "where members know a secret, who says that it is member 3 gets a refusal, and nothing of the log",
  onlyOurs,
  async () => {
    await using scene = await Scene.open({ config: [`peer.secret=${secret}`] });
    const client = await ZooKeeperClient.connect(scene.ensemble.members[0]!.address);
    await client.create(`${root}/told`, "");
    for (const member of scene.ensemble.members) {
      for (const proof of ["none", "offered", "demanded"] as const) {
        for (const other of scene.ensemble.members) {
          if (other === member) continue;
          const connection = await RawConnection.open(portOf(member));
          connection.send(greeting(other.id, member.id, { proof }));
          await client.setData(`${root}/told`, "for members alone");
          connection.send(Buffer.alloc(PROOF_BYTES, 9));
          connection.send(framed(bytesOf("and a frame")));
          await connection.closing();
          const received = Buffer.from(connection.received);
          assert.ok(received.length <= HELLO_BYTES + VERDICT_BYTES, `${received.length} bytes`);
          assert.ok(!received.includes("for members alone") && !received.includes(secret));
          const hello = decodeHello(received.subarray(0, HELLO_BYTES));
          assert.ok(hello === null || (hello.reply !== "welcome" && hello.cluster === 0));
          connection.destroy();
        }
      }
    }
    await client.close();
    await scene.assertUnharmed(p99BoundMs);
  },
);
