// Every attack of attacks.ts against a follower: each ends as outcomes.txt says, whoever is cut off is named in the log,
// and nobody else notices.
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryOf } from "../support/processes.ts";
import { attacks } from "./attacks.ts";
import { agrees, readOutcomes, rewriteOutcomes } from "./outcomes.ts";
import { outcomeOf } from "./raw-connection.ts";
import { flavour, isOurs, logs, memoryComesBack, Scene } from "./scene.ts";

const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const rounds = 3; // memory may grow in the first, but not with each
const growthMaxMb = 60;

test("what no client should send ends as written down, and nobody else notices", { timeout: 180_000 }, async (t) => {
  await using scene = await Scene.open();
  const victim = await scene.victim();
  const found = new Map<string, string>();
  for (const attack of attacks()) {
    const from = victim.log().length;
    const outcome = await outcomeOf(attack, victim.clientPort);
    found.set(attack.name, outcome);
    const wasCutOff = outcome === "closed" && !attack.endsThere;
    if (isOurs && wasCutOff) await logs(victim, /connection closed: .+/, from);
  }
  t.diagnostic(`the other clients: ${await scene.assertUnharmed(p99BoundMs)}`);
  if (process.env["UPDATE"] === "1") rewriteOutcomes(flavour, found);

  const { expected } = readOutcomes();
  const disagreements = [...found]
    .filter(([name, outcome]) => !agrees(expected.get(name), flavour, outcome))
    .map(([name, outcome]) => `${name}: ${outcome}, expected ${JSON.stringify(expected.get(name))}`);
  assert.deepEqual(disagreements, []);
  assert.deepEqual([...expected.keys()].sort(), [...found.keys()].sort(), "outcomes.txt names each attack once");
});

test("attacks that go on for long cost no memory", { timeout: 180_000 }, async (t) => {
  await using scene = await Scene.open();
  const victim = await scene.victim();
  const round = async () => {
    for (const attack of attacks()) await outcomeOf(attack, victim.clientPort);
  };
  await round();
  const after = memoryOf(victim.pid, "VmRSS");
  for (let i = 1; i < rounds; i++) await round();
  const now = isOurs ? await memoryComesBack(victim, after + growthMaxMb) : memoryOf(victim.pid, "VmRSS");
  t.diagnostic(`resident after one round ${after.toFixed(0)} MB, after ${rounds} rounds ${now.toFixed(0)} MB`);
  await scene.assertUnharmed(p99BoundMs);
});
