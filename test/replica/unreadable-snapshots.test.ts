// A leader's snapshot that is no state: refused before it counts, so that it ends nobody, now or at a later start.

import assert from "node:assert/strict";
import { CoordinationError } from "../../src/base/errors.ts";
import type { Message } from "../../src/consensus/raft/types.ts";
import { decodePeerMessage, encodeRaft } from "../../src/replica/peer-messages.ts";
import { RAFT } from "../../src/sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { Machine } from "../../src/state/machine.ts";
import { assertEqualStates, type Story, scenario } from "./story.ts";

type Chunk = Message & { readonly kind: "snapshot" };

/** What a hostile or broken leader makes of the bytes of its snapshot; the checksums on disk are of what came. */
const forgeries: Readonly<Record<string, (whole: Uint8Array) => Uint8Array>> = {
  "is garbage": (whole) => new Uint8Array(whole.length).fill(0x5a),
  "is empty": () => new Uint8Array(0),
  "ends early": (whole) => whole.subarray(0, whole.length - 40),
  "ends in the middle of a record": (whole) => whole.subarray(0, Math.floor(whole.length / 2)),
  "goes on after its end": (whole) => Uint8Array.of(...whole, 0, 0, 0, 1, 7),
  "comes twice": (whole) => Uint8Array.of(...whole, ...whole),
  "is of another format": (whole) => whole.with(4, 99),
  "has a kind of record that nobody knows": (whole) => whole.with(9, 200),
  "has a revision that cannot be": (whole) => whole.with(10, 0x7f),
  "has a negative time": (whole) => whole.with(18, 0xff),
  "stands for another index than it says": (whole) => whole.with(33, whole[33]! ^ 1),
};

/** A follower that was away for so long that it needs the leader's snapshot. */
async function fallBehind(story: Story): Promise<{ leader: SimulatedMember; behind: SimulatedMember }> {
  const { ensemble, create, until } = story;
  const leader = ensemble.leader()!;
  const behind = ensemble.followers()[0]!;
  const there = create(leader, "/there");
  await until(() => there.outcome === "created" && ensemble.isSettled());
  for (const { id } of ensemble.members) {
    if (id === behind.id) continue;
    ensemble.network.cut(id, behind.id);
    ensemble.network.cut(behind.id, id);
  }
  await ensemble.time.run(6000);
  for (let round = 0; round < 2; round++) {
    const created = create(leader, `/n${round}`);
    await until(() => created.outcome === "created");
    let isTaken = false;
    void leader.replica!.takeSnapshotNow().then(() => {
      isTaken = true;
    });
    await until(() => isTaken);
  }
  return { leader, behind };
}

/** From here on each snapshot that the member is sent comes in one piece, and forged. */
function forge(member: SimulatedMember, forgery: (whole: Uint8Array) => Uint8Array): { stop(): void; forged: number } {
  const replica = member.replica!;
  const onFrame = replica.onFrame.bind(replica);
  const control = {
    forged: 0,
    stop: () => {
      replica.onFrame = onFrame;
    },
  };
  replica.onFrame = (from, frame) => {
    const decoded = decodePeerMessage(frame);
    if (decoded.kind !== "raft" || decoded.message.kind !== "snapshot") return onFrame(from, frame);
    const chunk: Chunk = decoded.message;
    if (chunk.offset > 0 || !chunk.done) throw new Error("the snapshot is to fit into one chunk");
    control.forged++;
    onFrame(from, encodeRaft({ ...chunk, data: forgery(chunk.data) }));
  };
  return control;
}

function snapshotFiles(member: SimulatedMember): string[] {
  return member.disk.paths.filter((path) => path.includes("/snapshot-"));
}

const tailless = { replica: { raft: { ...RAFT, tailBytesMax: 0, snapshotChunkBytes: 1 << 20 } } };

for (const [what, forgery] of Object.entries(forgeries)) {
  scenario(
    `a leader's snapshot that ${what} is thrown away, and the member goes on with what it had`,
    tailless,
    async (story) => {
      const { ensemble, until } = story;
      const { behind } = await fallBehind(story);
      const hash = behind.replica!.machine.hash();
      const before = snapshotFiles(behind);
      const hungUp: string[] = [];
      ensemble.network.onHangUp = (by, on, why) => hungUp.push(`${by} on ${on}: ${why}`);
      const control = forge(behind, forgery);
      ensemble.heal();
      await until(() => control.forged > 2 && hungUp.length > 1);
      // It lives, it has what it had, and nothing of the forgery is on its disk.
      assert.equal(behind.fatal, null);
      assert.equal(behind.replica!.machine.hash(), hash);
      assert.deepEqual(
        snapshotFiles(behind).filter((path) => !path.endsWith(".unfinished")),
        before,
      );
      assert.ok(
        hungUp.every((line) => line.startsWith(`${behind.id} on `) && line.endsWith("that is no state")),
        hungUp[0],
      );
      // It starts again from that, and takes an honest snapshot.
      control.stop();
      behind.kill();
      await story.start(behind);
      await until(() => ensemble.isSettled());
      assert.ok(snapshotFiles(behind).length > before.length, "it was an honest snapshot that it got");
      assertEqualStates(ensemble);
    },
  );
}

scenario(
  "a latest snapshot on the disk that is no state ends the start with a sentence that says what to do",
  tailless,
  async (story) => {
    const { ensemble, until } = story;
    const { leader } = await fallBehind(story);
    ensemble.heal();
    await until(() => ensemble.isSettled());
    // As a version that another one can read no more would have left it: its checksums are right.
    const restore = Machine.prototype.restore;
    leader.kill();
    Machine.prototype.restore = function (this: Machine) {
      const restorer = restore.call(this);
      restorer.push = () => {
        throw new Error("state format 99, this version reads 2");
      };
      return restorer;
    };
    try {
      void leader.start();
      await until(() => leader.fatal !== null);
      const { fatal } = leader;
      assert.ok(fatal instanceof CoordinationError);
      assert.equal(fatal.code, "damaged");
      assert.match(fatal.message, /^the latest snapshot, \/data\/snapshot-\d+-\d+, is undamaged, .*: state format 99/);
      assert.match(fatal.message, /move this one file out of the data directory and start again/);
      leader.fatal = null;
    } finally {
      Machine.prototype.restore = restore;
    }
  },
);
