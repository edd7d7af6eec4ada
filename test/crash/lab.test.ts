// The lab itself: its choices can be made again, and what an attack finds is counted and told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab, lineOf } from "./lab.ts";

const choices = (lab: Lab) => [...lab.cycles(3)].map(({ number, random }) => [number, random.next()]);

test("a seed makes the same choices again, and one cycle of it alone makes its own", () => {
  const lab = new Lab(() => {}, {});
  const made = choices(lab);
  const environment = { CABILDO_CRASH_SEED: String(lab.seed) };
  assert.deepEqual(choices(new Lab(() => {}, environment)), made);
  assert.deepEqual(choices(new Lab(() => {}, { ...environment, CABILDO_CRASH_CYCLE: "2" })), [made[1]]);
  assert.notDeepEqual(choices(new Lab(() => {}, { CABILDO_CRASH_SEED: String(lab.seed + 1) })), made);
});

test("what an attack finds ends it, and stands in its line with the way to run it again", () => {
  const lab = new Lab(() => {}, { CABILDO_CRASH_SEED: "7" });
  assert.throws(() => {
    for (const { number } of lab.cycles(5)) {
      lab.count("writes acknowledged", 10);
      lab.judge("on member 1", number === 3 ? ["lost: /a", "lost: /b"] : []);
    }
  }, /^Error: on member 1:\n {2}lost: \/a\n {2}lost: \/b$/);
  assert.match(lab.moment, /in cycle 3, again with CABILDO_CRASH_SEED=7 CABILDO_CRASH_CYCLE=3/);
  const line = lineOf(lab.figures("an attack", true));
  assert.equal(line, "an attack: 2 cycles, 30 writes acknowledged; violations: 2 (0 s, seed 7)");
});

test("an attack that broke off without finding anything is no success", () => {
  assert.equal(new Lab(() => {}).figures("an attack", true).violations, 1);
});
