// Histories known good and known bad, each a classic.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkLinearizable } from "../../src/checkers/linearizability.ts";
import { register } from "../../src/checkers/models/register.ts";
import { drawn, type RegisterOperation } from "./support/drawn.ts";
import { assertExplains } from "./support/explains.ts";

const check = (history: readonly RegisterOperation[]) => checkLinearizable(register, history);

function holds(title: string, picture: string): void {
  test(title, () => {
    const history = drawn(picture);
    const result = check(history);
    assert.equal(result.verdict, "linearizable");
    if (result.verdict === "linearizable") assertExplains(register, history, result.orders.get("x") ?? []);
  });
}

function fails(title: string, picture: string, stuck: string): void {
  test(title, () => {
    const history = drawn(picture);
    const result = check(history);
    assert.ok(result.verdict === "violated", result.verdict);
    assert.equal(register.describeInput(history[result.violation.stuck]!.input), stuck);
    assert.ok(!result.violation.order.includes(result.violation.stuck));
  });
}

describe("what a register may do", () => {
  holds("nothing at all", "");

  holds(
    "one operation after the other",
    `
a: [write 1]          [read 2]
b:           [write 2]
`,
  );

  holds(
    "a read beside a write sees the old value, or the new one",
    `
a: [write 1] [write 2              ]
b:              [read 1] [read 2]
`,
  );

  holds(
    "a write takes effect before its answer comes, and who sees it first need not be who wrote it",
    `
a: [write 1            ]
b:   [read null]
c:                [read 1]
d:       [read 1     ]
`,
  );

  holds(
    "what merely touches is concurrent",
    `
a: [write 1]
b:         [read null]
`,
  );

  holds(
    "of two that compare and set one wins",
    `
a: [write 0] [cas 0 1 ok  ]
b:           [cas 0 2 fail] [read 1]
`,
  );
});

describe("what it may not do", () => {
  fails(
    "a stale read: a value that was overwritten before the read began",
    `
a: [write 1] [write 2]
b:                     [read 1]
`,
    "read",
  );

  fails(
    "reads that go back: one saw the new value, and a later one the old",
    `
a: [write 1] [write 2              ]
b:              [read 2]
c:                        [read 1]
`,
    "read",
  );

  fails(
    "a lost update: both compare-and-sets of the same value won",
    `
a: [write 0] [cas 0 1 ok]
b:           [cas 0 2 ok]
`,
    "write 2 if 0",
  );

  fails(
    "a write that was acknowledged, and is not there",
    `
a: [write 1]
b:           [read null]
`,
    "read",
  );

  fails(
    "a value that nobody wrote",
    `
a: [write 1]
b:    [read 2]
`,
    "read",
  );

  fails(
    "a write that took effect twice: once seen overwritten, it is back",
    `
a: [write 1]                    
b:           [write 2]          [read 1]
c:                     [read 2]
`,
    "read",
  );

  fails(
    "a compare-and-set turned down although nothing else was there",
    `
a: [write 1]
b:           [cas 1 2 fail]
`,
    "write 2 if 1",
  );
});

describe("what is not known", () => {
  holds(
    "a write without an answer may never take effect",
    `
a: [write 1]
b:           [write 2~
c:                     [read 1] [read 1] [read 1]
`,
  );

  holds(
    "or late, long after others have seen that it did not",
    `
a: [write 1]
b:           [write 2~
c:                     [read 1] [read 1] [read 2]
`,
  );

  fails(
    "but not twice",
    `
a: [write 1]                              [write 3]
b:           [write 2~
c:                     [read 1] [read 2]            [read 2]
`,
    "read",
  );

  fails(
    "and not before it was asked for",
    `
a: [write 1]
b:                      [write 2~
c:             [read 2]
`,
    "read",
  );

  fails(
    "nor can it be taken back",
    `
a: [write 1]
b:           [write 2~
c:                     [read 2] [read 1]
`,
    "read",
  );

  holds(
    "of two without an answer each can take effect, in either order",
    `
a: [write 1~
b: [write 2~
c:             [read 2] [read 1]
`,
  );

  holds(
    "a compare-and-set without an answer is one only where it finds what it expects",
    `
a: [write 1]         [write 1]
b:           [cas 5 9~
c:                            [read 1]
`,
  );

  holds(
    "equal writes without an answer take effect once each",
    `
a: [write 7~ [write 7~
b: [write 1]           [read 7] [write 2] [read 7] [write 3] [read 3]
`,
  );

  fails(
    "and not more often than they were asked for",
    `
a: [write 7~ [write 7~
b: [write 1]           [read 7] [write 2] [read 7] [write 3] [read 7]
`,
    "read",
  );
});

describe("what is told of a violation", () => {
  test("how far an order goes, what the states behind it can be, and what was open", () => {
    const history = drawn(`
a: [write 1] [write 2     ]
b:           [write 3     ]
c:                            [read 1  ] [read 3]
d:                        [write 4~
`);
    const result = check(history);
    assert.ok(result.verdict === "violated");
    const { key, stuck, order, states, statesAreAll, open, operations } = result.violation;
    assert.equal(key, "x");
    assert.deepEqual(history[stuck]!.output, { kind: "value", value: 1 });
    assert.equal(order.length, 3);
    assert.deepEqual(open, [stuck]);
    assert.deepEqual(operations, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(states.map(({ value }) => value).sort(), [2, 3, 4]);
    assert.equal(statesAreAll, true);
  });

  test("keys are checked each by itself, and the violation names its operations by their place in the whole history", () => {
    const renamed = (key: string, history: readonly RegisterOperation[]) =>
      history.map((operation) => ({ ...operation, input: { ...operation.input, key } }));
    const good = renamed("good", drawn("a: [write 1] [read 1] [read 1]"));
    const bad = renamed("bad", drawn("a: [write 1] [write 2] [read 1] [read 1]"));
    assert.equal(check(good).verdict, "linearizable");
    const result = check([...good, ...bad]);
    assert.ok(result.verdict === "violated");
    assert.equal(result.violation.key, "bad");
    assert.equal(result.violation.stuck, good.length + 2);
    assert.deepEqual(result.violation.order, [3, 4]);
    assert.deepEqual(result.violation.operations, [3, 4, 5, 6]);
    assert.deepEqual([result.keys, result.operations], [2, 7]);
  });
});

describe("a search that may not take all the time it wants", () => {
  /** Writes of one value each, all at once, and a read of what none of them wrote: every subset has to be tried. */
  const hard = drawn(
    [...Array(10).keys()]
      .map((client) => `${client}: [write ${client}                    ]`)
      .concat("r:                              [read 99]")
      .join("\n"),
  );

  test("is undecided when its steps, its memory or its time are used up, and says which", () => {
    let asked = 0;
    const options = [{ stepsMax: 500 }, { configurationsMax: 500 }, { isOver: () => ++asked > 1 }];
    const reasons = options.map((option) => {
      const result = checkLinearizable(register, hard, option);
      return result.verdict === "undecided" ? result.undecided : result.verdict;
    });
    assert.deepEqual(reasons, [
      [{ key: "x", because: "steps" }],
      [{ key: "x", because: "memory" }],
      [{ key: "x", because: "time" }],
    ]);
    assert.equal(check(hard).verdict, "violated");
  });

  test("a part that was given up hides no violation in another", () => {
    const bad = drawn("a: [write 1] [write 2] [read 1]").map(
      (operation): RegisterOperation => ({ ...operation, input: { ...operation.input, key: "y" } }),
    );
    const hardButGood = hard.slice(0, -1);
    assert.equal(checkLinearizable(register, [...hard, ...bad], { stepsMax: 100 }).verdict, "violated");
    assert.equal(checkLinearizable(register, [...hard, ...hardButGood], { stepsMax: 100 }).verdict, "undecided");
  });
});
