// The leader raises the feature level when all members understand it, and no earlier.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WIRE_VERSION } from "../../src/adapters/peers/hello.ts";
import { readWhole } from "../../src/adapters/storage/files.ts";
import { ByteWriter } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { byteString } from "../../src/base/text.ts";
import type { MemberRecord } from "../../src/consensus/raft/types.ts";
import type { LeaderView } from "../../src/replica/duties/duty.ts";
import { FeatureLevelDuty } from "../../src/replica/duties/feature-level.ts";
import { levelOfWireVersion, wireVersionOfLevel } from "../../src/replica/feature-levels.ts";
import type { Waiter } from "../../src/replica/replica-port.ts";
import { OLDER_LEVEL, type SimulatedMember } from "../../src/sim/kernel/member.ts";
import { FEATURE_LEVEL, FeatureLevel } from "../../src/state/feature-level.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { Machine } from "../../src/state/machine.ts";
import { encodeChange } from "../../src/state/membership/commands.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { coordinationModels, type ModelFactory } from "../../src/state/models.ts";
import { rejected } from "../../src/state/outcomes.ts";
import { CounterModel, type CounterOutcome, encodeAdd } from "../state/counter-model.ts";
import { scenario } from "./story.ts";

const members = [1, 2, 3].map((id): MemberRecord => ({ id, role: "voter", incarnation: 0, description: "" }));

/** The leader of three members that run programs of these wire versions; null: not connected. */
function viewOf(...versions: readonly (number | null)[]): LeaderView {
  const configuration = { cluster: 1, members, outgoing: [] };
  const versionOf = (id: number): number | null => versions[id - 1] ?? null;
  return { configuration, isChangingMembership: false, versionOf } as Partial<LeaderView> as LeaderView;
}

/** Of a program whose models need this level; null: those that were there before there were levels. */
function dutyOf(needed: number | null): FeatureLevelDuty {
  const more: readonly ModelFactory[] = [({ leases }) => new CounterModel(leases, needed ?? 0)];
  const models = needed === null ? [new Leases(), new FeatureLevel()] : coordinationModels({ more });
  return new FeatureLevelDuty(new Machine(models), silentLogger);
}

function levels(duty: FeatureLevelDuty, view: LeaderView): number[] {
  return duty.due(view).map((encode) => {
    const writer = new ByteWriter();
    encode(writer);
    return writer.bytes[5]!;
  });
}

test("nothing is raised that no model needs", () => {
  assert.deepEqual(levels(dutyOf(null), viewOf(4, 4, 4)), []);
});

test("it is raised once all members understand it, and asked for once a term", () => {
  const duty = dutyOf(1);
  assert.deepEqual(levels(duty, viewOf(4, null, 4)), [], "one is away");
  assert.deepEqual(levels(duty, viewOf(4, 2, 4)), [], "one is old");
  assert.deepEqual(levels(duty, viewOf(4, 3, 4)), [], "one was built between the two levels");
  assert.deepEqual(levels(duty, { ...viewOf(4, 4, 4), isChangingMembership: true }), []);
  assert.deepEqual(levels(duty, viewOf(4, 4, 4)), [1]);
  assert.deepEqual(levels(duty, viewOf(4, 4, 4)), []);
  duty.reset();
  assert.deepEqual(levels(duty, viewOf(4, 5, 4)), [1]);
});

test("it is raised as far as all understand it, and no further than is needed", () => {
  assert.deepEqual(levels(dutyOf(2), viewOf(4, 4, 4)), [1]);
  assert.deepEqual(levels(dutyOf(1), viewOf(9, 9, 9)), [1]);
});

test("the version that this program announces is the one of the level that it understands by itself", () => {
  assert.equal(levelOfWireVersion(WIRE_VERSION), FEATURE_LEVEL);
  assert.equal(wireVersionOfLevel(FEATURE_LEVEL), WIRE_VERSION);
  assert.equal(levelOfWireVersion(1), 0);
});

scenario(
  "a member asks its connections for the version of the log's level: when it is raised, in a snapshot, and at a start",
  { models: [({ leases }) => new CounterModel(leases, 1)] },
  async ({ ensemble, until, start }) => {
    const required = (): (number | undefined)[] => ensemble.members.map(({ id }) => ensemble.network.required.get(id));
    await until(() => required().every((version) => version === wireVersionOfLevel(1)));
    const [follower] = ensemble.followers();
    follower!.crash();
    ensemble.network.required.clear();
    await start(follower!);
    await until(() => ensemble.isSettled());
    assert.equal(ensemble.network.required.get(follower!.id), wireVersionOfLevel(1));
  },
);

/** What is answered at once to a command of a model that the log's level is below. */
function answersTo({ replica }: SimulatedMember): unknown[] {
  const answers: unknown[] = [];
  encodeChange(replica!.begin(), { version: null, steps: [{ kind: "remove", id: 3 }] });
  replica!.commit(replica!.machine.model(MembershipModel), {
    onOutcome: (outcome) => answers.push(outcome),
    onRefused: (error) => answers.push(error),
  });
  return answers;
}

scenario(
  "while a member runs the program before this one, the level stays, and such members are taken; then it is raised",
  { olderPrograms: [3] },
  async ({ ensemble, until, start }) => {
    const third = ensemble.member(3);
    const levels = (): number[] => ensemble.members.map(({ replica }) => replica?.machine.level ?? -1);
    await ensemble.time.run(10_000);
    assert.deepEqual(levels(), [0, 0, 0]);
    assert.deepEqual(answersTo(ensemble.member(1)), [rejected("feature-level")], "the older program could not read it");
    for (const { id } of ensemble.members) assert.equal(ensemble.network.required.get(id), wireVersionOfLevel(0));
    third.kill();
    third.programLevel = FEATURE_LEVEL;
    await start(third);
    await until(() => levels().every((level) => level === 1));
    await ensemble.time.run(1000);
    for (const { disk, clock } of ensemble.members) {
      const reading = readWhole(disk.mount(clock), "/data/identity", 4096);
      await ensemble.time.run(1000);
      const bytes = await reading;
      assert.match(byteString(bytes, 0, bytes.length), /^format 2$/m, "older programs refuse the directory");
    }
    // From now on the others refuse its older program: on an empty disk it may be started, and takes part in nothing.
    third.wipe();
    await until(() => ensemble.isSettled());
    third.programLevel = OLDER_LEVEL;
    await start(third);
    await ensemble.time.run(10_000);
    const { status } = ensemble.leader()!.replica!;
    assert.deepEqual(
      status.followers.filter(({ active }) => active).map(({ id }) => id),
      [1, 2].filter((id) => id !== status.leader),
    );
    assert.equal(third.replica!.status.leader, null);
  },
);

scenario(
  "an ensemble with a further model raises its level by itself, and serves it through snapshots and restarts",
  { models: [({ leases }) => new CounterModel(leases, 1)], replica: { snapshotCommands: 20 } },
  async ({ ensemble, open, until, start }) => {
    const leader = ensemble.leader()!;
    const machineOf = (member: SimulatedMember): Machine => member.replica!.machine;
    await until(() => ensemble.members.every((member) => machineOf(member).level === 1));
    const behind = ensemble.members.find((member) => member !== leader)!;
    const lease = await open(leader, 60_000);
    behind.kill();
    const counted: number[] = [];
    const waiter: Waiter<CounterOutcome> = {
      onOutcome: (outcome) => counted.push(outcome.kind === "counted" ? outcome.value : -1),
      onRefused: () => counted.push(-1),
    };
    for (let i = 1; i <= 60; i++) {
      encodeAdd(leader.replica!.begin(), "a", lease);
      leader.replica!.commit(machineOf(leader).model(CounterModel), waiter);
      await until(() => counted.length === i);
    }
    assert.equal(counted.at(-1), 60);
    await start(behind);
    await until(() => machineOf(behind).model(CounterModel).value("a") === 60);
    await until(() => ensemble.isSettled());
    for (const member of ensemble.members) {
      assert.equal(machineOf(member).level, 1);
      assert.equal(machineOf(member).hash(), machineOf(leader).hash());
      machineOf(member).checkInvariants();
    }
  },
);
