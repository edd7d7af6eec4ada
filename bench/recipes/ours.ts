// Our lock, measured, in a process of its own: hears the same orders as Curator's program, `CuratorBench.java`. Arguments:
// servers, and where the build is, which runs as users run it; a loader's additions would be measured with it.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../../test/support/statistics.ts";
import { type Counts, connectCounted } from "./counted.ts";

const servers = process.argv[2]!;
const { connect } = (await import(process.argv[3]!)) as typeof import("../../src/index.ts");
const c = await connect(servers);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [order, path, count, more] = line.split(" ");
  if (order === "end") break;
  if (order === "acquire") await acquire(path!, Number(count), Number(more));
  else if (order === "floor") await floor(path!, Number(count), Number(more));
  else await handOver(path!, Number(count), Number(more));
}
await c.close();
process.stdin.destroy();

async function acquire(path: string, tasks: number, milliseconds: number): Promise<void> {
  const locks = Array.from({ length: tasks }, (_, i) => c.lock(`${path}-${i}`));
  await measure(tasks, milliseconds, async (i) => {
    const held = await locks[i]!.acquire();
    await held.release();
  });
}

/** What a pair must cost on these servers at least: a node made and removed, and nothing asked beside it. */
async function floor(path: string, tasks: number, milliseconds: number): Promise<void> {
  const { client } = c.engine;
  const parents = Array.from({ length: tasks }, (_, i) => `${path}-${i}`);
  for (const parent of parents) await client.create(parent);
  await measure(tasks, milliseconds, async (i) => {
    await client.delete(await client.create(`${parents[i]}/lock-`, "", { mode: "ephemeral-sequential" }));
  });
  for (const parent of parents) await client.delete(parent);
}

async function measure(tasks: number, milliseconds: number, pair: (task: number) => Promise<void>): Promise<void> {
  const latencies: number[] = [];
  const begun = performance.now();
  const end = begun + milliseconds;
  const task = async (_: unknown, i: number) => {
    while (performance.now() < end) {
      const before = performance.now();
      await pair(i);
      latencies.push((performance.now() - before) * 1000);
    }
  };
  await Promise.all(Array.from({ length: tasks }, task));
  tell(latencies, latencies.length / ((performance.now() - begun) / 1000));
}

/** Each of them waits for its turn, `rounds` times over; the holder lets go when all the others stand in line. */
async function handOver(path: string, waiters: number, rounds: number): Promise<void> {
  const counts: Counts = { pings: 0, notifications: 0 };
  const all = await Promise.all(Array.from({ length: waiters }, () => connectCounted(servers, counts)));
  const latencies: number[] = [];
  let released = 0;
  for (let round = 0; round < rounds; round++) {
    const first = await c.lock(path).acquire();
    const waiting = all.map(async (each) => {
      const held = await each.lock(path).acquire();
      latencies.push((performance.now() - released) * 1000);
      released = performance.now();
      await held.release();
    });
    while ((await c.engine.client.getChildren(path)).length < waiters + 1) await sleep(5);
    await sleep(50); // all of them watch
    released = performance.now();
    await first.release();
    await Promise.all(waiting);
  }
  await Promise.all(all.map((each) => each.close()));
  tell(latencies, 0, counts.notifications / latencies.length);
}

function tell(latencies: readonly number[], perSecond: number, wakeUps?: number): void {
  const [p50, p99, max] = [50, 99, 100].map((percent) => Math.round(percentile(latencies, percent)));
  console.log(["result", perSecond, p50, p99, max, ...(wakeUps === undefined ? [] : [wakeUps])].join(" "));
}
