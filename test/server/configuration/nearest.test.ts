import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearestName } from "../../../src/server/configuration/nearest.ts";

test("an insertion, a deletion, a replacement and a swap of neighbours each cost one", () => {
  assert.equal(editDistance("tickTime", "tickTime"), 0);
  assert.equal(editDistance("tckTime", "tickTime"), 1);
  assert.equal(editDistance("tickkTime", "tickTime"), 1);
  assert.equal(editDistance("tiskTime", "tickTime"), 1);
  assert.equal(editDistance("tikcTime", "tickTime"), 1);
  assert.equal(editDistance("", "abc"), 3);
});

test("the nearest name is suggested, and none where nothing is near", () => {
  const names = ["dataDir", "dataLogDir", "clientPort"];
  assert.equal(nearestName("datadri", names), "dataDir");
  assert.equal(nearestName("clientport", names), "clientPort");
  assert.equal(nearestName("somethingElse", names), null);
});
