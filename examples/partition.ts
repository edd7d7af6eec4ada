// Eight shards over the workers that are there: each shard is worked on by one at a time, and they move when workers come and go.
// Against any ZooKeeper or Cabildo: `npm run example partition`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "cabildo";

const url = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
const items = Array.from({ length: 8 }, (_, i) => `shard-${i}`);
const working = new Map<string, string>();

function worker(id: string): () => Promise<void> {
  const stop = new AbortController();
  const running = (async () => {
    await using c = await connect(url, { sessionTimeoutMs: 6000 });
    await c.partition("shards", { items }).run(
      async ({ item, yielding, signal }) => {
        if (working.has(item)) throw new Error(`${id} works on ${item} beside ${working.get(item)}`);
        working.set(item, id);
        while (!yielding.aborted && !signal.aborted) await sleep(10); // the work
        working.delete(item);
      },
      { id, signal: stop.signal },
    );
  })();
  return () => {
    stop.abort();
    return running;
  };
}

async function spread(wanted: string): Promise<void> {
  for (;;) {
    const owners = [...working.values()];
    const ids = [...new Set(owners)].sort();
    const now = ids.map((id) => `${id} ${owners.filter((owner) => owner === id).length}`).join(", ");
    if (now === wanted) break;
    await sleep(10);
  }
  console.log(wanted);
}

const stopAna = worker("ana");
await spread("ana 8");
const stopBen = worker("ben");
await spread("ana 4, ben 4");
await stopAna();
await spread("ben 8");
await stopBen();
