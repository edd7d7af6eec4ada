// Every test file runs in exactly one lane: nobody has to remember to add a new one to CI.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder, isWithin, LANES, laneOf, testFiles } from "../scripts/lanes.ts";

const files = testFiles();

test("every test file has a lane", () => {
  assert.ok(files.length > 100, "the tests were not found");
  const strays = files.filter((file) => laneOf(file) === null);
  assert.deepEqual(strays, [], "give its folder a lane in scripts/lanes.ts");
});

test("no place is in two lanes, and each holds tests", () => {
  const places = LANES.flatMap((lane) => lane.places);
  assert.deepEqual(places, [...new Set(places)]);
  const empty = places.filter((place) => !files.some((file) => isWithin(file, place)));
  assert.deepEqual(empty, [], "these places of scripts/lanes.ts hold no test file");
});

test("what begins first is in its lane", () => {
  for (const lane of LANES) {
    for (const place of lane.first ?? []) {
      const places = files.filter((file) => isWithin(file, place));
      assert.ok(places.length > 0 && places.every((file) => laneOf(file) === lane), `${place} of ${lane.name}`);
    }
    const own = files.filter((file) => laneOf(file) === lane);
    assert.deepEqual([...inOrder(lane, own)].sort(), own);
  }
});

test("the longest place decides", () => {
  const swarm = laneOf("test/recipes/swarm.test.ts");
  assert.notEqual(swarm, laneOf("test/recipes/virtual.test.ts"));
  assert.equal(swarm?.when, "all");
  assert.equal(laneOf("test/nowhere/file.test.ts"), null);
});

test("names are unique, and each lane has either files or a script", () => {
  const names = LANES.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  for (const { name, places, script } of LANES) assert.equal(places.length > 0, script === undefined, name);
});
