// `cabildo bench`: how many operations a second a cluster takes, and how long each of them takes. It works on nodes of its own, below one
// node that it removes in the end.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ZooKeeperClient } from "../protocols/zookeeper/client/index.ts";
import { Latencies } from "./latencies.ts";
import { removeTree } from "./nodes.ts";
import { openClient, type ServerOptions, tellFailure } from "./servers.ts";

export interface BenchOptions extends ServerOptions {
  readonly output: string;
  readonly load: string;
  /** Connections, each with a session of its own. */
  readonly clients: number;
  /** Operations in hand, of each client. */
  readonly depth: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly valueBytes: number;
}

/** Of a mixed load, one in so many operations is a write. */
const WRITE_EVERY = 10;
const AFTER_FAILURE_MS = 10;

interface Measured {
  readonly seconds: number;
  readonly failed: number;
  readonly latencies: Latencies;
}

export async function runBench(options: BenchOptions): Promise<number> {
  const clients: ZooKeeperClient[] = [];
  try {
    for (let i = 0; i < options.clients; i++) clients.push(await openClient(options));
    const [first] = clients as [ZooKeeperClient];
    const top = `/cabildo-bench-${randomBytes(6).toString("hex")}`;
    const value = randomBytes(options.valueBytes);
    await first.create(top);
    try {
      await Promise.all(clients.map((client, i) => client.create(`${top}/${i}`, value)));
      tell(await measure(clients, top, value, options), options);
    } finally {
      await removeTree(first, top);
    }
    return 0;
  } catch (error) {
    return tellFailure(error, options);
  } finally {
    for (const client of clients) await client.close();
  }
}

async function measure(
  clients: readonly ZooKeeperClient[],
  top: string,
  value: Uint8Array,
  { load, depth, duration }: BenchOptions,
): Promise<Measured> {
  const latencies = new Latencies();
  let failed = 0;
  const begun = performance.now();
  const one = async (client: ZooKeeperClient, own: string, lane: number): Promise<void> => {
    for (let i = 0; performance.now() - begun < duration; i++) {
      const at = performance.now();
      try {
        await operate(client, own, { load, value, number: i, lane });
        latencies.add(performance.now() - at);
      } catch {
        failed++; // a cluster under test may lose a member; what was not answered is not counted
        await sleep(AFTER_FAILURE_MS);
      }
    }
  };
  const lanes = clients.flatMap((client, i) =>
    Array.from({ length: depth }, (_, lane) => one(client, `${top}/${i}`, lane)),
  );
  await Promise.all(lanes);
  return { seconds: (performance.now() - begun) / 1000, failed, latencies };
}

interface Operation {
  readonly load: string;
  readonly value: Uint8Array;
  readonly number: number;
  readonly lane: number;
}

function operate(client: ZooKeeperClient, own: string, { load, value, number, lane }: Operation): Promise<unknown> {
  if (load === "create") return client.create(`${own}/${lane}-${number}`, value);
  if (load === "set" || (load === "mixed" && number % WRITE_EVERY === 0)) return client.setData(own, value);
  return client.getData(own);
}

function tell({ seconds, failed, latencies }: Measured, options: BenchOptions): void {
  const { load, clients, depth, valueBytes, output } = options;
  const { count, maxMs } = latencies;
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => latencies.quantile(share)) as [number, number, number];
  const perSecond = Math.round(count / seconds);
  if (output === "json") {
    const latencyMs = { p50, p95, p99, max: maxMs };
    const facts = { load, clients, depth, valueBytes, seconds, operations: count, failed, perSecond, latencyMs };
    process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    return;
  }
  const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
  process.stdout.write(
    `${load}: ${perSecond.toLocaleString("en-US")} operations a second (${clients} clients, ${depth} in hand of each, ${valueBytes} bytes)\n` +
      `latency: ${ms(p50)} in the middle, 95 of 100 within ${ms(p95)}, 99 within ${ms(p99)}, the longest ${ms(maxMs)}\n` +
      `${count.toLocaleString("en-US")} operations in ${seconds.toFixed(1)} s${failed > 0 ? `, and ${failed} that failed` : ""}\n`,
  );
}
