// A leader that stands still without a word: the others go on without it, and it undoes nothing when it wakes. CABILDO_FLAVOUR=zookeeper
// runs against the reference instead, whose times are printed and not judged.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flavour } from "../support/ensemble.ts";
import { times } from "../support/statistics.ts";
import { Scene } from "./scene.ts";

const flavour = (process.env["CABILDO_FLAVOUR"] ?? "cabildo") as Flavour;
const stops = 3;
const writesBetweenLosses = 12; // by each writer
const stoppedMaxMs = 2000;

test("a leader that falls silent is replaced, and undoes nothing when it wakes", { timeout: 300_000 }, async (t) => {
  await using scene = await Scene.open({ flavour, members: 3 });
  const silences: number[] = [];
  for (let stop = 0; stop < stops; stop++) {
    await scene.spread(writesBetweenLosses);
    const leader = await scene.ensemble.leader();
    const others = scene.writers.filter((writer) => writer.client.address !== leader.address);
    const { outage, over } = scene.stopwatch.begin(others, leader.address);
    await leader.kill("SIGSTOP");
    await scene.within("a write past the silent leader", () => over);
    silences.push(...outage.elsewhere);
    // Its own clients must give it up as well, and go on elsewhere, before it wakes into another term.
    await scene.progress(writesBetweenLosses);
    await leader.kill("SIGCONT");
    await scene.ensemble.waitReady();
  }
  await scene.stopWriters();
  t.diagnostic(`${flavour}: silence to next acknowledged write, clients of other members: ${times(silences)}`);
  await scene.verify("after the silences");
  if (flavour === "cabildo") assert.ok(Math.max(...silences) < stoppedMaxMs, times(silences));
});
