// The page that shows a history: that it says what happened, that everything has room, and that nothing in a history can
// become a part of the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { layOut } from "../../src/checkers/drawing/layout.ts";
import { drawHistory } from "../../src/checkers/drawing/page.ts";
import { checkLinearizable } from "../../src/checkers/linearizability.ts";
import { type RegisterInput, type RegisterOutput, register } from "../../src/checkers/models/register.ts";
import { znode } from "../../src/checkers/models/znode.ts";
import { recordHistory } from "./support/clients.ts";
import { drawn, type RegisterOperation } from "./support/drawn.ts";
import { registers, znodes } from "./support/objects.ts";

const draw = (history: readonly RegisterOperation[]) =>
  drawHistory(register, history, checkLinearizable(register, history), { source: "h.json", unit: "ms" });

const STALE = drawn(`
a: [write 1] [write 2    ]
b:           [write 3~         [write 4     ]
c:                         [read 1]
`);

/** Bars by what they ask, each with its classes. */
function barsOf(page: string): Map<string, string> {
  const bars = page.matchAll(/<div class="(bar [^"]*)"[^>]*><span class="asked">([^<]*)</g);
  return new Map([...bars].map((match) => [match[2]!, match[1]!]));
}

/** What the page says first, without its marks. */
function sentenceOf(page: string): string {
  return (/<p>(.*)<\/p>/.exec(page)?.[1] ?? "").replaceAll(/<[^>]*>/g, "");
}

/** Every element is closed where it was opened. */
function assertWellFormed(page: string): void {
  const open: string[] = [];
  const withoutStyle = page.replace(/<style>[\s\S]*?<\/style>/, "");
  for (const [tag, isEnd, name] of withoutStyle.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*)?>/g)) {
    if (["meta", "polyline"].includes(name!)) continue;
    if (isEnd === "") open.push(name!);
    else assert.equal(open.pop(), name, `${tag} closes another`);
  }
  assert.deepEqual(open, []);
  assert.equal(
    withoutStyle.replaceAll(/<(?:\/?[a-z][^<>]*|!doctype html)>/g, "").match(/[<>].{0,80}/)?.[0],
    undefined,
    "a stray bracket",
  );
}

test("of a violation it shows the answer that nothing explains, the order up to it, and what else was going on", () => {
  const page = draw(STALE);
  assertWellFormed(page);
  assert.match(page, /<h1 class="violated">Not linearizable: <code><bdi>x<\/bdi><\/code><\/h1>/);
  const [told, possible = ""] = sentenceOf(page).split(" x can only be ");
  assert.match(told ?? "", /^Client c's read on x was answered 1, which no order explains: /);
  assert.deepEqual(possible.match(/\d/g)?.sort(), ["2", "3", "4"]);
  assert.deepEqual(Object.fromEntries(barsOf(page)), {
    read: "bar stuck",
    "write 1": "bar placed",
    "write 2": "bar placed",
    "write 3": "bar unknown",
    "write 4": "bar placed",
  });
  assert.equal(page.match(/<div class="point/g)?.length, 3);
  assert.equal(page.match(/<tr class="stuck">/g)?.length, 1);
  assert.match(page, /From <bdi>h\.json<\/bdi>/);
});

test("of a good history it shows an order, and what the object was behind each step", () => {
  const page = draw(STALE.slice(0, -1).concat(drawn("d: [read null]")));
  assertWellFormed(page);
  assert.match(page, /<h1 class="linearizable">/);
  assert.ok(!page.includes('class="bar stuck"') && !page.includes('class="end"'));
  assert.match(
    page,
    /<td class="words"><bdi>write 1<\/bdi><\/td><td class="words"><bdi>done<\/bdi><\/td><td class="words"><bdi>1<\/bdi>/,
  );
});

test("what was given up is drawn without an order", () => {
  const page = drawHistory(register, STALE, checkLinearizable(register, STALE, { stepsMax: 1 }));
  assertWellFormed(page);
  assert.match(page, /<h1 class="undecided">Undecided/);
  assert.match(sentenceOf(page), /given up on x \(too many steps\)/);
  assert.equal(page.match(/<div class="point/g), null);
});

test("a history of nothing can be drawn", () => assertWellFormed(draw([])));

test("nothing in a history becomes a part of the page", () => {
  const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;\u0000\u001b\u202e`;
  const inputs: RegisterInput[] = [
    { kind: "write", key: evil, value: evil },
    { kind: "read", key: evil },
  ];
  const outputs: RegisterOutput[] = [{ kind: "done" }, { kind: "value", value: `${evil}!` }];
  const history = inputs.map((input, at) => ({
    client: evil,
    input,
    output: outputs[at]!,
    call: 2 * at,
    return: 2 * at + 1,
  }));
  const page = drawHistory(register, history, checkLinearizable(register, history), { source: evil, unit: evil });
  assertWellFormed(page);
  assert.ok(!/<script|<img|onerror='/.test(page));
  assert.ok(![..."\u0000\u001b"].some((control) => page.includes(control)));
});

test("it needs nothing from elsewhere, and would not be allowed to", () => {
  const page = draw(STALE);
  assert.ok(!/https?:|<script|<link|@import|url\(/.test(page));
  assert.match(page, /default-src 'none'/);
});

test("of ten thousand operations it shows what a person can take in, and says what is left out", async () => {
  const random = seededRandom(3);
  const object = registers(random, { keys: 3, values: 1000 });
  const history = await recordHistory({ random, clients: 20, operations: 10_000, lossRate: 0.01, ...object });
  const last = history.findLastIndex(({ output }) => output?.kind === "value");
  const wrong = history.map(
    (operation, position): RegisterOperation =>
      position === last && operation.return !== null
        ? { ...operation, output: { kind: "value", value: -1 } }
        : operation,
  );
  const page = draw(wrong);
  assertWellFormed(page);
  assert.ok(page.length < 100_000, `${page.length} characters`);
  assert.ok(barsOf(page).size > 20);
  assert.match(page, /Not drawn: [\d,]+ earlier steps of the order, behind which/);
  assert.match(page, /Of 3 keys this is/);
});

test("where the drawing begins, it says what the object was then", () => {
  const writes = [...Array(60).keys()].map(
    (turn): RegisterOperation => ({
      client: "a",
      input: { kind: "write", key: "x", value: turn + 1 },
      output: { kind: "done" },
      call: 10 * turn,
      return: 10 * turn + 5,
    }),
  );
  const page = draw(writes);
  const [, first] = /<td class="number">(\d+)</.exec(page) ?? [];
  assert.ok(Number(first) > 1);
  const before = Number(first) - 1;
  assert.ok(
    page.includes(
      `Not drawn: ${before} earlier steps of the order, behind which <code><bdi>x</bdi></code> is <code><bdi>${before}</bdi>`,
    ),
  );
});

test("everything has room, whatever the history", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const history = await recordHistory({ random, clients: 6, operations: 60, lossRate: 0.25, ...znodes(random, 1) });
    const result = checkLinearizable(znode, history);
    assert.ok(result.verdict === "linearizable");
    const order = result.orders.get("/n0")!;
    const placeables = history.map((operation, position) => {
      const place = order.indexOf(position);
      return { operation, number: place === -1 ? null : place + 1, width: 40 + random.below(200) };
    });
    const { bars, lanes, rows, width } = layOut(placeables);

    const points = order.map((position) => bars[position]!.point!);
    assert.deepEqual(
      points,
      [...points].sort((a, b) => a - b),
      "the order does not run from left to right",
    );
    assert.ok(
      points.every((point, place) => place === 0 || point - points[place - 1]! >= 20),
      "numbers cover each other",
    );
    for (const [item, { left, right, row, point }] of bars.entries()) {
      assert.ok(left >= 0 && right <= width && right - left > placeables[item]!.width - 0.001);
      assert.ok(point === null || (left <= point && point <= right), "an effect outside its operation");
      for (const [other, bar] of bars.entries()) {
        const isApart = bar.right < left || right < bar.left;
        assert.ok(other === item || bar.row !== row || isApart, "two bars in one place");
      }
      const lane = lanes.find(({ firstRow, rows: count }) => firstRow <= row && row < firstRow + count)!;
      assert.equal(lane.client, placeables[item]!.operation.client);
    }
    assert.equal(
      lanes.reduce((sum, lane) => sum + lane.rows, 0),
      rows,
    );
  }
});
