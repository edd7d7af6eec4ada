// The stage of the ZooKeeper engine, over any transport and any clock: real sockets, a member of this process, or a
// simulated cluster.

import { ZooKeeperEngine } from "../engines/zookeeper/engine.ts";
import { pathOf } from "../engines/zookeeper/layout.ts";
import {
  type Acl,
  type ClientOptions,
  type ClientPorts,
  parseConnectString,
  ZooKeeperClient,
  ZooKeeperError,
} from "../protocols/zookeeper/client/index.ts";
import { Coordination } from "../recipes/index.ts";
import { FaultyTransport } from "./faulty-transport.ts";
import type { ContendedRecipe, Program, Refusal, Stage } from "./stage.ts";

export interface ZooKeeperStageOptions {
  readonly servers: string;
  /** The ports of one program, by its number. */
  readonly portsOf: (program: number) => ClientPorts;
  /** The session timeout to ask for; the servers must allow it. */
  readonly sessionTimeoutMs: number;
  /** Everything of this stage stands below it. */
  readonly root: string;
  readonly changeLeader?: (() => Promise<void>) | undefined;
  /** That of a busy machine, unless given. */
  readonly slowdown?: number | undefined;
}

export interface ProgramOptions extends Pick<ClientOptions, "auth" | "logger"> {
  readonly acl?: readonly Acl[] | undefined;
}

/** For real processes on a machine that does other things as well. */
const BUSY_MACHINE_SLOWDOWN = 4;

export class ZooKeeperStage implements Stage<ZooKeeperEngine>, AsyncDisposable {
  readonly slowdown: number;
  readonly sessionTimeoutMs: number;
  readonly changeLeader: (() => Promise<void>) | null;
  readonly #options: ZooKeeperStageOptions;
  readonly #ports: ClientPorts;
  readonly #open: { close(): Promise<void> }[] = [];
  #programs = 0;
  /** Reads the servers' state for the scenarios. */
  #observer: ZooKeeperClient | null = null;

  constructor(options: ZooKeeperStageOptions) {
    this.#options = options;
    this.slowdown = options.slowdown ?? BUSY_MACHINE_SLOWDOWN;
    this.sessionTimeoutMs = options.sessionTimeoutMs;
    this.changeLeader = options.changeLeader ?? null;
    this.#ports = options.portsOf(0);
  }

  now(): number {
    return this.#ports.clock.now();
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.after(milliseconds, resolve));
  }

  after(milliseconds: number, task: () => void): () => void {
    return this.#ports.clock.after(milliseconds, task);
  }

  /** `auth`: its identity, none unless given. `acl`: the access list of its nodes, open unless given. */
  async program({ auth, acl, logger }: ProgramOptions = {}): Promise<ZooKeeperProgram> {
    const { servers, portsOf, sessionTimeoutMs, root } = this.#options;
    const ports = portsOf(++this.#programs);
    const identity = `program@stage:${this.#programs}`;
    const { clock } = ports;
    const transport = new FaultyTransport(
      ports.transport,
      (task) => clock.defer(task),
      (milliseconds, task) => void clock.after(milliseconds, task),
    );
    const faulty = { ...ports, transport };
    const client = new ZooKeeperClient(parseConnectString(servers), { sessionTimeoutMs, auth }, faulty);
    this.#open.push(client);
    await client.connected({ timeoutMs: 30_000 });
    const coordination = new Coordination(new ZooKeeperEngine(client, faulty, { root, acl, logger, identity }));
    return new ZooKeeperProgram(coordination, transport, () => this.#endSessionOf(client, ports));
  }

  async waitQueueLength(recipe: ContendedRecipe, name: string): Promise<number> {
    const client = this.#observer ?? this.#observe();
    const path = pathOf(this.#options.root, recipe, name) + BELOW[recipe];
    try {
      const [names] = await Promise.all([client.getChildren(path), client.sync(path)]);
      return names.filter((each) => each !== "ready").length;
    } catch (error) {
      if (error instanceof ZooKeeperError && error.reason === "no-node") return 0;
      throw error;
    }
  }

  #observe(): ZooKeeperClient {
    const { servers, sessionTimeoutMs } = this.#options;
    const client = new ZooKeeperClient(parseConnectString(servers), { sessionTimeoutMs }, this.#ports);
    this.#open.push(client);
    this.#observer = client;
    return client;
  }

  /** Takes the session over with its password, and closes it. Tries again if its owner is faster. */
  async #endSessionOf(client: ZooKeeperClient, ports: ClientPorts): Promise<void> {
    const { servers, sessionTimeoutMs } = this.#options;
    const { session } = client;
    if (session === null) return;
    for (let tries = 0; tries < 50; tries++) {
      const options = { resume: session, sessionTimeoutMs, onLoss: "stop" } as const;
      const other = new ZooKeeperClient(parseConnectString(servers), options, ports);
      this.#open.push(other);
      const isOver = await other.connected({ timeoutMs: 30_000 }).then(
        () => false,
        () => true,
      );
      await other.close();
      if (isOver || session.signal.aborted) return;
      await this.sleep(20);
    }
    throw new Error("a session that was to be ended lives on");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.splice(0).map((each) => each.close()));
  }
}

/** Where the wait queue is: in the recipe's directory, or below it. */
const BELOW: Readonly<Record<ContendedRecipe, string>> = {
  lock: "",
  "read-write lock": "",
  election: "",
  "double barrier": "",
  semaphore: "/locks",
  queue: "/consumers",
};

class ZooKeeperProgram implements Program<ZooKeeperEngine> {
  readonly c: Coordination<ZooKeeperEngine>;
  readonly transport: FaultyTransport;
  readonly killSession: () => Promise<void>;

  constructor(c: Coordination<ZooKeeperEngine>, transport: FaultyTransport, killSession: () => Promise<void>) {
    this.c = c;
    this.transport = transport;
    this.killSession = killSession;
  }

  silence(): void {
    this.transport.silence();
  }

  cut(): void {
    this.transport.cut();
  }

  loseNextAnswer(): void {
    this.transport.loseNextAnswer();
  }

  get writes(): number {
    return this.transport.changes;
  }

  refuseWrites(refusal: Refusal, from: number, times: number): void {
    this.transport.refuseChanges(refusal, from, times);
  }

  heal(): void {
    this.transport.heal();
  }
}
