// A job that runs once, somewhere: three programs form a line, one leads, and when it goes the next takes over.
// On a member of this process, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { ownOrGiven } from "./shared/own-or-given.ts";

await using place = await ownOrGiven();
await using observer = await place.connection();

const stop = new AbortController();
const observed = (async () => {
  let last = "";
  for await (const { leader, candidates } of observer.election("cron").observe({ signal: stop.signal })) {
    const now = leader === null ? "nobody leads" : `${leader.id} leads`;
    if (now !== last) console.log(`${now}, ${candidates.length} stand`);
    last = now;
  }
})();

const workers = ["ana", "ben", "eva"].map(async (id) => {
  await using c = await place.connection();
  for await (const term of c.election("cron").campaign({ id, signal: stop.signal })) {
    console.log(`${id} runs the job`);
    await new Promise((resolve) => setTimeout(resolve, 50)); // the work; it heeds term.signal
    console.log(`${id} has ${term.signal.aborted ? "lost its term" : "done the job"}, and leaves`);
    break;
  }
});

await Promise.all(workers);
stop.abort();
await observed;
