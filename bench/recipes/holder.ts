// One process that holds many locks: says how much memory that takes, and how many renewals. Arguments: servers, how many,
// for how many seconds.
import { type Counts, connectCounted } from "./counted.ts";

const [servers, count, seconds] = process.argv.slice(2);
const counts: Counts = { pings: 0, notifications: 0 };
const c = await connectCounted(servers!, counts);
await (await c.lock("warm").acquire()).release();
const before = measured();
const begun = performance.now();
const held = await Promise.all(Array.from({ length: Number(count) }, (_, i) => c.lock(`/held/${i}`).acquire()));
const acquiredMs = performance.now() - begun;
await new Promise((resolve) => setTimeout(resolve, 2000)); // each is guarded by now
const after = measured();
counts.pings = 0;
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
const renewals = counts.pings / Number(seconds);
const end = performance.now();
await Promise.all(held.map((each) => each.release()));
const releasedMs = performance.now() - end;
console.log(
  JSON.stringify({ acquiredMs, releasedMs, renewals, heap: after.heap - before.heap, resident: after.resident }),
);
await c.close();

function measured(): { readonly heap: number; readonly resident: number } {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}
