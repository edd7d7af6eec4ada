// Who gets what of a partition: evenly, the same for everyone, with few changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assignEvenly } from "../../src/recipes/assignment.ts";

function names(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

test("everybody gets as many as the others, give or take one, and every item is given", () => {
  for (const count of [1, 2, 3, 7, 12, 100, 101]) {
    for (const members of [1, 2, 3, 5, 13, 120]) {
      const assignment = assignEvenly(names(count, "item-"), names(members, "10.0.0."));
      assert.equal(assignment.size, count);
      const counts = names(members, "10.0.0.").map(
        (id) => [...assignment.values()].filter((each) => each === id).length,
      );
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${count} over ${members}: ${counts}`);
    }
  }
  assert.equal(assignEvenly(["a"], []).size, 0);
});

test("the order in which items and members are told changes nothing", () => {
  const [items, members] = [names(50, "i"), names(7, "m")];
  const sorted = (map: ReadonlyMap<string, string>) => [...map].toSorted();
  const there = assignEvenly(items, members);
  assert.deepEqual(sorted(assignEvenly(items.toReversed(), members.toReversed())), sorted(there));
});

test("when a member comes or goes, not many more items change hands than must", () => {
  for (const [count, members] of [
    [12, 2],
    [100, 9],
    [1000, 10],
  ] as const) {
    let moved = 0;
    for (let round = 0; round < 20; round++) {
      const items = names(count, `item-${round}-`);
      const all = names(members + 1, `10.0.${round}.`);
      const [without, withAll] = [assignEvenly(items, all.slice(0, -1)), assignEvenly(items, all)];
      moved += items.filter((item) => without.get(item) !== withAll.get(item)).length;
    }
    const least = (20 * count) / (members + 1);
    assert.ok(moved <= 1.7 * least, `${count} items, ${members} members: ${moved} moved, ${least} must`);
  }
});
