// The check of the whole state's invariants notices what it says that it notices: each is broken once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError } from "../../src/base/assert.ts";
import { World } from "./world.ts";

/** A state with something of everything. */
function world(): World {
  const made = World.withSession();
  made.policy = { extendedTypes: true };
  made.create("/a", { data: "1" });
  made.create("/a/b", { data: "22" });
  made.create("/a/e", { mode: 1 });
  made.create("/container", { mode: 4 });
  made.create("/ttl", { mode: 5, ttl: 1000 });
  made.machine.checkInvariants();
  return made;
}

const BROKEN: readonly (readonly [what: string, breaks: (world: World) => void, message: RegExp])[] = [
  ["bytes are counted", ({ tree }) => void tree.approximateBytes++, /bytes, counted/],
  ["ephemeral nodes are counted", ({ tree }) => void tree.ephemeralCount--, /count of ephemeral nodes/],
  ["an ephemeral node has a lease", ({ leases }) => leases.restore().adopt(), /a lease that lives/],
  ["an ephemeral node is listed", ({ tree, session }) => void tree.ephemerals.delete(session), /in its session's list/],
  ["a node is found by its path", ({ tree }) => tree.nodes.remove(tree.node("/ttl")!), /found by its path/],
  ["a child is linked", ({ tree }) => tree.root.directory!.unlink(tree.node("/container")!), /nodes below the root/],
  [
    "data below is counted",
    ({ tree }) => tree.store.growAbove(tree.node("/a/b")!.record, 0, 5),
    /counts what is below/,
  ],
];

for (const [what, breaks, message] of BROKEN) {
  test(what, () => {
    const made = world();
    breaks(made);
    assert.throws(
      () => made.machine.checkInvariants(),
      (error) => error instanceof AssertionError && message.test(error.message),
    );
  });
}
