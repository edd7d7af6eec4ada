// The clients of the crash lab, beside those that the failover test already has: one that holds ephemerals, one with large
// values, one whose reads must be current, and one that lives on its watches.
import { setTimeout as sleep } from "node:timers/promises";
import type { Ledger } from "../failover/ledger.ts";
import { root, SettlingWriter } from "../failover/writers.ts";
import { ReconnectingClient, type ReconnectingOptions } from "../support/reconnecting-client.ts";
import { ConnectionLost, type WatchedEvent, type ZooKeeperClient } from "../support/zookeeper-client.ts";

const ephemeralFlag = 1;
const ephemeralsHeld = 4;
const holderPauseMs = 5;
const heavyPauseMs = 20;
/** Below and above a sector, a page, a slice of a snapshot. */
export const heavyBytes = [1000, 20_000, 200_000, 700_000];
const readerPauseMs = 5;
const glanceEveryMs = 20;
const nodeDataChanged = 3;

/** Creates ephemerals and deletes the oldest; what it holds lives as long as its session, and not longer. */
export class Holder extends SettlingWriter {
  readonly held: string[] = [];

  protected async write(turn: number): Promise<void> {
    if (turn % 3 === 2) await this.count();
    else if (this.held.length >= ephemeralsHeld) await this.#deleteOldest();
    else await this.#hold(`${this.folder}/e${turn}`, `${this.name}-e${turn}`);
    await sleep(holderPauseMs);
  }

  /** Ends the session: from now on nobody may see what it held. */
  override async stop(): Promise<void> {
    await this.pause();
    await this.client.end();
    for (const path of this.held.splice(0)) {
      this.ledger.created.delete(path);
      this.ledger.absent.add(path);
    }
  }

  async #hold(path: string, data: string): Promise<void> {
    await this.create(path, data, ephemeralFlag);
    if (this.ledger.created.has(path)) this.held.push(path);
  }

  async #deleteOldest(): Promise<void> {
    const path = this.held[0]!;
    await this.delete(path);
    if (!this.ledger.created.has(path)) this.held.shift();
  }
}

/** One node whose value changes between small and large. */
export class HeavyWriter extends SettlingWriter {
  sizes: readonly number[] = heavyBytes;

  protected async write(turn: number): Promise<void> {
    await this.count(`-${"x".repeat(this.sizes[turn % this.sizes.length]!)}`);
    await sleep(heavyPauseMs);
  }
}

/** A client that only looks, and tells what it must not have seen. */
export abstract class Observer {
  readonly client: ReconnectingClient;
  readonly violations: string[] = [];
  /** What it has seen so far. */
  seen = 0;
  failure: unknown;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(client: ReconnectingClient) {
    this.client = client;
  }

  start(): void {
    this.#done = this.#run().catch((error: unknown) => {
      if (!this.#stopped) this.failure = error;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.client.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.look(await this.client.attached());
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
  }

  protected abstract look(client: ZooKeeperClient): Promise<void>;
}

/** What is known of a counter when a read of it begins, and what the read brought. */
export interface CounterRead {
  readonly path: string;
  readonly acknowledged: number;
  readonly seenBefore: number;
  readonly found: { readonly version: number; readonly data: string };
}

/** What is wrong with a linearizable read: it shows less than was acknowledged before it began, or data of another write. */
export function wrongRead({ path, acknowledged, seenBefore, found }: CounterRead): string[] {
  const { version, data } = found;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const expected = version === 0 ? "0" : `${name}-${version}`;
  return [
    ...(version < acknowledged
      ? [`stale: ${path} was read at version ${version}, acknowledged was ${acknowledged}`]
      : []),
    ...(version < seenBefore ? [`back in time: ${path} was read at version ${version} after ${seenBefore}`] : []),
    ...(data === expected || data.startsWith(`${expected}-`)
      ? []
      : [`wrong: ${path} at version ${version} was read as ${data.slice(0, 60)}`]),
  ];
}

/** Reads counters behind a `sync`: each read must show at least what was acknowledged to anybody before it began. */
export class LinearReader extends Observer {
  readonly #ledger: Ledger;
  readonly #versions = new Map<string, number>();
  #turn = 0;

  constructor(client: ReconnectingClient, ledger: Ledger) {
    super(client);
    this.#ledger = ledger;
  }

  protected async look(client: ZooKeeperClient): Promise<void> {
    const paths = [...this.#ledger.counters.keys()];
    const path = paths[this.#turn++ % paths.length]!;
    const acknowledged = this.#ledger.counters.get(path)!.version;
    const seenBefore = this.#versions.get(path) ?? 0;
    const [, { data, stat }] = await Promise.all([client.sync(path), client.getData(path)]);
    this.violations.push(...wrongRead({ path, acknowledged, seenBefore, found: { data, version: stat.version } }));
    this.#versions.set(path, stat.version);
    this.seen++;
    await sleep(readerPauseMs);
  }
}

/**
 * Knows of one node's changes only by its watch: it must come to know the last one, and never a step back. Reads beside the
 * watch must not show what it has not told.
 */
export class Watcher extends Observer {
  readonly path: string;
  version = 0;
  readonly #heard: { notify: () => void };

  private constructor(client: ReconnectingClient, path: string, heard: { notify: () => void }) {
    super(client);
    this.path = path;
    this.#heard = heard;
  }

  static open(addresses: readonly string[], options: ReconnectingOptions, path: string): Watcher {
    const heard = { notify: () => {} };
    const onEvent = (event: WatchedEvent) => {
      if (event.path === path && event.type === nodeDataChanged) heard.notify();
    };
    return new Watcher(new ReconnectingClient(addresses, { onEvent, ...options }), path, heard);
  }

  protected async look(client: ZooKeeperClient): Promise<void> {
    let isTold = false;
    const told = new Promise<void>((resolve) => {
      this.#heard.notify = () => {
        isTold = true;
        resolve();
      };
    });
    const { stat } = await client.getData(this.path, true);
    this.#see(stat.version);
    while (!isTold && client.isOpen) {
      await Promise.race([told, client.ended, sleep(glanceEveryMs)]);
      const { stat: now } = await client.getData(this.path);
      // A change is told before anything shows it: the event comes ahead of this reply.
      if (now.version === stat.version || isTold) continue;
      this.violations.push(
        `untold: ${this.path} was read at version ${now.version}, its watch was set at ${stat.version}`,
      );
      await client.ended; // once is enough
    }
  }

  #see(version: number): void {
    if (version < this.version) {
      this.violations.push(`back in time: a watcher of ${this.path} saw version ${version} after ${this.version}`);
    }
    this.version = version;
    this.seen++;
  }
}

/** Those that have not come to know the last change of what they watch. */
export function unaware(watchers: readonly Watcher[], ledger: Ledger): string[] {
  return watchers.flatMap(({ path, version }) => {
    const last = ledger.counters.get(path)!.version;
    return version === last ? [] : [`a watcher of ${path} knows of version ${version}, the last one is ${last}`];
  });
}

/** The node that a writer counts in. */
export function counterOf(name: string): string {
  return `${root}/counters/${name}`;
}
