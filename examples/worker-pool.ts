// A pool of workers on several machines that together call something at most so often: a semaphore has three permits, and
// each call keeps its permit for as long as the rate asks for. Who dies gives its permit back with its session.

import { setTimeout as sleep } from "node:timers/promises";
import { ownOrGiven } from "./shared/own-or-given.ts";

const AT_ONCE = 3;
const EACH_MS = 30; // so at most 3 calls in any 30 ms: a hundred a second, over all machines together

await using place = await ownOrGiven();
const jobs = Array.from({ length: 24 }, (_, i) => `job ${i + 1}`);
let running = 0;
let most = 0;
let finished = 0;

async function call(_job: string): Promise<void> {
  await sleep(5);
  finished += 1;
}

async function worker(): Promise<void> {
  await using c = await place.connection();
  const permits = c.semaphore("the API", { permits: AT_ONCE });
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    await permits.run(async (held) => {
      running += 1;
      most = Math.max(most, running);
      const atLeast = sleep(EACH_MS);
      held.assertHeld();
      await call(job);
      await atLeast;
      running -= 1;
    });
  }
}

const begun = performance.now();
await Promise.all(Array.from({ length: 6 }, worker));
const perSecond = finished / ((performance.now() - begun) / 1000);
console.log(`${finished} jobs by 6 workers, never more than ${AT_ONCE} at once: ${most <= AT_ONCE}`);
console.log(`within the rate: ${perSecond <= (1000 / EACH_MS) * AT_ONCE}`);
