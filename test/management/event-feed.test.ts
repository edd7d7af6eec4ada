// The feed of events: bounded for each door by itself, in the order in which things happened.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventFeed } from "../../src/management/event-feed.ts";

test("events stand in the order in which they happened, whoever told them", () => {
  let now = 100;
  const feed = new EventFeed(() => now++);
  feed.addOfDoor("zookeeper", "open");
  feed.add("leader", "member 1 leads");
  feed.addOfDoor("lines", "open");
  assert.deepEqual(feed.all(), [
    { number: 1, at: 100, kind: "door", door: "zookeeper", text: "open" },
    { number: 2, at: 101, kind: "leader", door: null, text: "member 1 leads" },
    { number: 3, at: 102, kind: "door", door: "lines", text: "open" },
  ]);
});

test("a door that tells very much pushes out its own oldest events, and nobody else's", () => {
  const feed = new EventFeed(() => 0);
  feed.add("leader", "member 1 leads");
  feed.addOfDoor("zookeeper", "open");
  for (let i = 0; i < 10_000; i++) feed.addOfDoor("lines", `a client said ${i}`);
  const all = feed.all();
  assert.ok(all.length <= 1000, `${all.length} events`);
  assert.deepEqual(
    all.filter(({ door }) => door !== "lines").map(({ text }) => text),
    ["member 1 leads", "open"],
  );
  assert.equal(all.at(-1)!.text, "a client said 9999");
});
