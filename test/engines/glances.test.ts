import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Watching } from "../../src/engines/zookeeper/glances.ts";
import { openZooKeeper, type Session } from "../../src/protocols/zookeeper/client/index.ts";

test("whoever looks no longer lets the session go, and whoever still does is woken when it ends", async () => {
  await using client = openZooKeeper("127.0.0.1:1");
  const ending = new AbortController();
  const session = { signal: ending.signal } as Session;
  const [one, other] = [new Watching(client, session), new Watching(client, session)];
  one.forget();
  other.forget();
  assert.equal(getEventListeners(ending.signal, "abort").length, 0);
  const third = new Watching(client, session);
  ending.abort();
  await third.changed;
});
