// How an ensemble begins, and how one grows by its members' files: every order of starts, members that are wiped, blank or
// late, and files that disagree. At no time do two ensembles answer, and what was acknowledged is never lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, toByteString } from "../../src/base/text.ts";
import type { MemberId } from "../../src/consensus/raft/types.ts";
import { fileOf, memberOf, SimulatedEnsemble, standaloneFile } from "../../src/sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { MemberInvariants } from "../../src/sim/kernel/member-invariants.ts";
import { describe } from "../../src/state/membership/description.ts";
import { encodeCreate, encodeIdentities, encodeReconfig } from "../../src/state/tree/commands.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { dataOf } from "./story.ts";

const ANYONE = encodeIdentities([]);
const OPEN_ACL = [{ perms: 31, scheme: "world", id: "anyone" }];
/** Long enough for any number of elections. */
const LONG_MS = 30_000;

/** Machines that are not started yet, and clients that write on any of them. */
class Machines {
  readonly invariants = new MemberInvariants();
  readonly ensemble: SimulatedEnsemble;
  readonly acknowledged: string[] = [];
  /** Whether the invariants hold for one log. */
  isOneLog = true;
  #written = 0;

  constructor(count: number, seed: number) {
    this.ensemble = new SimulatedEnsemble({ members: count, seed, observer: this.invariants });
  }

  member(id: MemberId): SimulatedMember {
    return this.ensemble.member(id);
  }

  /** They start with this file, one after the other. */
  async start(ids: readonly MemberId[], file = fileOf(this.ensemble.members.map(({ id }) => id))): Promise<void> {
    for (const id of ids) {
      const member = this.member(id);
      member.file = file;
      void member.restart();
      await this.pass(2000);
    }
  }

  async pass(milliseconds: number): Promise<void> {
    await this.ensemble.time.runUntil(() => false, milliseconds);
    this.check();
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const held = await this.ensemble.time.runUntil(condition, LONG_MS);
    this.check();
    const warned = this.ensemble.members.map(({ id, warnings }) => `${id}: ${warnings.at(-1)}`).join("\n");
    assert.ok(held, `${what} did not come about within ${LONG_MS} virtual ms\n${warned}`);
  }

  check(): void {
    if (this.isOneLog) assert.deepEqual(this.invariants.violations, []);
  }

  /** Tries a write on each member that is up; true where any was acknowledged. */
  async write(): Promise<boolean> {
    const before = this.acknowledged.length;
    for (const { replica } of this.ensemble.members) {
      if (replica === undefined || replica.admission() !== "open") continue;
      const path = `/${++this.#written}`;
      encodeCreate(replica.begin(), 0, ANYONE, { path, data: bytesOf(toByteString("x")), acl: OPEN_ACL, mode: 0 });
      replica.commit(replica.machine.model(TreeModel), {
        onOutcome: (outcome) => {
          if (outcome.kind === "created") this.acknowledged.push(path);
        },
        onRefused() {},
      });
    }
    await this.pass(3000);
    return this.acknowledged.length > before;
  }

  /** All of these are voters of one ensemble and hold everything that was acknowledged. */
  async untilOne(ids: readonly MemberId[]): Promise<void> {
    await this.until(
      () =>
        ids.every((id) => {
          const { configuration, leader } = this.member(id).replica?.status ?? { configuration: null, leader: null };
          const voters = configuration?.members.filter(({ role }) => role === "voter").map((member) => member.id);
          return leader !== null && String(voters) === String(ids) && configuration?.outgoing.length === 0;
        }),
      `one ensemble of ${ids}`,
    );
    assert.ok(await this.write(), "it takes writes");
    await this.until(() => this.ensemble.isSettled(), "an end of the writes");
    for (const id of ids) {
      for (const path of this.acknowledged) assert.equal(dataOf(this.member(id), path), "x", `${path} on ${id}`);
    }
    assert.equal(new Set(ids.map((id) => this.member(id).replica!.machine.hash())).size, 1, "one state");
  }

  /** Nobody leads, however long one waits; and somebody says so. */
  async assertNobodyServes(saying: RegExp): Promise<void> {
    await this.pass(LONG_MS);
    assert.equal(await this.write(), false, "a write was acknowledged");
    const warnings = this.ensemble.members.flatMap((member) => member.warnings);
    assert.ok(
      warnings.some((line) => saying.test(line)),
      `nobody said ${saying}: ${warnings.join("\n")}`,
    );
  }
}

function story(title: string, count: number, tell: (machines: Machines) => Promise<void>): void {
  for (const seed of [1, 2, 3]) {
    test(`${title} (seed ${seed})`, async () => {
      const machines = new Machines(count, seed);
      await tell(machines);
      machines.check();
    });
  }
}

function ordersOf(ids: readonly MemberId[]): MemberId[][] {
  if (ids.length < 2) return [[...ids]];
  return ids.flatMap((first) => ordersOf(ids.filter((id) => id !== first)).map((rest) => [first, ...rest]));
}

/** A member with data of its own, that has been alone so far. */
async function standalone(machines: Machines, id: MemberId): Promise<void> {
  await machines.start([id], standaloneFile(id));
  assert.ok(await machines.write(), "a member alone serves");
  machines.member(id).kill();
}

// ------------------------------------------------------------------------------------------------------------ founding

for (const order of ordersOf([1, 2, 3])) {
  story(`three blank members begin one ensemble, started in the order ${order}`, 3, async (machines) => {
    await machines.start(order.slice(0, 2));
    await machines.assertNobodyServes(new RegExp(`member ${order[2]} does not answer`));
    await machines.start(order.slice(2));
    await machines.untilOne([1, 2, 3]);
  });
}

story("seven blank members begin one ensemble", 7, async (machines) => {
  for (const member of machines.ensemble.members) void member.start();
  await machines.untilOne([1, 2, 3, 4, 5, 6, 7]);
});

story("one lost disk and one member never started are no ensemble while the third is cut off", 3, async (machines) => {
  machines.member(1).foundWithout = [3];
  await machines.start([1, 2]);
  assert.ok(await machines.write());
  machines.member(1).wipe();
  machines.member(1).foundWithout = [];
  machines.ensemble.partition([1, 3], [2]);
  await machines.start([1, 3]);
  await machines.assertNobodyServes(/member 2 does not answer/);
});

story("a lost disk begins nothing with members that were never there, however many", 5, async (machines) => {
  await machines.start([1, 2, 3], fileOf([1, 2, 3]));
  assert.ok(await machines.write());
  machines.ensemble.partition([1, 2, 4, 5], [3]);
  for (const id of [1, 2]) machines.member(id).wipe();
  await machines.start([1, 2, 4, 5]);
  await machines.assertNobodyServes(/member 3 does not answer/);
});

story("the operator may begin without one that never held data; it joins when it comes", 3, async (machines) => {
  machines.member(2).foundWithout = [3];
  await machines.start([1, 2]);
  await machines.until(() => machines.ensemble.isSettled(), "an ensemble of two");
  assert.ok(await machines.write());
  await machines.start([3]);
  await machines.untilOne([1, 2, 3]);
});

story("one that remembers stands in the way even where the others may begin without it", 3, async (machines) => {
  await machines.start([1, 2, 3]);
  await machines.until(() => machines.ensemble.isSettled(), "an ensemble");
  assert.ok(await machines.write());
  for (const id of [1, 2]) machines.member(id).wipe();
  for (const id of [1, 2]) machines.member(id).foundWithout = [3];
  await machines.start([1, 2]);
  await machines.assertNobodyServes(/members? (1 and )?3 ha(s|ve) data of an ensemble already/);
});

story("members whose files name other voters begin nothing until the files agree", 3, async (machines) => {
  await machines.start([1, 2], fileOf([1, 2, 3]));
  await machines.start([3], fileOf([2, 3]));
  await machines.assertNobodyServes(/lists other voters/);
  await machines.start([3], fileOf([1, 2, 3]));
  await machines.untilOne([1, 2, 3]);
});

story("of two lists one becomes an ensemble, and who lists more waits for it", 3, async (machines) => {
  await machines.start([3], fileOf([1, 2, 3]));
  await machines.start([1, 2], fileOf([1, 2]));
  await machines.until(() => machines.member(1).replica?.status.hasQuorum === true, "an ensemble of 1 and 2");
  assert.ok(await machines.write());
  const { configuration } = machines.member(1).replica!.status;
  assert.deepEqual(
    configuration.members.map(({ id }) => id),
    [1, 2],
  );
  await machines.start([1, 2], fileOf([1, 2, 3]));
  await machines.untilOne([1, 2, 3]);
});

// ------------------------------------------------------------------------------------------------------ growing by file

for (const order of ordersOf([1, 2, 3])) {
  story(`a member alone grows to three by its file, started in the order ${order}`, 3, async (machines) => {
    await standalone(machines, 1);
    await machines.start(order.slice(0, 2));
    await machines.assertNobodyServes(new RegExp(`member ${order[2]} does not answer|has data of an ensemble already`));
    await machines.start(order.slice(2));
    await machines.untilOne([1, 2, 3]);
  });
}

story("a member alone does not lead against its file, whatever its clients want", 3, async (machines) => {
  await standalone(machines, 1);
  await machines.start([1]);
  await machines.assertNobodyServes(/its file lists more voters.*members 2 and 3 do not answer/);
  await machines.start([1], standaloneFile(1));
  assert.ok(await machines.write(), "with its old file it is alone again");
});

for (const crashed of [1, 2, 3]) {
  story(`growing survives a loss of power of member ${crashed} at any moment`, 3, async (machines) => {
    await standalone(machines, 1);
    await machines.start([2, 3]);
    void machines.member(1).start();
    machines.member(1).file = fileOf([1, 2, 3]);
    await machines.start([1]);
    for (let at = 0; at < 12; at++) {
      machines.member(crashed).crash();
      void machines.member(crashed).start();
      await machines.pass(40 + 37 * at);
    }
    await machines.untilOne([1, 2, 3]);
  });
}

story("two members alone, each with data, do not become one ensemble, nor does either lead", 3, async (machines) => {
  machines.isOneLog = false; // to begin with, there are two
  await standalone(machines, 1);
  const [kept] = machines.acknowledged;
  await standalone(machines, 2);
  await machines.start([3, 2, 1]);
  await machines.assertNobodyServes(/data of another ensemble|does not answer \(where it refuses/);
  machines.member(2).wipe();
  await machines.start([2]);
  machines.acknowledged.splice(0, 2, kept!);
  await machines.untilOne([1, 2, 3]);
});

story("a member alone grows without one that never held data, if its own operator says so", 3, async (machines) => {
  await standalone(machines, 1);
  machines.member(2).foundWithout = [3];
  await machines.start([1, 2], fileOf([1, 2, 3]));
  await machines.assertNobodyServes(/member 3 does not answer/);
  machines.member(1).foundWithout = [3];
  await machines.start([1]);
  await machines.until(() => machines.member(2).replica?.status.leader === 1, "an ensemble without 3");
  assert.ok(await machines.write());
  await machines.start([3]);
  await machines.untilOne([1, 2, 3]);
});

for (const size of [5, 7]) {
  const all = Array.from({ length: size }, (_, i) => i + 1);
  const added = all.slice(3);

  story(`three grow to ${size} by rolling restarts with a new file, the new ones first`, size, async (machines) => {
    await machines.start([1, 2, 3], fileOf([1, 2, 3]));
    assert.ok(await machines.write());
    await machines.start(added);
    assert.ok(await machines.write(), "the three serve");
    for (const id of [1, 2, 3]) {
      await machines.start([id]);
      assert.ok(await machines.write(), "and go on serving");
    }
    await machines.untilOne(all);
  });

  story(`three grow to ${size} when all are stopped and started, the new ones first`, size, async (machines) => {
    await machines.start([1, 2, 3], fileOf([1, 2, 3]));
    assert.ok(await machines.write());
    for (const id of [1, 2, 3]) machines.member(id).kill();
    await machines.start(added);
    await machines.assertNobodyServes(/members 1 and 2 and 3 do not answer/);
    await machines.start([3, 1, 2]);
    await machines.untilOne(all);
  });
}

story("whoever alone lists more members waits for the leader's file, and says so", 5, async (machines) => {
  await machines.start([1, 2, 3], fileOf([1, 2, 3]));
  const follower = machines.ensemble.followers().find(({ isUp }) => isUp)!.id;
  await machines.start([follower, 4, 5], fileOf([1, 2, 3, 4, 5]));
  await machines.until(
    () =>
      machines.member(follower).warnings.some((line) => /server.4, server.5.*the ensemble does not know/.test(line)),
    "a warning",
  );
  assert.ok(await machines.write());
});

story("nobody leaves because a file lists fewer, and after a reconfiguration no file counts", 4, async (machines) => {
  await machines.start([1, 2, 3], fileOf([1, 2, 3]));
  await machines.start([1, 2, 3], fileOf([1, 2]));
  await machines.untilOne([1, 2, 3]);
  const leader = machines.ensemble.leader()!.replica!;
  const newMembers = [1, 2].map((id) => `server.${id}=${describe(memberOf(id), 0)}`).join("\n");
  encodeReconfig(leader.begin(), 0, encodeIdentities([], { reconfig: true, skipAcl: true }), {
    joining: null,
    leaving: null,
    newMembers,
    version: -1,
  });
  leader.commit(leader.machine.model(TreeModel), { onOutcome() {}, onRefused() {} });
  await machines.until(() => leader.status.configuration.members.length === 2, "two members");
  machines.member(3).kill();
  await machines.start([1, 2], fileOf([1, 2, 3, 4]));
  await machines.untilOne([1, 2]);
  assert.match(machines.member(1).warnings.join("\n"), /server.3, server.4.*changed by reconfig/);
});

// -------------------------------------------------------------------------------------------------------- not yet named

for (const role of ["observer", "participant"] as const) {
  const file = role === "observer" ? fileOf([1, 2, 3], [4]) : fileOf([1, 2, 3, 4]);

  story(
    `a joiner that lists itself as ${role} follows and serves before it is added, and counts for nothing`,
    4,
    async (machines) => {
      await machines.start([1, 2, 3], fileOf([1, 2, 3]));
      assert.ok(await machines.write());
      const joiner = machines.member(4);
      await machines.start([4], file);
      await machines.until(
        () => joiner.replica!.machine.appliedIndex === machines.ensemble.leader()!.replica!.status.commitIndex,
        "what there is",
      );
      assert.equal(joiner.replica!.status.role, "observer");
      assert.equal(joiner.replica!.admission(), "open");
      assert.ok(await machines.write(), "also through the joiner");
      assert.equal(machines.ensemble.leader()!.replica!.status.configuration.members.length, 3);

      // Another leads: it is found by itself.
      const before = machines.ensemble.leader()!;
      before.kill();
      await machines.until(() => ![null, before.id].includes(joiner.replica!.status.leader), "another leader");
      assert.ok(await machines.write());
      const [third] = machines.ensemble.followers().filter((member) => member !== joiner);
      third!.kill();
      await machines.pass(5000);
      assert.equal(await machines.write(), false, "one of three and a joiner are no majority");
      void before.start();
      void third!.start();
      await machines.until(() => machines.ensemble.isSettled(), "all four");
    },
  );
}

test("a joiner that stands for election before it hears the leader is sent the log all the same", async () => {
  for (const seed of [111, 117, 122, 141, 153, 186, 188, 222, 374, 378, 385]) {
    const machines = new Machines(4, seed);
    const { time } = machines.ensemble;
    for (const id of [1, 2, 3]) {
      machines.member(id).file = fileOf([1, 2, 3]);
      void machines.member(id).restart();
    }
    await machines.until(() => machines.ensemble.leader() !== undefined, "a leader");
    await time.runUntil(() => false, (seed * 7) % 200);
    const joiner = machines.member(4);
    joiner.file = fileOf([1, 2, 3, 4]);
    void joiner.restart();
    await machines.until(() => joiner.replica?.admission() === "open", `a leader for the joiner of seed ${seed}`);
  }
});

story("who was removed stays away, until it is started again", 4, async (machines) => {
  await machines.start([1, 2, 3, 4], fileOf([1, 2, 3, 4]));
  await machines.until(() => machines.ensemble.isSettled(), "four");
  const leader = machines.ensemble.leader()!;
  const removed = machines.ensemble.followers()[0]!;
  const fields = { joining: null, leaving: String(removed.id), newMembers: null, version: -1 };
  encodeReconfig(leader.replica!.begin(), 0, encodeIdentities([], { reconfig: true, skipAcl: true }), fields);
  leader.replica!.commit(leader.replica!.machine.model(TreeModel), { onOutcome() {}, onRefused() {} });
  await machines.until(() => leader.replica!.status.configuration.members.length === 3, "three");
  await machines.pass(10_000);
  assert.equal(removed.replica!.admission(), "no-quorum");
});
