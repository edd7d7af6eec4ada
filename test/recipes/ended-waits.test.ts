// A look that its signal or deadline ends asks the servers nothing more: a health check in an outage leaves no work behind.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Coordination, WaitOptions, ZooKeeperEngine } from "../../src/index.ts";
import { virtualCluster } from "../../src/testing/index.ts";

type Look = (c: Coordination<ZooKeeperEngine>, wait: WaitOptions) => Promise<unknown>;

const LOOKS: Readonly<Record<string, Look>> = {
  "lock.contenders": (c, wait) => c.lock("x").contenders(wait),
  "rwLock.contenders": (c, wait) => c.rwLock("x").contenders(wait),
  "election.candidates": (c, wait) => c.election("x").candidates(wait),
  "nodes.get": (c, wait) => c.nodes.get("/x", wait),
  "nodes.children": (c, wait) => c.nodes.children("/x", wait),
};

for (const [name, look] of Object.entries(LOOKS)) {
  test(`${name}: what has ended asks the servers nothing more`, async () => {
    await using cluster = await virtualCluster({ members: 1 });
    const c = await cluster.connect();
    cluster.cut(c);
    for (let i = 0; i < 5; i++) await assert.rejects(look(c, { timeoutMs: 1 }), { code: "deadline" });
    await cluster.advance(6000); // its session is over
    for (let i = 0; i < 5; i++) await assert.rejects(look(c, { timeoutMs: 1 }), { code: "deadline" });
    const stop = new AbortController();
    const waiting = look(c, { signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, { code: "aborted" });
    await assert.rejects(look(c, { signal: stop.signal }), { code: "aborted" });
    const { client } = c.engine;
    let asked = 0;
    for (const request of ["getChildren", "getData", "exists", "sync"] as const) {
      const original = Object.getPrototypeOf(client)[request];
      client[request] = function (this: unknown, ...args: unknown[]) {
        asked++;
        return original.apply(this, args);
      } as never;
    }
    cluster.heal();
    await cluster.advance(20_000);
    assert.equal(c.status.kind, "ready");
    assert.equal(asked, 0);
    await look(c, { timeoutMs: 20_000 });
    assert.ok(asked > 0);
  });
}
