// A whole cluster in memory, on virtual time: members, network and disks are the simulator's, all of it driven by one seed,
// so that a test of minutes takes milliseconds and comes out the same every time.

import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { seededRandom } from "../base/random.ts";
import type { ClientPorts, Link, LinkEvents, Target, Transport } from "../protocols/zookeeper/client/index.ts";
import { type ClientConnection, ClientNetwork } from "../sim/connections.ts";
import { SimulatedEnsemble } from "../sim/ensemble.ts";
import { VirtualClock } from "../sim/time.ts";
import { ZooKeeperStage } from "./zookeeper-stage.ts";

export interface VirtualClusterOptions {
  readonly seed?: number | undefined;
  readonly members?: number | undefined;
  readonly sessionTimeoutMs?: number | undefined;
  /** How long what a program says, or hears, is on its way: from and to; 0.1 to 2 ms unless given. */
  readonly delayMs?: readonly [number, number] | undefined;
  /** As a stage's: more than 1 where what is said is long on its way. */
  readonly patience?: number | undefined;
}

const TICK_MS = 500;
const SESSION_TIMEOUT_MS = 2000;
const LIMIT_MS = 3_600_000;

export class VirtualCluster {
  readonly ensemble: SimulatedEnsemble;
  readonly #network: ClientNetwork;
  readonly #options: VirtualClusterOptions;
  #clients = 0;
  #stages = 0;

  private constructor(options: VirtualClusterOptions) {
    this.#options = options;
    const { members = 3, seed = 1, delayMs = [0.1, 2] } = options;
    this.ensemble = new SimulatedEnsemble({ members, seed, tickTimeMs: TICK_MS, skipAcl: false });
    const { time, random } = this.ensemble;
    this.#network = new ClientNetwork(time, random, {
      delayMinMs: delayMs[0],
      delayMaxMs: delayMs[1],
      splitProbability: 0.1,
    });
    for (const member of this.ensemble.members) {
      member.onGone = (silently) => this.#network.onGone(member, silently);
    }
  }

  static async start(options: VirtualClusterOptions = {}): Promise<VirtualCluster> {
    const cluster = new VirtualCluster(options);
    cluster.ensemble.start();
    assert(await cluster.ensemble.settle(), "a virtual cluster did not start");
    return cluster;
  }

  /** Programs on it, below a root of their own. */
  stage(): ZooKeeperStage {
    const { members } = this.ensemble;
    const first = this.#clients;
    this.#clients += 1000; // of each stage its own
    return new ZooKeeperStage({
      servers: members.map(({ id }) => `member${id}:2181`).join(),
      portsOf: (program) => this.#portsOf(first + program),
      sessionTimeoutMs: this.#options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      root: `/stage-${++this.#stages}`,
      patience: this.#options.patience ?? 1,
      changeLeader: () => this.changeLeader(),
    });
  }

  /** Plays something to its end, and lets virtual time pass for it. */
  async play<T>(what: () => Promise<T>): Promise<T> {
    let isOver = false;
    const played = what().finally(() => {
      isOver = true;
    });
    played.catch(() => {});
    const ended = await this.ensemble.time.runUntil(() => isOver, LIMIT_MS);
    if (!ended) throw new Error(`it has not ended within ${LIMIT_MS / 60_000} minutes of virtual time`);
    return played;
  }

  /** The leader's process is killed, and started again when another leads. */
  async changeLeader(): Promise<void> {
    const old = this.ensemble.leader();
    if (old === undefined) return;
    old.kill();
    await this.#until(() => this.ensemble.leader() !== undefined);
    void old.start();
  }

  async #until(condition: () => boolean): Promise<void> {
    const { time } = this.ensemble;
    while (!condition()) await time.promiseAfter(10, () => {});
  }

  #portsOf(client: number): ClientPorts {
    const { time, random, members } = this.ensemble;
    const clock = new VirtualClock(time);
    const own = seededRandom(random.next());
    const dial = (target: Target, events: LinkEvents): Link => {
      const id = Number(/^member(\d+)$/.exec(target.host)?.[1]);
      const member = members.find((each) => each.id === id);
      assert(member !== undefined, `there is no ${target.host}`);
      return new VirtualLink(clock, events, (end) => this.#network.dial(client, member, end));
    };
    const transport: Transport = {
      resolve(host, done) {
        done(null, [host]);
        return () => {};
      },
      dial,
    };
    return {
      transport,
      clock,
      random: own,
      hashes: {
        md5: (bytes) => createHash("md5").update(bytes).digest(),
        randomBytes: (count) => new Uint8Array(count).map(() => own.below(256)),
      },
    };
  }
}

class VirtualLink implements Link {
  readonly #clock: VirtualClock;
  #connection: ClientConnection | null = null;
  #isOver = false;

  constructor(
    clock: VirtualClock,
    events: LinkEvents,
    dial: (end: { onBytes(bytes: Uint8Array): void; onClosed(): void }) => ClientConnection | null,
  ) {
    this.#clock = clock;
    const close = (error: Error | null) => {
      if (this.#isOver) return;
      this.#isOver = true;
      events.onClose(error);
    };
    clock.defer(() => {
      if (this.#isOver) return;
      this.#connection = dial({
        onBytes: (bytes) => (this.#isOver ? undefined : events.onData(bytes)),
        onClosed: () => close(null),
      });
      if (this.#connection === null) close(new Error("nobody listens"));
      else events.onOpen();
    });
  }

  write(bytes: Uint8Array): void {
    this.#connection?.send(bytes);
  }

  destroy(done: () => void = () => {}): void {
    this.#isOver = true;
    this.#connection?.close();
    this.#connection = null;
    this.#clock.defer(done);
  }
}
