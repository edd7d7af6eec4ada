// A lease that ran out while nothing could be proposed is not ended by that later, when its client has been heard again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LeaderDuties } from "../../src/replica/duties/leader-duties.ts";
import { LeaseExpiry } from "../../src/replica/duties/lease-expiry.ts";
import { LeaseTracker } from "../../src/replica/lease-tracker.ts";
import { Lifecycle } from "../../src/replica/lifecycle.ts";
import { Ticks } from "../../src/replica/ticks.ts";
import { TurnEnd } from "../../src/replica/turn-end.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { Machine } from "../../src/state/machine.ts";
import type { Turn } from "../../src/state/model.ts";
import { coordinationModels } from "../../src/state/models.ts";

const TICK_MS = 100;

test("a stall of the disk behind a full log leaves a lease that is renewed alone", () => {
  const machine = new Machine(coordinationModels());
  const turn = { sequence: 1, member: 1, run: 1 } as Turn;
  const lease = machine.model(Leases).open({ timeoutMs: 1000, secret: null, isOwned: true }, turn)!;
  let now = 0;
  let tick = (): void => {};
  const clock = {
    now: () => now,
    after: (_: number, task: () => void) => {
      tick = task;
      return () => {};
    },
  };
  const raft = { role: "leader", leader: 1, canPropose: true, hasQuorumContact: true, lastIndex: 0, founding: null };
  const loop = { raft, submit() {}, diskSilentMs: 0 };
  const nothing = { askAgain() {}, onTick() {}, beginNext() {}, retry() {}, note() {}, sendRenewals() {} };
  const ended: number[] = [];
  const rounds = { beginNext() {}, proposeOwn: () => ended.push(now) };
  const lifecycle = new Lifecycle((error) => assert.fail(error));
  const leases = new LeaseTracker(machine, 2 * TICK_MS);
  leases.becomeLeader();
  const parts = { machine, loop, rounds, link: nothing, clock, lifecycle };
  const duties = new LeaderDuties([new LeaseExpiry(leases, { sessionsExpired: 0 } as never)], parts as never);
  const rest = { reads: nothing, leaseQuestions: nothing, proposals: nothing, status: nothing, logger: nothing };
  new Ticks({ ...parts, ...rest, tickMs: TICK_MS, electionTicks: 4, leases, duties } as never).start();
  while (now < 6000) {
    now += TICK_MS;
    raft.canPropose = now < 1000 || now > 3000;
    loop.diskSilentMs = now > 900 ? now - 900 : 0; // no time passes from 1300 on, in which the lease runs out
    if (now > 1300) leases.renew(lease.id);
    tick();
  }
  assert.deepEqual(ended, []);
});

test("what fails at the end of a turn is what the member ends by", () => {
  const ends: string[] = [];
  const lifecycle = new Lifecycle((error) => ends.push(error.message));
  let flush = (): void => {};
  const clock = {
    defer: (task: () => void) => {
      flush = task;
    },
  };
  const turn = new TurnEnd(clock as never, lifecycle, () => {
    lifecycle.fail(new Error("the cause"));
    throw new Error("a consequence");
  });
  turn.request();
  assert.doesNotThrow(flush);
  assert.deepEqual(ends, ["the cause"]);
});
