// Whole ensembles on bad days, each from a seed. After every event the promises of Raft are checked (oracle.ts); when the
// faults stop the ensemble must work again. `SEEDS=5000 npm test` runs more, `FIRST=77 SEEDS=1` replays one, `TRACE=1`
// prints what is said.

import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 300);
const FIRST = Number(process.env["FIRST"] ?? 1);
const trace = process.env["TRACE"] === "1" ? (line: string): void => console.log(line) : null;

const FAULTS_UNTIL = 5000;
const CALM = 6000;

test(`ensembles keep Raft's promises on ${SEEDS} bad days, and recover`, () => {
  const counts = new Map<string, number>();
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const world = new World(seed, trace);
    try {
      world.run(FAULTS_UNTIL);
      const wrong = world.calm(CALM);
      assert.equal(wrong, null, `the ensemble does not recover: ${wrong}`);
    } catch (error) {
      const replay = `FIRST=${seed} SEEDS=1 node --import tsx --test test/consensus/raft/simulation.test.ts`;
      const report = `seed ${seed}, at ${world.now}: ${String(error)}\n${world.portrait()}\nreplay: ${replay}`;
      throw new Error(report, { cause: error });
    }
    for (const [what, count] of world.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    counts.set("commits", (counts.get("commits") ?? 0) + world.oracle.commitIndex);
  }
  if (process.env["COUNTS"] === "1") console.log(counts);
  if (SEEDS < 100) return;
  // A simulation in which nothing happens proves nothing.
  for (const what of [
    "elections",
    "commits",
    "reads at leaders",
    "reads at followers",
    "fetches",
    "snapshots taken",
    "snapshots installed",
    "joint changes",
    "simple changes",
    "disks lost",
    "lost disks met",
    "transfers",
    "crashes",
    "partitions",
  ]) {
    assert.ok((counts.get(what) ?? 0) >= SEEDS / 4, `only ${counts.get(what) ?? 0} ${what} in ${SEEDS} days`);
  }
});
