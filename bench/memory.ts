// A million znodes: what they take in memory, how soon a member is ready again after a restart, and how long anybody
// waits while a snapshot is written.
import { appendFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Flavour, type Member, startEnsemble } from "../test/support/ensemble.ts";
import { memoryOf } from "../test/support/processes.ts";
import { ZooKeeperClient } from "../test/support/zookeeper-client.ts";
import { load } from "./compiled.ts";
import { megabytes, milliseconds, table, thousands } from "./tables.ts";

export interface MemoryOptions {
  readonly flavours: readonly Flavour[];
  readonly nodes: number;
  readonly bytes: number;
  readonly config: readonly string[];
  readonly say: (line: string) => void;
}

export interface MemoryResult {
  readonly flavour: Flavour;
  readonly nodes: number;
  readonly createdPerSecond: number;
  /** MB: after the creation, its peak, and after the restart. */
  readonly resident: number;
  readonly peak: number;
  readonly residentAfterRestart: number;
  /** From the start of the process to the first answered read. */
  readonly readyMs: number;
  /** The same after SIGKILL. */
  readonly readyAfterKillMs: number;
  /** The same from a snapshot not older than 100,000 transactions, whatever the first two began from. */
  readonly readyFromSnapshotMs: number;
  /** Longest wait of a client that asks every millisecond: nothing else going on; 10,000 writes/s; these and a snapshot. */
  readonly quietMaxUs: number;
  readonly writesMaxUs: number;
  readonly snapshotMaxUs: number;
  readonly snapshotP99Us: number;
  readonly snapshots: number;
  /** What the member says of itself that names a pause, an event loop or a snapshot. */
  readonly ownWords: readonly string[];
}

const root = "/million";
const perFolder = 1000; // as bench/load/load.c lays them out
const probeSeconds = 4;
const snapshotEvery = 100_000; // ZooKeeper's default, in transactions
const snapshotWithinMs = 120_000;
const readyWithinMs = 120_000;

export async function memory(options: MemoryOptions): Promise<MemoryResult[]> {
  const results: MemoryResult[] = [];
  for (const flavour of options.flavours) results.push(await measure(flavour, options));
  return results;
}

async function measure(flavour: Flavour, { nodes, bytes, config, say }: MemoryOptions): Promise<MemoryResult> {
  const runtimeOptions = flavour === "zookeeper" ? ["-Xmx3g"] : [];
  await using ensemble = await startEnsemble({ flavour, members: 1, config, runtimeOptions });
  const member = ensemble.members[0]!;
  const servers = member.address;
  const fill = { servers, op: "create", connections: 10, outstanding: 100, bytes, root };
  const filled = await load({ ...fill, count: nodes, keep: 1 });
  await untilStill(member);
  const resident = memoryOf(member.pid, "VmRSS");
  const peak = memoryOf(member.pid, "VmHWM");
  say(
    `${flavour}: ${nodes} nodes at ${thousands(filled.perSecond)}/s, ${megabytes(resident)} MB (peak ${megabytes(peak)})`,
  );

  const readyMs = await restart(member, "SIGTERM", nodes);
  const residentAfterRestart = memoryOf(member.pid, "VmRSS");
  say(`${flavour}: ready ${readyMs.toFixed(0)} ms after SIGTERM, ${megabytes(residentAfterRestart)} MB`);
  const readyAfterKillMs = await restart(member, "SIGKILL", nodes);
  say(`${flavour}: ready ${readyAfterKillMs.toFixed(0)} ms after SIGKILL`);

  // From here on a snapshot comes soon, at ours as well, which by itself goes by the size of the log.
  appendFileSync(member.configFile, `snapCount=${snapshotEvery}\n`);
  await restart(member, "SIGTERM", nodes);
  const probe = { servers, op: "get", connections: 1, outstanding: 1, "pace-ms": 1, seconds: probeSeconds };
  // Writes at a rate well below what either can do: a wait is then a pause, not a queue.
  const write = { servers, op: "set", connections: 10, outstanding: 1, "pace-ms": 1, bytes };
  await load({ servers, op: "mix", connections: 10, outstanding: 5, seconds: 3 }); // they compile again after the restart
  const quiet = await load(probe);
  const writesMaxUs = await withoutSnapshot(member, async () => {
    const [probed] = await Promise.all([load(probe), load({ ...write, seconds: probeSeconds })]);
    return probed.latencyUs.max;
  });
  const before = new Set(snapshotFiles(member).keys());
  let [snapshotMaxUs, snapshotP99Us, snapshots] = [0, 0, 0];
  const deadline = performance.now() + snapshotWithinMs;
  while (snapshots === 0 && performance.now() < deadline) {
    const [probed] = await Promise.all([load(probe), load({ ...write, seconds: probeSeconds })]);
    snapshots = [...snapshotFiles(member).keys()].filter(
      (name) => !before.has(name) && !name.endsWith(".unfinished"),
    ).length;
    snapshotMaxUs = Math.max(snapshotMaxUs, probed.latencyUs.max);
    snapshotP99Us = Math.max(snapshotP99Us, probed.latencyUs.p99);
    say(`${flavour}: ${snapshots} snapshots, longest wait ${milliseconds(probed.latencyUs.max)} ms`);
  }
  const ownWords = (await member.ask("mntr")).split("\n").filter((line) => /pause|event_loop|snapshot/i.test(line));
  const readyFromSnapshotMs = await restart(member, "SIGTERM", nodes);
  say(`${flavour}: ready ${readyFromSnapshotMs.toFixed(0)} ms after a restart from a snapshot`);
  return {
    flavour,
    nodes,
    createdPerSecond: filled.perSecond,
    resident,
    peak,
    residentAfterRestart,
    readyMs,
    readyAfterKillMs,
    readyFromSnapshotMs,
    quietMaxUs: quiet.latencyUs.max,
    writesMaxUs,
    snapshotMaxUs,
    snapshotP99Us,
    snapshots,
    ownWords,
  };
}

/** Ends the member and starts it again; milliseconds from the start to the first read of the last node created. */
async function restart(member: Member, signal: "SIGTERM" | "SIGKILL", nodes: number): Promise<number> {
  await member.kill(signal);
  const started = performance.now();
  await member.restart();
  const last = `${root}/d${Math.floor((nodes - 1) / perFolder)}/n${nodes - 1}`;
  while (performance.now() - started < readyWithinMs) {
    const client = await ZooKeeperClient.connect(member.address, { patienceMs: 1000 }).catch(() => undefined);
    if (client === undefined) {
      await sleep(10);
      continue;
    }
    await client.getData(last);
    const ready = performance.now() - started;
    await client.close();
    return ready;
  }
  throw new Error(`not ready within ${readyWithinMs} ms\n${member.log().slice(-2000)}`);
}

/** Waits until the data directory has been the same for two seconds: no snapshot is under way any more. */
async function untilStill(member: Member): Promise<void> {
  let before = "";
  for (let tries = 0; tries < 60; tries++) {
    const now = [...snapshotFiles(member)].join();
    if (now === before) return;
    before = now;
    await sleep(2000);
  }
}

/** Repeats a measurement until no snapshot fell into it. */
async function withoutSnapshot(member: Member, once: () => Promise<number>): Promise<number> {
  for (let tries = 0; tries < 5; tries++) {
    const before = [...snapshotFiles(member)].join();
    const result = await once();
    if ([...snapshotFiles(member)].join() === before) return result;
  }
  return Number.NaN;
}

/** Snapshots in the data directory, ours or ZooKeeper's, with their sizes. */
function snapshotFiles(member: Member): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of readdirSync(member.dataDirectory, { recursive: true, encoding: "utf8" })) {
    if (!/snap/i.test(name)) continue;
    const stat = statSync(join(member.dataDirectory, name), { throwIfNoEntry: false });
    if (stat?.isFile()) found.set(name, stat.size);
  }
  return found;
}

export function report(results: readonly MemoryResult[]): string {
  const line = (what: string, of: (result: MemoryResult) => string) => [what, ...results.map(of)];
  const rows = [
    line("created per second", (r) => thousands(r.createdPerSecond)),
    line("resident after creating, MB", (r) => megabytes(r.resident)),
    line("peak while creating, MB", (r) => megabytes(r.peak)),
    line("resident after a restart, MB", (r) => megabytes(r.residentAfterRestart)),
    line("ready again after SIGTERM, s", (r) => (r.readyMs / 1000).toFixed(2)),
    line("ready again after SIGKILL, s", (r) => (r.readyAfterKillMs / 1000).toFixed(2)),
    line("ready again from a snapshot, s", (r) => (r.readyFromSnapshotMs / 1000).toFixed(2)),
    line("longest wait, quiet, ms", (r) => milliseconds(r.quietMaxUs)),
    line("longest wait, 10,000 writes/s, ms", (r) => milliseconds(r.writesMaxUs)),
    line("longest wait, writes and a snapshot, ms", (r) => milliseconds(r.snapshotMaxUs)),
    line("p99, writes and a snapshot, ms", (r) => milliseconds(r.snapshotP99Us)),
    line("snapshots in that time", (r) => String(r.snapshots)),
  ];
  const nodes = thousands(results[0]?.nodes ?? 0);
  const words = results.flatMap((r) => r.ownWords.map((word) => `${r.flavour}: ${word}`));
  const own = words.length > 0 ? `\n\nOf themselves they say:\n\n${words.map((word) => `    ${word}`).join("\n")}` : "";
  return table([`${nodes} znodes`, ...results.map((r) => r.flavour)], rows) + own;
}
