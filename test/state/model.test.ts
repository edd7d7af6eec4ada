// The tree against its reference model. Random commands from a seed: every outcome, and every so often the whole tree, must be equal.
// On the way each state is also restored from a snapshot and goes on from there on another machine.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { bytesOf } from "../../src/base/text.ts";
import type { MultiOperation } from "../../src/state/tree/commands.ts";
import type { Acl, TreeOutcome as Outcome, Stat } from "../../src/state/tree/types.ts";
import { OPEN, type Operation, REQUESTERS, ReferenceTree } from "./reference-tree.ts";
import { kept, restored, snapshotOf, World } from "./world.ts";

const LISTS: readonly (readonly Acl[])[] = [
  OPEN,
  OPEN,
  OPEN,
  [{ perms: 31, scheme: "auth", id: "" }],
  [
    { perms: 9, scheme: "world", id: "anyone" },
    { perms: 31, scheme: "digest", id: "ann:h" },
  ],
  [{ perms: 7, scheme: "ip", id: "10.0.0.0/8" }],
  [],
  [{ perms: 31, scheme: "who", id: "knows" }],
];

/** An operation for people to read: of its data the length. */
function told(operation: unknown): string {
  return JSON.stringify(operation, (key, value) =>
    key === "data" && value !== null ? `${value.length} bytes` : value,
  );
}

class Pair {
  readonly model = new ReferenceTree();
  readonly world = new World();
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.world.policy = { extendedTypes: true };
    for (let i = 0; i < 3; i++) this.openLease();
  }

  step(): void {
    const { random, model, world } = this;
    world.time += random.below(20);
    model.time = world.time;
    model.requester = this.pick(REQUESTERS);
    world.identities = model.requester.identities;
    const sessions = [...model.leases];
    model.session = this.pick(sessions);
    world.session = model.session;
    const chance = random.below(100);
    if (chance < 2) this.endLease();
    else if (chance < 5) this.reap();
    else if (chance < 20) this.multi();
    else this.single();
  }

  compare(): void {
    const { model, world } = this;
    const { tree } = world;
    assert.equal(world.machine.sequence, model.revision);
    assert.deepEqual([...tree.nodes].map(({ path }) => path).sort(), [...model.nodes.keys()].sort());
    let bytes = 0;
    for (const [path, node] of model.nodes) {
      const real = tree.node(path)!;
      assert.deepEqual(statOf(real), model.stat(path), path);
      assert.equal(real.data, node.data, path);
      assert.deepEqual(real.acl, node.acl, path);
      assert.equal(tree.isContainer(real), node.kind === "container");
      assert.equal(tree.ttlOf(real), node.kind === "ttl" ? 50 : 0);
      assert.deepEqual(world.children(path), model.children(path).map(nameOf).sort());
      bytes += path.length + (node.data?.length ?? 0);
    }
    assert.equal(tree.approximateBytes, bytes);
    assert.equal(tree.store.nodes.size, tree.nodeCount, "records that no node has");
    const directories = [...tree.nodes].filter(({ directory }) => directory !== null);
    assert.equal(tree.store.directories.size, directories.length);
    for (const session of model.leases) {
      const owned = [...model.nodes].filter(([, node]) => node.owner === session).map(([path]) => path);
      assert.deepEqual(tree.ephemeralsOf(session).sort(), owned.sort());
    }
    assert.deepEqual([...tree.reapable(model.time, 0)].map(({ path }) => path).sort(), model.due().sort());
  }

  single(): void {
    const operation: Operation =
      this.random.below(12) === 0
        ? { kind: "set-acl", path: this.path(), acl: this.pick(LISTS), version: this.version() }
        : this.operation();
    if (operation.kind === "check") return;
    const expected = this.model.run(operation);
    const { world } = this;
    const got =
      operation.kind === "create"
        ? world.create(operation.path, {
            data: operation.data === null ? null : String.fromCharCode(...operation.data),
            acl: operation.acl,
            mode: operation.mode,
            ttl: operation.ttl ?? -1,
          })
        : operation.kind === "delete"
          ? world.delete(operation.path, operation.version)
          : operation.kind === "set-acl"
            ? world.setAcl(operation.path, operation.acl, operation.version)
            : world.set(
                operation.path,
                operation.data === null ? null : String.fromCharCode(...operation.data),
                operation.version,
              );
    assert.deepEqual(got, expected, told(operation));
    count(got);
  }

  multi(): void {
    const operations = Array.from({ length: this.random.below(6) }, () => this.operation());
    const expected = this.model.multi(operations);
    const got = this.world.multi(...operations);
    assert.deepEqual(got, expected, told(operations));
    count(got);
  }

  endLease(): void {
    const { session } = this.model;
    this.model.endLease(session);
    if (this.random.chance(0.5)) this.world.closeLease(session);
    else this.world.expire({ id: session, generation: 0 });
    this.openLease();
  }

  openLease(): void {
    this.model.revision++;
    this.model.leases.add(this.world.openLease());
  }

  reap(): void {
    const [candidate] = this.world.tree.reapable(this.world.time, 0);
    if (candidate === undefined) return;
    this.world.reap(candidate);
    this.model.reap(candidate.path);
  }

  operation(): MultiOperation {
    const { random } = this;
    const path = this.path();
    const data = random.chance(0.1) ? null : bytesOf(String.fromCharCode(random.below(256)).repeat(random.below(200)));
    switch (random.below(10)) {
      case 0:
      case 1:
        return { kind: "delete", path, version: this.version() };
      case 2:
      case 3:
        return { kind: "set-data", path, data, version: this.version() };
      case 4:
        return { kind: "check", path, version: this.version() };
      default: {
        const mode = random.below(7);
        const isTtl = mode > 4;
        const ttl = isTtl === random.chance(0.97) ? { ttl: 50 } : {};
        return { kind: "create", path, data, acl: this.pick(LISTS), mode, ...ttl };
      }
    }
  }

  /** Few names, so that paths meet often; now and then one that cannot be. */
  path(): string {
    const { random } = this;
    if (random.below(60) === 0) return this.pick(["/", "/zookeeper", "/zookeeper/config", "/a/..", "/a//b", "nowhere"]);
    let path = "";
    for (let depth = 1 + random.below(3); depth > 0; depth--) path += `/${"abcd"[random.below(4)]}`;
    return path;
  }

  version(): number {
    return this.random.chance(0.6) ? -1 : this.random.below(3);
  }

  pick<Thing>(things: readonly Thing[]): Thing {
    return things[this.random.below(things.length)]!;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function statOf(stat: Stat): Stat {
  const outcome = kept({ kind: "updated", stat });
  assert.ok(outcome.kind === "updated");
  return outcome.stat;
}

/** What the commands of all seeds came to: a model that only ever hears "no node" proves little. */
const heard = new Map<string, number>();

export function count(outcome: Outcome): void {
  const name =
    outcome.kind === "rejected"
      ? outcome.code
      : outcome.kind === "multi-rejected"
        ? `multi at ${Math.min(outcome.failed, 2)}: ${outcome.code}`
        : outcome.kind;
  heard.set(name, (heard.get(name) ?? 0) + 1);
}

for (let seed = 1; seed <= 10; seed++) {
  test(`the tree does what the model does: seed ${seed}`, () => {
    const pair = new Pair(seed);
    const other = new World();
    for (let step = 1; step <= 3000; step++) {
      pair.step();
      if (step % 100 !== 0) continue;
      pair.compare();
      pair.world.machine.checkInvariants();
      // Another machine follows the log in large steps, now and then by a snapshot of this one.
      if (step % 300 === 0) {
        const { machine } = restored(snapshotOf(pair.world.machine, 500), 333);
        assert.equal(machine.hash(), pair.world.machine.hash());
        other.adopt(snapshotOf(machine));
      }
      const { log } = pair.world;
      for (let at = other.machine.appliedIndex; at < log.length; at++) other.machine.apply(at + 1, log[at]!, null);
      assert.equal(other.machine.hash(), pair.world.machine.hash());
    }
  });
}

test("and all that can happen has happened", () => {
  const often = [
    "created",
    "done",
    "updated",
    "multi",
    "no-node",
    "no-auth",
    "node-exists",
    "bad-version",
    "not-empty",
  ];
  const seldom = [
    "bad-arguments",
    "invalid-acl",
    "no-children-for-ephemerals",
    "multi at 2: no-node",
    "multi at 1: no-auth",
  ];
  for (const name of often) assert.ok((heard.get(name) ?? 0) > 200, `${name}: ${heard.get(name)}`);
  for (const name of seldom) assert.ok((heard.get(name) ?? 0) > 20, `${name}: ${heard.get(name)}`);
});
