// A job that runs once, somewhere: three members form a line, one leads, and when it goes the next takes over. The server
// is a member inside this very process; nothing else has to run.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embedded } from "cabildo";
import { loadConfiguration, startMember } from "cabildo/server";

const quiet = { info() {}, warn: console.warn, error: console.error };
const data = await mkdtemp(join(tmpdir(), "cabildo-example-"));
const { configuration } = loadConfiguration({
  file: null,
  flags: [
    { flag: "data", key: "dataDir", value: data },
    { flag: "port", key: "clientPort", value: process.env.PORT ?? String(await freePort()) },
    { flag: "admin", key: "admin.enableServer", value: "false" },
  ],
});
const member = await startMember(configuration, quiet);
const observer = await embedded(member);

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
  const c = await embedded(member);
  for await (const term of c.election("cron").campaign({ id, signal: stop.signal })) {
    console.log(`${id} runs the job`);
    await new Promise((resolve) => setTimeout(resolve, 50)); // the work; it heeds term.signal
    console.log(`${id} has ${term.signal.aborted ? "lost its term" : "done the job"}, and leaves`);
    break;
  }
  await c.close();
});

await Promise.all(workers);
stop.abort();
await observed;
await observer.close();
await member.stop();
await rm(data, { recursive: true });

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
