// A program that uses the client library to take a lock in turn, and reads all the time. It relies on its session until the
// library's own deadline. What the library believes is compared with the log.

import { whenAborted } from "../../base/abort.ts";
import { assert } from "../../base/assert.ts";
import { CoordinationError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { ZooKeeperClient } from "../../protocols/zookeeper/client/client.ts";
import { ZooKeeperError } from "../../protocols/zookeeper/client/errors.ts";
import { ManagedSession, type Session } from "../../protocols/zookeeper/client/session.ts";
import type { ClientNetwork } from "../kernel/client-network.ts";
import type { SimulatedMember } from "../kernel/member.ts";
import { VirtualClock, type VirtualTime } from "../kernel/time.ts";
import type { FaultableClient } from "../kernel/workload.ts";
import type { ClientInvariants } from "./client-invariants.ts";
import { SimulatedTransport } from "./client-transport.ts";
import type { LockGrant } from "./lock-invariants.ts";
import { LOCK } from "./paths.ts";

export interface LibraryLockClientOptions {
  readonly id: number;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: ClientNetwork;
  /** Whom it may connect to. */
  readonly members: readonly SimulatedMember[];
  readonly invariants: ClientInvariants;
  readonly sessionTimeoutMs: number;
  readonly holdMs: number;
  readonly readEveryMs: number;
  /** Of its machine's clock, and how far apart any two clocks are. */
  readonly clockRate: number;
  readonly clockRateMax: number;
  readonly onGranted: (grant: LockGrant) => void;
}

export class LibraryLockClient implements FaultableClient {
  readonly id: number;
  /** The library's own affair. */
  readonly member = null;
  readonly isReady = false;
  readonly #options: LibraryLockClientOptions;
  readonly #clock: VirtualClock;
  readonly #transport: SimulatedTransport;
  #client: ZooKeeperClient;
  #isResting = false;
  #writes = 0;

  constructor(options: LibraryLockClientOptions) {
    this.id = options.id;
    this.#options = options;
    this.#clock = new VirtualClock(options.time, options.clockRate);
    this.#transport = new SimulatedTransport(options.id, this.#clock, options.network, options.members);
    this.#client = this.#connect();
    this.#read();
    void this.#run();
  }

  /** Its process does nothing for so long. */
  pause(milliseconds: number): void {
    this.#clock.pause(milliseconds);
  }

  /** From here on it wants the lock no more. */
  rest(): void {
    this.#isResting = true;
  }

  #connect(): ZooKeeperClient {
    const { random, sessionTimeoutMs, clockRateMax, invariants } = this.#options;
    const ports = {
      transport: this.#transport,
      clock: this.#clock,
      random,
      hashes: { md5: notNeeded, randomBytes: (count: number) => new Uint8Array(count).map(() => random.below(256)) },
    };
    // Ours may be the slowest of all clocks, the leader's the fastest.
    const clockRateMargin = 1 - 1 / clockRateMax ** 2;
    const client = new ZooKeeperClient(this.#transport.servers, { sessionTimeoutMs, clockRateMargin }, ports);
    client.onState((state) => {
      if (state.kind === "connected")
        invariants.onCounted(Number(state.session.id), () => this.#deadlineOf(state.session));
    });
    return client;
  }

  /** When it stops to count on a session that is not over, in the world's time. */
  #deadlineOf(session: Session): number {
    assert(session instanceof ManagedSession, "the library's session is no ManagedSession");
    return session.isOver ? 0 : session.deadline / this.#options.clockRate;
  }

  /** One after the other, as long as the world lasts: answered or not. */
  #read(): void {
    const again = () => void this.#clock.after(this.#options.readEveryMs, () => this.#read());
    this.#client.exists(LOCK).then(again, again);
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#takeTurn(await this.#client.connected());
      } catch (error) {
        if (!(error instanceof CoordinationError)) throw error;
        // Whether its node was made or deleted may be unknown: with the session it goes.
        if (error.outcome === "unknown") await this.#begin();
      }
      await this.#sleep(this.#options.holdMs * this.#options.random.below(3));
    }
  }

  async #begin(): Promise<void> {
    await this.#client.close();
    this.#client = this.#connect();
  }

  async #takeTurn(session: Session): Promise<void> {
    if (this.#isResting) return;
    const { holdMs, random, time, onGranted } = this.#options;
    const client = this.#client;
    await unlessThere(client.create(LOCK, this.#data(), { session }));
    const { path, stat } = await client.createWithStat(`${LOCK}/n-`, this.#data(), {
      mode: "ephemeral-sequential",
      session,
    });
    try {
      await this.#untilFirst(client, path, session);
      let releasedAt: number | null = null;
      const endsAt = () => releasedAt ?? this.#deadlineOf(session);
      onGranted({ client: this.id, token: Number(stat.czxid), endsAt });
      await this.#sleep(holdMs * (0.5 + random.below(20) / 10));
      releasedAt = Math.min(time.now, this.#deadlineOf(session));
    } finally {
      await client.delete(path, { session });
    }
  }

  async #untilFirst(client: ZooKeeperClient, path: string, session: Session): Promise<void> {
    let stop = () => {};
    for (;;) {
      const names = [...(await client.getChildren(LOCK, { session }))].sort();
      const own = names.indexOf(path.slice(LOCK.length + 1));
      if (own === 0) return;
      await new Promise<void>((resolve) => {
        const before = client.exists(`${LOCK}/${names[own - 1]}`, { session, watch: () => resolve() });
        const onStat = (stat: unknown) => (stat === null ? resolve() : undefined);
        before.then(onStat, () => resolve());
        stop = whenAborted(session.signal, resolve);
      });
      stop();
    }
  }

  /** A number of its own for each write: the log holds each once. */
  #data(): string {
    return `${this.id}-${++this.#writes}`;
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(milliseconds, resolve));
  }
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof ZooKeeperError) || error.reason !== "node-exists") throw error;
  }
}

function notNeeded(): never {
  throw new Error("it has no password");
}
