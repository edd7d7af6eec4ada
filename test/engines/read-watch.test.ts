import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { ReadWatch } from "../../src/engines/zookeeper/read-watch.ts";
import { openZooKeeper, type Session } from "../../src/protocols/zookeeper/client/index.ts";

test("whoever looks no longer lets the session go, and whoever still does is woken when it ends", async () => {
  await using client = openZooKeeper("127.0.0.1:1");
  const ending = new AbortController();
  const session = { signal: ending.signal } as Session;
  const [one, other] = [new ReadWatch(client, session), new ReadWatch(client, session)];
  one.unwatch();
  other.unwatch();
  assert.equal(getEventListeners(ending.signal, "abort").length, 0);
  const third = new ReadWatch(client, session);
  ending.abort();
  await third.changed;
});
