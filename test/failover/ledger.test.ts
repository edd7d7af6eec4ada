// The judge judged: a ledger and a member's data that agree, then each invariant broken once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, type Node, violations } from "./ledger.ts";

function agreement(): { ledger: Ledger; view: Map<string, Node> } {
  const ledger = new Ledger();
  ledger.created.set("/a", "one");
  ledger.created.set("/p0", "p0");
  ledger.created.set("/s-0000000001", "seq");
  ledger.absent.add("/never");
  ledger.cut.push([
    { path: "/p1", data: "p1" },
    { path: "/p2", data: "p2" },
  ]);
  ledger.maybeSequential.add("maybe");
  ledger.counters.set("/n", { data: "2", version: 2 });
  ledger.order.set("p", ["/p0", "/p1", "/p2"]);
  const view = new Map<string, Node>([
    ["/a", { data: "one", version: 0, czxid: 1 }],
    ["/n", { data: "2", version: 2, czxid: 2 }],
    ["/s-0000000001", { data: "seq", version: 0, czxid: 3 }],
    ["/p0", { data: "p0", version: 0, czxid: 4 }],
    ["/p1", { data: "p1", version: 0, czxid: 5 }],
    ["/s-0000000002", { data: "maybe", version: 0, czxid: 6 }],
  ]);
  return { ledger, view };
}

const node = (data: string, czxid: number, version = 0): Node => ({ data, version, czxid });

const breaks: readonly [breach: string, damage: (view: Map<string, Node>) => unknown, expected: RegExp][] = [
  ["an acknowledged create is missing", (view) => view.delete("/a"), /^lost: \/a was acknowledged$/],
  ["an acknowledged create holds other data", (view) => view.set("/a", node("two", 1)), /^lost: \/a holds two/],
  ["a node stands that nobody asked for", (view) => view.set("/b", node("b", 9)), /^uninvited: \/b holds b$/],
  ["a write comes after it was seen not to", (view) => view.set("/never", node("x", 9)), /^late: \/never/],
  ["a sequential create ran twice", (view) => view.set("/s-0000000003", node("maybe", 9)), /^twice: maybe stands/],
  ["a counter was raised twice", (view) => view.set("/n", node("2", 2, 3)), /^counter: \/n is 2 at version 3/],
  ["a counter fell back", (view) => view.set("/n", node("1", 2, 1)), /^counter: \/n is 1 at version 1/],
  [
    "a pipeline has a hole",
    (view) => view.delete("/p1") && view.set("/p2", node("p2", 7)),
    /^swapped: \/p2 was applied/,
  ],
  ["a pipeline was applied out of order", (view) => view.set("/p1", node("p1", 3)), /^swapped: \/p1 came into being/],
];

test("data that agrees with what writers were told breaks no invariant", () => {
  const { ledger, view } = agreement();
  assert.deepEqual(violations(ledger, view), []);
});

for (const [breach, damage, expected] of breaks) {
  test(`it is noticed when ${breach}`, () => {
    const { ledger, view } = agreement();
    damage(view);
    const found = violations(ledger, view);
    assert.equal(found.length, 1, found.join("; "));
    assert.match(found[0]!, expected);
  });
}
