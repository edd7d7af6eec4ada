// A cluster on virtual time, for tests of what a program does when members die, networks part and sessions end. It runs in memory: the
// simulator's members, network and disks, driven by one seed. A test of minutes takes milliseconds, and gives the same result every time.

import "../base/disposal.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { OPTION, type OptionRules, problemOf } from "../base/options.ts";
import { identityAt, LABEL } from "../engines/own-identity.ts";
import { ZooKeeperEngine } from "../engines/zookeeper/engine.ts";
import {
  type Acl,
  type ClientOptions,
  parseConnectString,
  ZooKeeperClient,
} from "../protocols/zookeeper/client/index.ts";
import { checkConfiguration } from "../protocols/zookeeper/client/option-rules.ts";
import { Coordination } from "../recipes/index.ts";
import { ClientNetwork } from "../sim/kernel/client-network.ts";
import { SimulatedEnsemble } from "../sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../sim/kernel/member.ts";
import { zooKeeperDoor } from "../sim/zookeeper/door.ts";
import { TimeDriver } from "./time-driver.ts";
import { TrackedCalls } from "./tracked-calls.ts";
import { DIGESTS, serversOf, type VirtualPorts, virtualPorts } from "./virtual-ports.ts";

export interface VirtualClusterOptions {
  /** How many: 3 unless given. */
  readonly members?: number | undefined;
  /** Decides everything that chance decides: delays, elections, ids. 1 unless given. */
  readonly seed?: number | undefined;
}

export interface VirtualConnectOptions extends Pick<ClientOptions, "auth" | "requestTimeoutMs"> {
  /** 1000 to 10,000 ms; 4000 unless given. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Everything stands below it: "/app". The root unless given. */
  readonly root?: string | undefined;
  readonly acl?: readonly Acl[] | undefined;
  /** Names this program for those who see it hold a lock or wait for one: the second program is `label@program-2:2`. */
  readonly label?: string | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * Members have the numbers from 1 on. Virtual time passes while a call of the cluster, of its connections or of what these give is
 * awaited, and at no other moment. A call that ends never fails a test by slowness. One that is awaited for two minutes of virtual time
 * in which nothing ends fails, and says so. Not for `Worker`s or other processes: a cluster lives in one thread.
 */
export interface VirtualCluster extends AsyncDisposable {
  /** Virtual milliseconds since the cluster's start. */
  readonly now: number;
  /** The number of the member that leads; null while none does. */
  readonly leader: number | null;
  /** One more program: a session and connections of its own. `close` of the cluster closes it. */
  connect(options?: VirtualConnectOptions): Promise<Coordination<ZooKeeperEngine>>;
  /** Lets so many milliseconds pass. */
  advance(milliseconds: number): Promise<void>;
  /** Lets time pass until what `body` gives has settled; for what is no call of the cluster, such as an event of a signal. */
  run<T>(body: () => Promise<T>): Promise<T>;
  /** Kills the process of a member; its disk stays. No effect on one that does not run. */
  kill(id: number): Promise<void>;
  /** Starts a member on its disk, killing it before if it runs. It may not follow a leader yet. */
  restart(id: number): Promise<void>;
  /**
   * Members of different groups do not reach each other; those in no group are one more. Nobody is told: what is sent is lost.
   * Programs reach all members. Replaces an earlier partition.
   */
  partition(...groups: readonly (readonly number[])[]): void;
  /** A program reaches no member, and no connection is closed. */
  cut(connection: Coordination<ZooKeeperEngine>): void;
  /** A program's process stands still: its timers and what it is sent wait until it goes on. */
  pause(connection: Coordination<ZooKeeperEngine>, milliseconds: number): void;
  /** Ends partitions and cuts. */
  heal(): void;
  /** Closes the connections; a `connect` that has not ended fails with `closed`. Never rejects. */
  close(): Promise<void>;
}

const MEMBERS = 3;
const MEMBERS_MAX = 9;
/** Session timeouts are allowed from 2 to 20 of these. */
const TICK_MS = 500;
const SESSION_TIMEOUT_MS = 4000;
const CONNECT_MS = 30_000;
const NETWORK = { delayMinMs: 0.1, delayMaxMs: 2, splitProbability: 0.1 };

const OPTIONS: OptionRules<VirtualClusterOptions> = {
  members: {
    is: `a whole number from 1 to ${MEMBERS_MAX}`,
    fits: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MEMBERS_MAX,
  },
  seed: OPTION.number,
};

/** Starts a virtual cluster, one of whose members leads. Rejects with `configuration` for options that cannot be. */
export async function virtualCluster(options: VirtualClusterOptions = {}): Promise<VirtualCluster> {
  const problem = problemOf(options, OPTIONS);
  if (problem !== null) throw new CoordinationError("configuration", "not-applied", `virtualCluster: ${problem}`);
  const cluster = new SimulatedCluster(options);
  await cluster.start();
  return cluster;
}

interface Program {
  readonly number: number;
  readonly ports: VirtualPorts;
}

class SimulatedCluster implements VirtualCluster {
  readonly #ensemble: SimulatedEnsemble;
  readonly #network: ClientNetwork;
  readonly #driver: TimeDriver;
  readonly #calls: TrackedCalls;
  readonly #programs = new Map<Coordination<ZooKeeperEngine>, Program>();
  #programCount = 0;
  /** Calls of `connect` that have not ended. */
  readonly #connecting = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  constructor({ members = MEMBERS, seed = 1 }: VirtualClusterOptions) {
    const doors = [zooKeeperDoor({ skipAcl: false, digests: DIGESTS })];
    this.#ensemble = new SimulatedEnsemble({ members, seed, tickTimeMs: TICK_MS, doors });
    const { time, random } = this.#ensemble;
    this.#network = new ClientNetwork(time, random, NETWORK);
    this.#driver = new TimeDriver(time);
    this.#calls = new TrackedCalls(this.#driver);
    for (const member of this.#ensemble.members) {
      member.onGone = (silently) => this.#network.onGone(member, silently);
    }
  }

  async start(): Promise<void> {
    this.#ensemble.start();
    await this.#ensemble.settle();
  }

  get now(): number {
    return this.#ensemble.time.now;
  }

  get leader(): number | null {
    return this.#ensemble.leader()?.id ?? null;
  }

  connect(options: VirtualConnectOptions = {}): Promise<Coordination<ZooKeeperEngine>> {
    const connecting = this.#connect(options);
    this.#connecting.add(connecting);
    const forget = () => void this.#connecting.delete(connecting);
    connecting.then(forget, forget);
    return this.#driver.track(connecting, "cluster.connect");
  }

  async #connect({
    root = "/",
    acl,
    label,
    logger,
    ...options
  }: VirtualConnectOptions): Promise<Coordination<ZooKeeperEngine>> {
    this.#mustBeOpen();
    checkConfiguration("cluster.connect", { label }, { label: LABEL });
    const number = ++this.#programCount;
    const ports = virtualPorts(this.#ensemble, this.#network, number, this.#ensemble.random);
    const sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
    const client = new ZooKeeperClient(
      parseConnectString(serversOf(this.#ensemble)),
      { ...options, sessionTimeoutMs, logger, onLoss: "new-session" },
      ports,
    );
    try {
      await client.connected({ timeoutMs: CONNECT_MS, signal: this.#closing.signal });
      this.#mustBeOpen();
    } catch (error) {
      await client.close();
      this.#mustBeOpen(); // else that is why it failed
      throw error;
    }
    const identity = identityAt(`program-${number}:${number}`, label);
    const engine = new ZooKeeperEngine(client, ports, { root, acl, logger, identity });
    const connection = this.#calls.wrap(new Coordination(engine));
    this.#programs.set(connection, { number, ports });
    return connection;
  }

  advance(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY)) {
      const told = `cluster.advance: it is given a number of milliseconds from 0, not ${String(milliseconds)}`;
      throw new CoordinationError("rejected", "not-applied", told);
    }
    return this.#driver.pass(milliseconds);
  }

  run<T>(body: () => Promise<T>): Promise<T> {
    return this.#driver.track(body(), "cluster.run");
  }

  async kill(id: number): Promise<void> {
    const member = this.#member(id);
    if (member.isUp) member.kill();
  }

  restart(id: number): Promise<void> {
    return this.#driver.track(this.#member(id).restart(), "cluster.restart");
  }

  partition(...groups: readonly (readonly number[])[]): void {
    for (const id of groups.flat()) this.#member(id);
    this.#ensemble.heal();
    this.#ensemble.partition(...groups.map((group) => [...group]));
  }

  cut(connection: Coordination<ZooKeeperEngine>): void {
    const { number } = this.#program(connection);
    for (const { id } of this.#ensemble.members) this.#network.cut(number, id);
  }

  pause(connection: Coordination<ZooKeeperEngine>, milliseconds: number): void {
    this.#program(connection).ports.clock.pause(milliseconds);
  }

  heal(): void {
    this.#ensemble.heal();
    this.#network.heal();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#driver.track(this.#closed, "cluster.close");
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.heal();
    await Promise.allSettled(this.#connecting);
    await Promise.all([...this.#programs.keys()].map((connection) => connection.close()));
    for (const member of this.#ensemble.members) if (member.isUp) member.kill();
    this.#driver.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #member(id: number): SimulatedMember {
    const found = this.#ensemble.members.find((member) => member.id === id);
    if (found !== undefined) return found;
    const why = `there is no member ${id}: the cluster has the members 1 to ${this.#ensemble.members.length}`;
    throw new CoordinationError("rejected", "not-applied", why);
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw new CoordinationError("closed", "not-applied", "the cluster is closed");
  }

  #program(connection: Coordination<ZooKeeperEngine>): Program {
    const program = this.#programs.get(connection);
    if (program !== undefined) return program;
    throw new CoordinationError("rejected", "not-applied", "this is no connection that the cluster's connect gave");
  }
}
