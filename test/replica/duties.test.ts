// The list of a leader's duties: who is asked when, and what becomes of what they return.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConsensusLoop } from "../../src/replica/consensus-loop.ts";
import type { Encode, LeaderDuty, LeaderView } from "../../src/replica/duties/duty.ts";
import { LeaderDuties } from "../../src/replica/duties/leader-duties.ts";
import type { LeaderRounds } from "../../src/replica/leader-rounds.ts";
import { Lifecycle } from "../../src/replica/lifecycle.ts";
import type { PeerLink } from "../../src/replica/peer-link.ts";
import { VirtualClock, VirtualTime } from "../../src/sim/kernel/time.ts";
import type { Machine } from "../../src/state/machine.ts";

/** A duty that has one command to propose each time that it is asked, and writes down what it is told. */
class Diary implements LeaderDuty {
  readonly name = "diary";
  readonly intervalMs?: number;
  readonly lines: string[] = [];

  constructor(intervalMs?: number) {
    if (intervalMs !== undefined) this.intervalMs = intervalMs;
  }

  onInterval(): void {
    this.lines.push("interval");
  }

  due(view: LeaderView): readonly Encode[] {
    this.lines.push(`asked, applied ${view.appliedIndex}`);
    return [(writer) => writer.uint8(7)];
  }

  onProposed(lastIndex: number): void {
    this.lines.push(`proposed up to ${lastIndex}`);
  }

  reset(): void {
    this.lines.push("reset");
  }
}

function stage(duty: LeaderDuty) {
  const time = new VirtualTime();
  const clock = new VirtualClock(time);
  const raft = { role: "leader", canPropose: true, lastIndex: 10 };
  const loop = { raft } as unknown as ConsensusLoop;
  const rounds = {
    proposeOwn: (commands: readonly Encode[]) => {
      raft.lastIndex += commands.length;
    },
  } as unknown as LeaderRounds;
  const machine = { appliedIndex: 4 } as Machine;
  const lifecycle = new Lifecycle((error) => assert.fail(error));
  const link = {} as PeerLink;
  const duties = new LeaderDuties([duty], { machine, loop, rounds, link, clock, lifecycle });
  return { time, raft, duties, lifecycle };
}

test("a duty is asked at each tick of a leader, and told where its commands stand", () => {
  const diary = new Diary();
  const { duties } = stage(diary);
  duties.tick();
  duties.tick();
  assert.deepEqual(diary.lines, [
    ...["asked, applied 4", "proposed up to 11"],
    ...["asked, applied 4", "proposed up to 12"],
  ]);
});

test("nobody is asked on a follower, nor while the log takes no proposals", () => {
  const diary = new Diary();
  const { duties, raft } = stage(diary);
  raft.canPropose = false;
  duties.tick();
  raft.canPropose = true;
  raft.role = "follower";
  duties.tick();
  assert.deepEqual(diary.lines, []);
  duties.reset();
  assert.deepEqual(diary.lines, ["reset"]);
});

test("a duty with an interval has a clock of its own, which runs on followers too, and ends with the replica", async () => {
  const diary = new Diary(250);
  const { duties, raft, time, lifecycle } = stage(diary);
  duties.start();
  await time.run(300);
  assert.deepEqual(diary.lines, ["interval", "asked, applied 4", "proposed up to 11"]);
  raft.role = "follower";
  await time.run(250);
  assert.deepEqual(diary.lines.slice(3), ["interval"]);
  lifecycle.end();
  await time.run(1000);
  assert.equal(diary.lines.length, 4);
});
