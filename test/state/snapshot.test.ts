// A snapshot is the state at its beginning, whatever is written while it is pulled.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AssertionError } from "../../src/base/assert.ts";
import { MalformedError } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { Machine } from "../../src/state/machine.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { coordinationModels } from "../../src/state/models.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { restored, snapshotOf, World } from "./world.ts";

/** A state with something of everything. */
function richWorld(nodes = 300): World {
  const world = new World();
  world.machine.applyConfiguration(1, [{ id: 1, role: "voter", description: "a:1:2:participant;0.0.0.0:3" }], false);
  world.log.push(new Uint8Array(0));
  world.session = world.openLease();
  world.openLease(4000, "fedcba9876543210");
  world.policy = { extendedTypes: true, reconfig: true };
  world.identities = [
    { scheme: "digest", id: "ann:hash" },
    { scheme: "super", id: "" },
  ];
  world.create("/d");
  for (let i = 0; i < nodes; i++) {
    const mode = i % 7;
    world.create(`/d/n${i}-`, {
      mode,
      ttl: mode > 4 ? 1000 + i : -1,
      data: i % 5 === 0 ? null : `${i}`.repeat(i % 50),
    });
    if (i % 3 === 0) world.set("/d", `${i}`);
  }
  world.create("/acl", { acl: [{ perms: 3, scheme: "auth", id: "" }] });
  world.setAcl("/acl", [{ perms: 7, scheme: "ip", id: "::1" }]);
  world.create("/zookeeper/quota/d");
  world.create("/zookeeper/quota/d/zookeeper_limits", { data: "count=5,bytes=6" });
  world.create("/zookeeper/quota/d/zookeeper_stats");
  world.create("/emptied");
  world.create("/emptied/x");
  world.delete("/emptied/x");
  world.member = 2;
  world.attachLease(world.session);
  world.reconfig({ joining: "server.2=b:1:2;5" });
  return world;
}

describe("a snapshot", () => {
  test("restores everything, cut into pieces of any size", () => {
    const world = richWorld();
    const snapshot = snapshotOf(world.machine);
    for (const pieceBytes of [1, 3, 7, 100, 4096, snapshot.length]) {
      const { machine, events } = restored(snapshot, pieceBytes);
      assert.equal(machine.hash(), world.machine.hash(), `${pieceBytes}`);
      assert.deepEqual(events.take(), ["restored"]);
    }
  });

  test("restores what the hash might not see: counts, kinds, quotas, ephemerals, the pending reconfiguration", () => {
    const world = richWorld();
    const { machine } = restored(snapshotOf(world.machine));
    const { tree } = machine.model(TreeModel);
    assert.equal(tree.nodeCount, world.tree.nodeCount);
    assert.equal(tree.approximateBytes, world.tree.approximateBytes);
    assert.equal(tree.ephemeralCount, world.tree.ephemeralCount);
    assert.deepEqual(tree.ephemeralsOf(world.session).sort(), world.tree.ephemeralsOf(world.session).sort());
    assert.equal(tree.containers.size, world.tree.containers.size);
    assert.equal(tree.ttls.size, world.tree.ttls.size);
    assert.equal(tree.quotas.size, 1);
    assert.equal(tree.store.acls.size, world.tree.store.acls.size);
    assert.deepEqual(machine.model(MembershipModel).pending, world.machine.model(MembershipModel).pending);
    assert.deepEqual(machine.model(Leases).get(world.session), world.machine.model(Leases).get(world.session));
    assert.equal(machine.lastSequence(2, 1), world.machine.lastSequence(2, 1));
    assert.equal(tree.node("/d")!.numChildren, 300);
    assert.equal(tree.root.path, "/");
  });

  test("and then the same entries give the same state as where it came from", () => {
    const world = richWorld();
    const { machine, events } = restored(snapshotOf(world.machine), 1000);
    world.events.take();
    const from = world.log.length;
    world.create("/after", { mode: 1 });
    world.create("/d/s", { mode: 2 });
    world.set("/d", "later");
    world.endReconfig(world.machine.model(MembershipModel).pending!.id, "new-configuration-no-quorum");
    world.closeLease(world.session);
    for (const batch of world.log.slice(from)) machine.apply(machine.appliedIndex + 1, batch, null);
    assert.equal(machine.hash(), world.machine.hash());
    assert.deepEqual(events.take().slice(1), world.events.take());
  });

  test("is what was there when it began, though all is changed while it is pulled", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const world = richWorld(400);
      const random = seededRandom(seed);
      const before = world.machine.hash();
      const acl = world.tree.node("/")!.acl;
      const change = (): void => {
        const victim = `/d/${world.children("/d")[random.below(300)]}`;
        switch (random.below(8)) {
          case 0:
            world.set(victim, `changed ${seed}`);
            break;
          case 1:
            world.delete(victim);
            world.create(victim, { data: "born again" });
            break;
          case 2:
            world.setAcl(victim, [{ perms: 1 + random.below(30), scheme: "ip", id: "::2" }]);
            break;
          case 3:
            for (let i = 0; i < 300; i++) world.create("/d/new-", { mode: 2 });
            break;
          case 4:
            world.multi(
              { kind: "delete", path: victim, version: -1 },
              { kind: "create", path: `${victim}x`, data: null, acl, mode: 0 },
              { kind: "set-data", path: "/d", data: new Uint8Array(3), version: -1 },
              { kind: "check", path: "/none", version: -1 },
            );
            break;
          case 5:
            world.create(`${victim}/child`);
            break;
          case 6:
            world.openLease();
            world.attachLease(world.session);
            break;
          case 7:
            if (random.chance(0.05)) world.closeLease(world.session);
            else world.delete(victim);
            break;
        }
      };
      change();
      const begun = world.machine.hash();
      assert.notEqual(before, begun);
      const snapshot = snapshotOf(world.machine, 300, change);
      assert.notEqual(world.machine.hash(), begun);
      assert.equal(restored(snapshot, 999).machine.hash(), begun, `seed ${seed}`);
    }
  });

  test("the next one is whole again, and so is one after one that was given up half way", () => {
    const world = richWorld();
    const view = world.machine.beginSnapshot();
    view.next(2000);
    world.set("/d", "meanwhile");
    view.end();
    world.set("/acl", "later");
    for (let i = 0; i < 3; i++) {
      assert.equal(restored(snapshotOf(world.machine)).machine.hash(), world.machine.hash());
      world.create("/more-", { mode: 2 });
    }
  });

  test("there is one at a time, and none is pulled from after its end", () => {
    const world = richWorld(10);
    const view = world.machine.beginSnapshot();
    assert.throws(() => world.machine.beginSnapshot(), AssertionError);
    view.end();
    view.end();
    assert.throws(() => view.next(1), AssertionError);
    world.machine.beginSnapshot().end();
  });

  test("a slice is about as large as asked for", () => {
    const world = richWorld(1000);
    const view = world.machine.beginSnapshot();
    for (let slice = view.next(2000); slice !== null; slice = view.next(2000)) {
      assert.ok(slice.length < 3000, `${slice.length}`);
    }
    view.end();
  });
});

describe("what is no snapshot", () => {
  const valid = snapshotOf(richWorld(20).machine);

  function attempt(bytes: Uint8Array): Machine {
    return restored(bytes).machine;
  }

  test("another format is refused by number, other bytes by name", () => {
    assert.throws(
      () => attempt(valid.map((byte, at) => (at === 4 ? 9 : byte))),
      /state format 9, this version reads 2/,
    );
    assert.throws(() => attempt(valid.map((byte, at) => (at === 0 ? 0 : byte))), /not a snapshot/);
  });

  test("one that is cut short anywhere, or goes on after its end, is never taken", () => {
    for (let length = 0; length < valid.length; length += 13) {
      assert.throws(() => attempt(valid.subarray(0, length)), MalformedError, `${length}`);
    }
    const producer = [0, 0, 0, 21, 2, 0, 0, 0, 7, ...new Array<number>(16).fill(0)];
    assert.throws(() => attempt(new Uint8Array([...valid, ...producer])), MalformedError);
  });

  test("until the whole of it is there, the machine keeps what it has", () => {
    const world = richWorld(20);
    const { tree } = world;
    const before = world.machine.hash();
    const restorer = world.machine.restore();
    restorer.push(snapshotOf(richWorld(50).machine).subarray(0, 5000));
    assert.throws(() => restorer.finish(), MalformedError);
    assert.equal(world.machine.hash(), before);
    assert.equal(world.machine.model(TreeModel).tree, tree);
  });

  test("restoring replaces all, and the tree stays the same object", () => {
    const source = richWorld(50);
    const machine = new Machine(coordinationModels());
    const { tree } = machine.model(TreeModel);
    const other = World.withSession();
    other.create("/gone");
    for (const [position, batch] of other.log.entries()) machine.apply(position + 1, batch, null);
    const restorer = machine.restore();
    restorer.push(snapshotOf(source.machine));
    restorer.finish();
    assert.equal(machine.model(TreeModel).tree, tree);
    assert.equal(machine.model(TreeModel).tree.node("/gone"), undefined);
    assert.equal(machine.hash(), source.machine.hash());
  });
});
