// The stage of the ZooKeeper engine, over any transport and any clock: real sockets, a member of this process, or a
// simulated cluster.

import { ZooKeeperEngine } from "../engines/zookeeper/engine.ts";
import { type ClientPorts, parseConnectString, ZooKeeperClient } from "../protocols/zookeeper/client/index.ts";
import { Coordination } from "../recipes/index.ts";
import { FaultyTransport } from "./faulty-transport.ts";
import type { Program, Stage } from "./stage.ts";

export interface ZooKeeperStageOptions {
  readonly servers: string;
  /** Of one program, by its number: each has its own ways to the servers. */
  readonly portsOf: (program: number) => ClientPorts;
  /** As asked for; the servers have to allow it. */
  readonly sessionTimeoutMs: number;
  /** Everything of this stage stands below it. */
  readonly root: string;
  readonly changeLeader?: (() => Promise<void>) | undefined;
}

export class ZooKeeperStage implements Stage<ZooKeeperEngine>, AsyncDisposable {
  readonly sessionTimeoutMs: number;
  readonly changeLeader: (() => Promise<void>) | null;
  readonly #options: ZooKeeperStageOptions;
  readonly #ports: ClientPorts;
  readonly #open: { close(): Promise<void> }[] = [];
  #programs = 0;

  constructor(options: ZooKeeperStageOptions) {
    this.#options = options;
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

  async program(): Promise<ZooKeeperProgram> {
    const { servers, portsOf, sessionTimeoutMs, root } = this.#options;
    const ports = portsOf(++this.#programs);
    const transport = new FaultyTransport(ports.transport, (task) => ports.clock.defer(task));
    const faulty = { ...ports, transport };
    const client = new ZooKeeperClient(parseConnectString(servers), { sessionTimeoutMs }, faulty);
    this.#open.push(client);
    await client.connected({ timeoutMs: 30_000 });
    const coordination = new Coordination(new ZooKeeperEngine(client, faulty, { root }));
    return new ZooKeeperProgram(coordination, transport, () => this.#endSessionOf(client, ports));
  }

  /** Whoever knows a session's password can take it over and close it, unless its owner is back before: then again. */
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

  heal(): void {
    this.transport.heal();
  }
}
