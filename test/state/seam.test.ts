// The seam between the machine and its models: a model from outside of `src/` takes part in everything.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AssertionError } from "../../src/base/assert.ts";
import { type ByteWriter, MalformedError } from "../../src/base/bytes.ts";
import { encodeRaiseLevel, FEATURE_LEVEL } from "../../src/state/feature-level.ts";
import { encodeGrantLease, TIMEOUT_MS_MAX } from "../../src/state/leases/commands.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { Machine } from "../../src/state/machine.ts";
import { coordinationModels, type ModelFactory } from "../../src/state/models.ts";
import { COUNTER_LEVEL, CounterModel, encodeAdd } from "./counter-model.ts";
import { codeOf, snapshotOf, World } from "./world.ts";

const counters: ModelFactory = ({ leases }) => new CounterModel(leases);

function machineWithCounters(): Machine {
  return new Machine(coordinationModels({ more: [counters] }));
}

/** A world whose machine has counters, at the level of these. */
function worldWithCounters(level = COUNTER_LEVEL): World {
  const world = new World(machineWithCounters());
  if (level > 0) world.one((writer) => encodeRaiseLevel(writer, level));
  return world;
}

function add(world: World, name: string, lease = 0): unknown {
  return world.one((writer) => encodeAdd(writer, name, lease));
}

function restoredBy(machine: Machine, snapshot: Uint8Array, pieceBytes = 7): Machine {
  const restorer = machine.restore();
  for (let at = 0; at < snapshot.length; at += pieceBytes) restorer.push(snapshot.subarray(at, at + pieceBytes));
  restorer.finish();
  return machine;
}

describe("a model of its own", () => {
  test("gets its commands, gives its outcomes, tells its events until one stops listening", () => {
    const world = worldWithCounters();
    const told: string[] = [];
    const model = world.machine.model(CounterModel);
    world.machine.events.add({ onCommandEnd: (sequence) => told.push(`end of ${sequence}`) });
    const stop = model.events.add({
      onCounted: (name, value, sequence) => told.push(`${name} ${value} at ${sequence}`),
    });
    assert.deepEqual(add(world, "a"), { kind: "counted", value: 1 });
    assert.deepEqual(add(world, "a"), { kind: "counted", value: 2 });
    stop();
    add(world, "b");
    assert.deepEqual(told, ["a 1 at 2", "end of 2", "a 2 at 3", "end of 3", "end of 4"]);
    assert.equal(model.value("a"), 2);
  });

  test("shares the leases: what is attached to one ends with it, before anyone hears of its end", () => {
    const world = worldWithCounters();
    const model = world.machine.model(CounterModel);
    const lease = world.openLease();
    world.session = lease;
    world.create("/e", { mode: 1 });
    add(world, "a", lease);
    add(world, "b");
    let seen: unknown[] = [];
    world.machine.model(Leases).events.add({
      onLeaseEnded: () => {
        seen = [model.value("a"), world.tree.node("/e")];
      },
    });
    world.closeLease(lease);
    assert.deepEqual(seen, [undefined, undefined]);
    assert.equal(model.value("b"), 1);
    assert.deepEqual(add(world, "a", lease), { kind: "refused", why: "session-expired" });
    world.machine.checkInvariants();
  });

  test("hears of each complete membership", () => {
    const world = worldWithCounters();
    const members = [{ id: 1, role: "voter", description: "a:1:2;3" }] as const;
    world.machine.applyConfiguration(world.machine.appliedIndex + 1, members, true);
    world.machine.applyConfiguration(world.machine.appliedIndex + 1, members, false);
    assert.equal(world.machine.model(CounterModel).memberships, 1);
  });

  test("has a section in snapshots, and a part in the hash", () => {
    const world = worldWithCounters();
    const lease = world.openLease();
    for (let i = 0; i < 40; i++) add(world, `n${i % 7}`, i % 2 === 0 ? lease : 0);
    const snapshot = snapshotOf(world.machine, 64, () => void add(world, "meanwhile"));
    const hash = restoredBy(machineWithCounters(), snapshot).hash();
    const other = restoredBy(machineWithCounters(), snapshot, 1000);
    assert.equal(other.hash(), hash);
    assert.equal(other.level, COUNTER_LEVEL);
    assert.equal(other.model(CounterModel).value("n3"), 6);
    assert.equal(other.model(CounterModel).value("meanwhile"), undefined);
    assert.notEqual(world.machine.hash(), hash);
    other.checkInvariants();
  });

  test("and a machine without it refuses such a snapshot", () => {
    const world = worldWithCounters();
    add(world, "a");
    const snapshot = snapshotOf(world.machine);
    assert.throws(() => restoredBy(new Machine(coordinationModels()), snapshot), MalformedError);
  });

  test("a command of it that cannot be read is told as one, and is nothing", () => {
    const world = worldWithCounters();
    const told: string[] = [];
    world.machine.events.add({ onUnreadable: (_index, why) => told.push(why) });
    const cut = (writer: ByteWriter): void => {
      encodeAdd(writer, "abc");
      writer.length -= 1;
    };
    assert.deepEqual(world.one(cut), { kind: "refused", why: "unreadable" });
    assert.equal(told.length, 1);
    assert.match(world.machine.flawOfProposal(world.batch(cut), 1)!, /no fields of model 100, operation 1/);
    assert.equal(
      world.machine.flawOfProposal(
        world.batch((writer) => encodeAdd(writer, "abc")),
        1,
      ),
      null,
    );
  });

  test("two models of one number are a mistake", () => {
    assert.throws(() => new Machine(coordinationModels({ more: [counters, counters] })), AssertionError);
  });
});

describe("the feature level", () => {
  test("below its level a model's commands are refused, and count", () => {
    const world = worldWithCounters(0);
    assert.deepEqual(add(world, "a"), { kind: "refused", why: "feature-level" });
    world.one((writer) => encodeRaiseLevel(writer, COUNTER_LEVEL - 1));
    assert.deepEqual(add(world, "a"), { kind: "refused", why: "feature-level" });
    world.one((writer) => encodeRaiseLevel(writer, COUNTER_LEVEL));
    assert.deepEqual(add(world, "a"), { kind: "counted", value: 1 });
    assert.equal(world.machine.sequence, 5);
  });

  test("is told, and never goes down", () => {
    const world = worldWithCounters(0);
    const levels: number[] = [];
    world.machine.events.add({ onLevelRaised: (level) => levels.push(level) });
    for (const level of [1, 3, 2, 3]) world.one((writer) => encodeRaiseLevel(writer, level));
    assert.deepEqual(levels, [1, 3]);
    assert.equal(world.machine.level, 3);
  });

  test("is only a leader's to raise", () => {
    const world = worldWithCounters(0);
    const flaw = world.machine.flawOfProposal(
      world.batch((writer) => encodeRaiseLevel(writer, 1)),
      1,
    );
    assert.match(flaw!, /a command that only a leader gives/);
  });

  test("ends a member that does not understand it", () => {
    const world = new World();
    assert.equal(world.machine.levelMax, FEATURE_LEVEL);
    assert.equal(worldWithCounters().machine.levelMax, COUNTER_LEVEL);
    assert.throws(() => world.one((writer) => encodeRaiseLevel(writer, FEATURE_LEVEL + 1)), AssertionError);
    const later = snapshotOf(worldWithCounters().machine);
    assert.throws(() => restoredBy(new Machine(coordinationModels()), later), /feature level 7/);
  });

  test("0 writes snapshots that the version before reads", () => {
    const world = worldWithCounters(0);
    assert.equal(snapshotOf(world.machine)[4], 2);
    world.one((writer) => encodeRaiseLevel(writer, 1));
    assert.equal(snapshotOf(world.machine)[4], 3);
  });
});

describe("leases of any terms", () => {
  const grant = (terms: Parameters<typeof encodeGrantLease>[1]) => (writer: ByteWriter) =>
    encodeGrantLease(writer, terms);

  test("there are none below level 1", () => {
    assert.equal(codeOf(new World().one(grant({ timeoutMs: null, secret: null, isOwned: false }))), "feature-level");
  });

  test("without a clock, an owner, a secret; of a long time; in snapshots as they are", () => {
    const world = worldWithCounters(1);
    const secret = "s".repeat(16);
    const terms = [
      { timeoutMs: null, secret: null, isOwned: false },
      { timeoutMs: TIMEOUT_MS_MAX, secret: null, isOwned: false },
      { timeoutMs: 2 ** 31, secret, isOwned: true },
      { timeoutMs: 5, secret, isOwned: true },
      { timeoutMs: 5, secret: null, isOwned: true },
    ];
    for (const each of terms) assert.equal(codeOf(world.one(grant(each))), "lease-opened");
    const held = [...world.leases].map(({ timeoutMs, secret, owner }) => ({
      timeoutMs,
      secret,
      isOwned: owner !== null,
    }));
    assert.deepEqual(held, terms);
    const other = restoredBy(machineWithCounters(), snapshotOf(world.machine));
    assert.equal(other.hash(), world.machine.hash());
    assert.deepEqual([...other.model(Leases)].length, terms.length);
    world.machine.checkInvariants();
  });

  test("one without an owner is served, and closed, by any member; one without a secret is never attached", () => {
    const world = worldWithCounters(1);
    const opened = world.one(grant({ timeoutMs: 1000, secret: null, isOwned: false }));
    const { id } = opened as { id: number };
    world.member = 2;
    assert.equal(codeOf(world.attachLease(id)), "session-expired");
    assert.deepEqual(add(worldWithCounters(), "x"), { kind: "counted", value: 1 });
    world.session = id;
    world.create("/e", { mode: 1 });
    assert.equal(world.tree.node("/e")?.ephemeralOwner, id);
    assert.equal(codeOf(world.closeLease(id)), "done");
    assert.equal(world.tree.node("/e"), undefined);
  });
});

describe("a snapshot with sections", () => {
  function worldAtLevel1(): World {
    const world = worldWithCounters(1);
    world.one((writer) => encodeGrantLease(writer, { timeoutMs: null, secret: null, isOwned: false }));
    return world;
  }

  test("that tells no feature level is no state: the next one could not be written", () => {
    const bytes = snapshotOf(worldAtLevel1().machine);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const HEADER_BYTES = 5;
    const LEVEL = 8;
    let at = HEADER_BYTES;
    while (bytes[at + 4] !== LEVEL) at += 4 + view.getUint32(at);
    const behind = at + 4 + view.getUint32(at);
    const cut = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(behind)]);
    assert.throws(() => restoredBy(machineWithCounters(), cut), /sections and no feature level/);
  });

  test("gives the leases of a run one owner between them, as they had", () => {
    const world = worldWithCounters(1);
    for (let i = 0; i < 5; i++) world.openLease();
    const restored = restoredBy(machineWithCounters(), snapshotOf(world.machine));
    assert.equal(new Set([...restored.model(Leases)].map(({ owner }) => owner)).size, 1);
  });
});
