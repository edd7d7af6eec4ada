// A simulated program: a process with its own clock, connections and session, which uses the recipes as any program does. It
// may be paused, cut off or killed. A killed program does nothing more.

import { setMaxListeners } from "node:events";
import type { Random } from "../../base/random.ts";
import { ZooKeeperEngine } from "../../engines/zookeeper/engine.ts";
import { parseConnectString, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { Coordination, type Handle, type WaitOptions } from "../../recipes/index.ts";
import { FaultyTransport } from "../faulty-transport.ts";
import type { Refusal } from "../stage.ts";
import type { VirtualPorts } from "../virtual-ports.ts";
import { Listings } from "./listings.ts";

export interface ProgramOptions {
  readonly id: number;
  readonly random: Random;
  readonly ports: VirtualPorts;
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  /** By how much the servers' clocks may run faster, as a part of 1. */
  readonly clockRateMargin: number;
  readonly root: string;
  readonly onLog: (message: string) => void;
}

export class SimulatedProgram {
  /** Another for every process that was ever started. */
  readonly id: number;
  readonly random: Random;
  readonly client: ZooKeeperClient;
  readonly c: Coordination<ZooKeeperEngine>;
  readonly listings: Listings;
  /** What it does: ends with the fault phase. */
  readonly over = new AbortController();
  isClosed = false;
  readonly #sessions = new Set<number>();
  /** When it was paused last, and until when, in true time. */
  pausedUntil = 0;
  readonly #transport: FaultyTransport;
  readonly #ports: VirtualPorts;

  constructor({ id, random, ports, servers, sessionTimeoutMs, clockRateMargin, root, onLog }: ProgramOptions) {
    this.id = id;
    setMaxListeners(0, this.over.signal); // it ends everything
    this.random = random;
    this.#ports = ports;
    this.listings = new Listings(ports.transport);
    this.#transport = new FaultyTransport(this.listings, (task) => ports.clock.defer(task));
    const own = { ...ports, transport: this.#transport };
    this.client = new ZooKeeperClient(parseConnectString(servers), { sessionTimeoutMs, clockRateMargin }, own);
    this.client.onState((state) => {
      if (state.kind === "connected") this.#sessions.add(Number(state.session.id));
    });
    const logger = { info: onLog, warn: onLog, error: onLog };
    this.c = new Coordination(new ZooKeeperEngine(this.client, own, { root, logger }));
  }

  get name(): string {
    return `program ${this.id}`;
  }

  /** Whether a session was ever its own. */
  hasOwned(session: number): boolean {
    return this.#sessions.has(session);
  }

  /** It was killed: nobody is there to believe anything. */
  get isDead(): boolean {
    return this.#ports.clock.isStopped;
  }

  /** So many milliseconds of its own clock. */
  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#ports.clock.after(milliseconds, resolve));
  }

  /** So long, or until the signal aborts. */
  async sleepUnless(signal: AbortSignal, milliseconds: number): Promise<void> {
    if (signal.aborted) return;
    let onAbort = () => {};
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve;
    });
    signal.addEventListener("abort", onAbort, { once: true });
    let stop = () => {};
    const slept = new Promise<void>((resolve) => {
      stop = this.#ports.clock.after(milliseconds, resolve);
    });
    await Promise.race([slept, aborted]);
    stop();
    signal.removeEventListener("abort", onAbort);
  }

  /** A random time up to so long, some of them much shorter. */
  some(milliseconds: number): number {
    const part = this.random.below(1000) / 1000;
    return milliseconds * (this.random.chance(0.3) ? part * part * part : part);
  }

  /** How long it waits for something, as it happens: until the fault phase ends, for a time, or until it thinks better of it. */
  wait(typicalMs: number): Wait {
    return new Wait(this, typicalMs);
  }

  /** Holds something for a time, some for long, or until it is told that it is lost; now and then it does not listen. */
  async hold({ signal }: Handle, typicalMs: number): Promise<void> {
    const milliseconds = this.random.chance(0.04) ? typicalMs * LONG : typicalMs;
    if (this.random.chance(0.1)) await this.sleep(milliseconds);
    else await this.sleepUnless(signal, milliseconds);
  }

  // ------------------------------------------------------------------------------------------------------ what befalls it

  pause(milliseconds: number, until: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, until);
    this.#ports.clock.pause(milliseconds);
  }

  silence(): void {
    this.#transport.silence();
  }

  heal(): void {
    this.#transport.heal();
  }

  cut(): void {
    this.#transport.cut();
  }

  loseNextAnswer(): void {
    this.#transport.loseNextAnswer();
  }

  refuseWrites(refusal: Refusal, from: number, times: number): void {
    this.#transport.refuseChanges(refusal, from, times);
  }

  /** Its connections close, unless its whole machine is gone: then they fall silent. */
  kill(silently: boolean): void {
    if (silently) this.#transport.silence();
    else this.#transport.cut();
    this.#ports.clock.isStopped = true;
  }

  /** In order. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.c.close();
  }

  after(milliseconds: number, task: () => void): () => void {
    return this.#ports.clock.after(milliseconds, task);
  }
}

/** By so many times some hold longer than others: longer than it may take until a loss is told. */
const LONG = 8;

/** A wait's options, to be disposed of with it. */
export class Wait implements Disposable {
  readonly options: WaitOptions;
  readonly #stop: () => void;

  constructor(program: SimulatedProgram, typicalMs: number) {
    const { random, over } = program;
    const controller = new AbortController();
    const abort = () => controller.abort(new Error("it thought better of it"));
    if (over.signal.aborted) abort();
    over.signal.addEventListener("abort", abort, { once: true });
    const stopTimer = random.chance(0.3) ? program.after(program.some(typicalMs), abort) : () => {};
    const timeoutMs = random.chance(0.4) ? program.some(typicalMs * 2) : undefined;
    this.options = { signal: controller.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    this.#stop = () => {
      stopTimer();
      over.signal.removeEventListener("abort", abort);
    };
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
