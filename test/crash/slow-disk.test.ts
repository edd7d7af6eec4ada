// One member's disk takes longer for a sync than a session lives. If it is the leader's, another takes its place, or the
// disks of the others decide; nobody waits long for a write, and no session is taken for dead meanwhile.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startEnsemble } from "../support/ensemble.ts";
import { ReconnectingClient } from "../support/reconnecting-client.ts";
import { counts } from "./counts.ts";
import { differences, History } from "./disk/history.ts";
import { readView } from "./disk/reading.ts";
import { attach, whyNoAttaching } from "./disk/strace.ts";
import { Workload } from "./disk/workload.ts";
import { attack } from "./lab.ts";

const skip = whyNoAttaching() ?? false;
const config = ["preAllocSize=64", "snapCount=2000"];
const sessionTimeoutMs = 4000;
const ephemeral = 1;
/** Where a file system in memory usually stands. */
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** A leader's loop may be held up once; then it takes an election, and nothing more. */
const gapMsMax = 6000;

/** A session with nothing to do but to live; it has a node that dies with it. */
interface Holder {
  readonly client: ReconnectingClient;
  /** Comes back by itself when its connection ends. */
  readonly watch: NodeJS.Timeout;
  readonly path: string;
  readonly owner: bigint;
}

attack("a disk slower than a session", { timeout: 1_200_000, skip }, async (lab) => {
  for (const { random, number } of lab.cycles(counts.slowDisks)) {
    const isLeaders = number % 2 === 1;
    // Where syncs are quick commits are made on the loop, and the first slow one holds all of it up; elsewhere in the pool.
    const isQuick = number % 4 <= 1;
    const dataRoot = mkdtempSync(join(isQuick ? memory : tmpdir(), "cabildo-slow-"));
    const ensemble = await startEnsemble({ flavour: "cabildo", members: 3, config, dataRoot });
    const addresses = ensemble.members.map(({ address }) => address);
    const history = new History();
    const load = new Workload(addresses, history, { clients: 3, seed: random.next(), sessionTimeoutMs: 6000 });
    const holders: Holder[] = [];
    try {
      await load.begin();
      for (const first of addresses.keys()) holders.push(await hold(addresses, first));
      load.start();
      await load.until(400);
      const leader = await ensemble.leader();
      const slow = isLeaders ? leader : ensemble.members.find(({ id }) => id !== leader.id)!;
      const delayMs = gapMsMax + 1000 + random.below(1000); // longer than a session, and than any pause that is allowed
      load.longestGapMs = 0;
      const { detach } = await attach(slow.pid!, `fdatasync:delay_enter=${delayMs * 1000}`);
      await sleep(1.5 * delayMs);
      await load.until(100);
      const delayed = await detach();
      lab.count("syncs that took longer than a session", delayed);
      lab.highest(`ms longest without a write, ${isLeaders ? "a leader's" : "a follower's"} disk`, load.longestGapMs);
      assert.ok(load.longestGapMs < gapMsMax, `no write for ${load.longestGapMs} ms`);
      assert.ok(delayed > 0, "no sync was slow");
      if (isLeaders) lab.count("leaders replaced", (await ensemble.leader()).id === leader.id ? 0 : 1);
      await load.until(50);
      await load.stop();
      lab.count("writes acknowledged", load.acknowledged);
      await ensemble.waitReady();
      lab.judge("sessions", await expired(holders));
      lab.count("sessions that lived on", holders.length);
      for (const { address, id } of ensemble.members) {
        const found = await readView(address);
        lab.judge(`member ${id}`, differences(found, history.at(history.latest)));
      }
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${ensemble.lastWords()}`, { cause: error });
    } finally {
      for (const { watch } of holders) clearInterval(watch);
      await Promise.all([load.close(), ...holders.map(({ client }) => client.close())]);
      await ensemble.stop();
      rmSync(dataRoot, { recursive: true, force: true });
    }
  }
});

async function hold(addresses: readonly string[], first: number): Promise<Holder> {
  const client = new ReconnectingClient(addresses, { sessionTimeoutMs, first });
  const attached = await client.attached();
  const path = await attached.create(`/holder-${first}`, null, ephemeral);
  const watch = setInterval(() => client.attached().catch(() => {}), 20);
  return { client, watch, path, owner: attached.session.id };
}

async function expired(holders: readonly Holder[]): Promise<string[]> {
  const found: string[] = [];
  for (const { client, path, owner } of holders) {
    const attached = await client.attached();
    await attached.sync();
    const node = await attached.exists(path);
    if (client.sessions !== 1) found.push(`${path}: its client had to open ${client.sessions} sessions`);
    if (node?.ephemeralOwner !== owner) found.push(`${path} is gone, and its session lived`);
  }
  return found;
}
