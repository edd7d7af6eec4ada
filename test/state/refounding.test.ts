// A state becomes the first of another ensemble: what is attached to sessions ends, everything else stays, and no number that
// the old ensemble gave is given again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError } from "../../src/base/assert.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { refound, SEQUENCE_MAX } from "../../src/state/refounding.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { restored, snapshotOf, World } from "./world.ts";

const self = { id: 7, role: "voter", description: "z:1:2:participant;0.0.0.0:3" } as const;

function busyWorld(): World {
  const world = new World();
  world.machine.applyConfiguration(1, [{ id: 1, role: "voter", description: "a:1:2:participant;0.0.0.0:3" }], false);
  world.log.push(new Uint8Array(0));
  for (let i = 0; i < 2500; i++) world.session = world.openLease();
  world.create("/d");
  world.create("/d/kept", { data: "kept" });
  world.create("/d/ephemeral", { mode: 1 });
  return world;
}

test("sessions and ephemeral nodes end, all else stays, and the sequence goes on above the gap", () => {
  const { machine } = busyWorld();
  const before = machine.sequence;
  const { tree } = machine.model(TreeModel);
  const count = tree.nodeCount;
  const ended = refound(machine, { sequence: before + 2 ** 36, term: 9, members: [self] });
  assert.equal(ended, 2500);
  assert.equal(machine.model(Leases).size, 0);
  assert.equal(tree.nodeCount, count - 1);
  assert.ok(machine.sequence > before + 2 ** 36);
  machine.checkInvariants();
  const config = Buffer.from(tree.nodes.get("/zookeeper/config")!.data ?? []).toString();
  assert.match(config, /^server\.7=z:1:2:participant;0\.0\.0\.0:3\n/);
});

test("what was proposed to the old ensemble is unknown to the new one, and its own batches count from their first", () => {
  const world = busyWorld();
  const { machine } = world;
  assert.ok(machine.latestRun(world.member) > 0);
  refound(machine, { sequence: machine.sequence, term: 9, members: [self] });
  assert.equal(machine.latestRun(world.member), 0);
});

test("the version of the membership goes on, also where the first member has no address yet", () => {
  const { machine } = busyWorld();
  const membership = machine.model(MembershipModel);
  machine.applyConfiguration(machine.appliedIndex + 1, [self], false);
  const { version } = membership;
  assert.ok(version > 0);
  refound(machine, { sequence: machine.sequence + 9, term: 9, members: [{ ...self, description: "" }] });
  assert.deepEqual(membership.shown, []);
  machine.applyConfiguration(machine.appliedIndex + 1, [self], false);
  assert.ok(membership.version > version);
  machine.checkInvariants();
});

test("a change of the old ensemble's members that was under way is not carried on", () => {
  const world = busyWorld();
  world.policy = { reconfig: true };
  world.identities = [{ scheme: "super", id: "" }];
  world.reconfig({ joining: "server.2=b:1:2;5" });
  const { tree } = world.machine.model(TreeModel);
  const membership = world.machine.model(MembershipModel);
  assert.notEqual(membership.pending, null);
  refound(world.machine, { sequence: world.machine.sequence, term: 9, members: [self] });
  assert.equal(membership.pending, null);
  world.machine.checkInvariants();
  assert.match(Buffer.from(tree.nodes.get("/zookeeper/config")!.data ?? []).toString(), /^server\.7=z/);
});

test("it is a state like any other: its snapshot restores to an equal one", () => {
  const { machine } = busyWorld();
  refound(machine, { sequence: machine.sequence + 5, term: 9, members: [self] });
  assert.equal(restored(snapshotOf(machine)).machine.hash(), machine.hash());
});

test("a sequence never goes back, nor beyond what leases' numbers can hold", () => {
  const { machine } = busyWorld();
  assert.throws(() => refound(machine, { sequence: machine.sequence - 1, term: 9, members: [self] }), AssertionError);
  assert.throws(() => refound(machine, { sequence: SEQUENCE_MAX + 1, term: 9, members: [self] }), AssertionError);
});
