// Exactly once, in order, and the same everywhere.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AssertionError } from "../../src/base/assert.ts";
import type { ByteWriter } from "../../src/base/bytes.ts";
import { bytesOf } from "../../src/base/text.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { Machine } from "../../src/state/machine.ts";
import { coordinationModels } from "../../src/state/models.ts";
import { OPEN_ACL } from "../../src/state/tree/acl.ts";
import { encodeCreate, encodeSetData } from "../../src/state/tree/commands.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { codeOf, type Outcome, PASSWORD, restored, snapshotOf, World } from "./world.ts";

/** Behind the snapshot's header, its first record's length and kind. */
const REVISION_AT = 10;

const append = (world: World, text: string) => (writer: ByteWriter) =>
  encodeSetData(writer, world.session, world.credentials(), "/a", bytesOf(text), -1);

describe("batches", () => {
  test("one that was seen before is a duplicate: nothing changes, nobody hears", () => {
    const world = World.withSession();
    world.create("/a");
    const batch = world.batch(append(world, "x"));
    world.apply(batch);
    const { sequence } = world.machine;
    world.events.take();
    let heard = 0;
    const again = world.machine.apply(world.machine.appliedIndex + 1, batch, () => heard++);
    assert.equal(again, "duplicate");
    assert.deepEqual([world.machine.sequence, heard, world.events.take()], [sequence, 0, []]);
    assert.equal(world.tree.node("/a")!.version, 1);
  });

  test("one that leaves a gap is not applied, and is taken once the missing one came", () => {
    const world = World.withSession();
    world.create("/a");
    const first = world.batch(append(world, "first"));
    const second = world.batch(append(world, "second"));
    const { machine } = world;
    assert.equal(machine.apply(machine.appliedIndex + 1, second, null), "gap");
    assert.equal(world.tree.node("/a")!.data, "");
    assert.equal(machine.apply(machine.appliedIndex + 1, first, null), "applied");
    assert.equal(machine.apply(machine.appliedIndex + 1, second, null), "applied");
    assert.equal(world.tree.node("/a")!.data, "second");
  });

  test("a later run of a member begins at 1 and makes all of its earlier runs duplicates", () => {
    const world = World.withSession();
    world.create("/a");
    const stale = world.batch(append(world, "stale"));
    const { machine } = world;
    assert.equal(machine.lastSequence(1, 1), 2);
    assert.equal(machine.lastSequence(1, 5), 0);
    assert.equal(machine.lastSequence(2, 1), 0);
    world.run = 5;
    assert.equal(machine.apply(machine.appliedIndex + 1, world.batchNumbered(2, append(world, "x")), null), "gap");
    assert.equal(machine.lastSequence(1, 1), 2, "a gap begins no run");
    assert.equal(machine.apply(machine.appliedIndex + 1, world.batch(), null), "applied");
    assert.equal(machine.lastSequence(1, 1), -1);
    assert.equal(machine.apply(machine.appliedIndex + 1, stale, null), "duplicate");
    assert.equal(machine.lastSequence(1, 5), 1);
  });

  test("members number theirs independently", () => {
    const world = World.withSession();
    world.create("/a");
    world.member = 2;
    assert.equal(world.machine.apply(world.machine.appliedIndex + 1, world.batch(), null), "applied");
    assert.equal(world.machine.lastSequence(2, 1), 1);
    assert.equal(world.machine.lastSequence(1, 1), 2);
  });

  test("outcomes come in order, each with its sequence, after its events", () => {
    const world = World.withSession();
    const create = (path: string) => (writer: ByteWriter) =>
      encodeCreate(writer, world.session, world.credentials(), { path, data: null, acl: OPEN_ACL, mode: 0 });
    const batch = world.batch(create("/a"), create("/a"), create("/a/b"));
    world.events.take();
    const seen: string[] = [];
    world.machine.apply(world.machine.appliedIndex + 1, batch, (outcome, sequence) => {
      seen.push(...world.events.take(), `${codeOf(outcome as Outcome)} at ${sequence}`);
    });
    assert.deepEqual(seen, [
      "created /a",
      "children-changed /",
      "created at 2",
      "node-exists at 3",
      "created /a/b",
      "children-changed /a",
      "created at 4",
    ]);
  });
});

describe("the log", () => {
  test("entries come one after the other", () => {
    const { machine } = new World();
    machine.applyNothing(1);
    assert.throws(() => machine.applyNothing(3), AssertionError);
    assert.throws(() => machine.applyNothing(1), AssertionError);
    assert.equal(machine.appliedIndex, 1);
  });

  test("a command that cannot be read does nothing, and stops nobody", () => {
    for (const spoil of [
      (batch: Uint8Array) => batch.subarray(0, batch.length - 1),
      (batch: Uint8Array) => batch.map((byte, at) => (at === 29 ? byte + 9 : byte)),
      (batch: Uint8Array) => batch.map((byte, at) => (at === 30 ? 7 : byte)),
      (batch: Uint8Array) => batch.map((byte, at) => (at === 0 ? 9 : byte)),
    ]) {
      const fresh = World.withSession();
      const batch = spoil(fresh.batch(append(fresh, "x")));
      const { nodeCount } = fresh.machine.model(TreeModel).tree;
      fresh.machine.apply(fresh.machine.appliedIndex + 1, batch, (outcome) =>
        assert.equal((outcome as Outcome).kind, "rejected"),
      );
      assert.equal(fresh.machine.model(TreeModel).tree.nodeCount, nodeCount);
    }
  });

  test("the same entries give the same state, whatever members are doing besides", () => {
    const world = World.withSession();
    for (let i = 0; i < 50; i++) world.create(`/n${i % 20}`, { data: `${i}`, mode: i % 4 });
    const other = new Machine(coordinationModels({ hashSeed: 12345 }));
    for (const [position, batch] of world.log.entries()) {
      other.apply(position + 1, batch, null);
      other.model(TreeModel).tree.node("/n3");
    }
    assert.equal(other.hash(), world.machine.hash());
    world.set("/n0", "different");
    assert.notEqual(other.hash(), world.machine.hash());
  });

  test("no cliff: sequences go on past 2^31, 2^32 and as far as a lease's id is exact", () => {
    for (const sequence of [2 ** 31 - 3, 2 ** 32 - 3, 2 ** 45 - 10]) {
      const world = World.withSession();
      const snapshot = snapshotOf(world.machine);
      new DataView(snapshot.buffer).setBigInt64(REVISION_AT, BigInt(sequence));
      world.adopt(snapshot);
      assert.equal(world.machine.sequence, sequence);
      world.create("/a");
      world.create("/a/b", { mode: 1 });
      world.create("/a/c");
      world.set("/a/b", "x");
      const node = world.tree.node("/a")!;
      assert.deepEqual([node.czxid, node.pzxid], [sequence + 1, sequence + 3]);
      assert.equal(world.tree.node("/a/b")!.mzxid, sequence + 4);
      assert.equal(world.openLease(), 2 ** 45 + sequence + 5);
      assert.equal(restored(snapshotOf(world.machine)).machine.hash(), world.machine.hash());
    }
  });
});

describe("leases", () => {
  test("an id is of the member and the sequence that opened it, and never comes again", () => {
    const world = new World();
    const first = world.openLease(5000);
    assert.equal(first, 2 ** 45 + 1);
    world.member = 200;
    assert.equal(world.openLease(), 200 * 2 ** 45 + 2);
    assert.deepEqual(world.machine.model(Leases).get(first), {
      id: first,
      timeoutMs: 5000,
      secret: PASSWORD,
      owner: { member: 1, run: 1 },
      generation: 0,
    });
  });

  test("attaching needs the id and the password; it moves the lease to who asks", () => {
    const world = new World();
    const id = world.openLease();
    world.member = 2;
    world.run = 7;
    world.events.take();
    assert.equal(codeOf(world.attachLease(id, "fedcba9876543210")), "session-expired");
    assert.equal(codeOf(world.attachLease(id, "short")), "session-expired");
    assert.equal(codeOf(world.attachLease(id + 1)), "session-expired");
    assert.deepEqual(world.events.take(), []);
    assert.deepEqual(world.attachLease(id, PASSWORD, 4000), { kind: "lease-attached", id, timeoutMs: 4000 });
    assert.deepEqual(world.events.take(), [`lease-moved ${id} to 2.7`]);
    const lease = world.machine.model(Leases).get(id)!;
    assert.deepEqual([lease.owner, lease.generation, lease.timeoutMs], [{ member: 2, run: 7 }, 1, 4000]);
  });

  test("a command through a member that serves the session no more is turned down", () => {
    const world = World.withSession();
    world.create("/e", { mode: 1 });
    world.member = 2;
    assert.equal(codeOf(world.create("/x")), "session-moved");
    assert.equal(codeOf(world.closeLease(world.session)), "session-moved");
    world.attachLease(world.session);
    assert.equal(codeOf(world.create("/x")), "created");
    world.member = 1;
    assert.equal(codeOf(world.multi({ kind: "delete", path: "/x", version: -1 })), "session-moved");
    world.member = 2;
    world.run = 2;
    assert.equal(codeOf(world.create("/y")), "session-moved", "another run of the same member");
  });

  test("ending one deletes its ephemerals under one sequence, in order of paths, then says so", () => {
    for (const ending of ["closed", "expired"] as const) {
      const world = World.withSession();
      world.create("/d");
      for (const path of ["/d/c", "/b", "/d/a"]) world.create(path, { mode: 1 });
      const { session } = world;
      world.events.take();
      const { sequence } = world.machine;
      if (ending === "closed") world.closeLease(session);
      else world.expire({ id: session, generation: 0 });
      assert.deepEqual(world.events.take(), [
        "deleted /b",
        "children-changed /",
        "deleted /d/a",
        "children-changed /d",
        "deleted /d/c",
        "children-changed /d",
        `lease-ended ${session} ${ending}`,
      ]);
      assert.equal(world.machine.sequence, sequence + 1);
      assert.equal(world.tree.node("/d")!.pzxid, sequence + 1);
      assert.equal(codeOf(world.create("/x")), "session-expired");
      assert.equal(codeOf(world.attachLease(session)), "session-expired");
      assert.equal(world.tree.ephemeralCount, 0);
    }
  });

  test("an expiry decided before the client came back is void", () => {
    const world = World.withSession();
    const other = world.openLease();
    world.attachLease(world.session);
    world.expire({ id: world.session, generation: 0 }, { id: other, generation: 0 }, { id: 99, generation: 0 });
    assert.ok(world.machine.model(Leases).get(world.session));
    assert.equal(world.machine.model(Leases).get(other), undefined);
    assert.deepEqual(
      [...world.machine.model(Leases)].map(({ id }) => id),
      [world.session],
    );
  });
});
