// Clients that write without pause while members die under them, and enter into the ledger exactly what they learned.
// A careful one has one write in flight and settles every lost reply; a pipelining one sends several at once.
import { setTimeout as sleep } from "node:timers/promises";
import type { ReconnectingClient } from "../support/reconnecting-client.ts";
import { ConnectionLost, ZooKeeperClient, ZooKeeperError } from "../support/zookeeper-client.ts";
import type { Ledger, Node } from "./ledger.ts";

export const root = "/failover";

const sequentialFlag = 2;
const noNode = -101;
const nodeExists = -110;
const badVersion = -103;
const carefulPauseMs = 2;
const pipelinePauseMs = 10;
const pipelineLength = 8;
const readsAtOnceMax = 500;
const shownMax = 60; // characters of a node's data in a message

/** Called for each acknowledged write with the time at which it was asked for, on the clock of `performance`. */
export type OnAcknowledged = (writer: Writer, askedAt: number) => void;

export abstract class Writer {
  readonly name: string;
  readonly client: ReconnectingClient;
  acknowledged = 0;
  /** An error that no failover explains; the writer stopped at it. */
  failure: unknown;
  protected readonly ledger: Ledger;
  readonly #onAcknowledged: OnAcknowledged;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(name: string, client: ReconnectingClient, ledger: Ledger, onAcknowledged: OnAcknowledged) {
    this.name = name;
    this.client = client;
    this.ledger = ledger;
    this.#onAcknowledged = onAcknowledged;
  }

  get folder(): string {
    return `${root}/${this.name}`;
  }

  start(): void {
    this.#done = this.#run().catch((error: unknown) => {
      this.failure = error;
    });
  }

  /** Finishes the write under way; the session stays. */
  async pause(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Finishes the write under way, and ends the session. */
  async stop(): Promise<void> {
    await this.pause();
    await this.client.close();
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) await this.write(turn);
  }

  protected abstract write(turn: number): Promise<void>;

  protected noteAcknowledged(askedAt: number): void {
    this.acknowledged++;
    this.#onAcknowledged(this, askedAt);
  }

  /** A connection that has caught up with everything acknowledged before, and with this session's lost writes. */
  protected async caughtUp(): Promise<ZooKeeperClient> {
    for (;;) {
      try {
        const client = await this.client.attached();
        await client.sync(root);
        return client;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
  }

  /** A read that is repeated on other connections until it is answered. */
  protected async read<T>(ask: (client: ZooKeeperClient) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask(await this.caughtUp());
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
  }
}

/** One write in flight at a time; every lost reply is settled before the next. */
export abstract class SettlingWriter extends Writer {
  protected async create(path: string, data: string, flags = 0): Promise<void> {
    const client = await this.client.attached();
    const askedAt = performance.now();
    try {
      await client.create(path, data, flags);
      this.ledger.created.set(path, data);
      this.noteAcknowledged(askedAt);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw this.#contradiction(error, nodeExists, `twice: ${path}`);
      const found = await this.read((client) => client.exists(path));
      if (found === null) this.ledger.absent.add(path);
      else this.ledger.created.set(path, data);
    }
  }

  protected async createSequential(data: string): Promise<void> {
    const client = await this.client.attached();
    const askedAt = performance.now();
    try {
      const path = await client.create(`${root}/sequence/${this.name}-`, data, sequentialFlag);
      if (this.ledger.created.has(path)) this.ledger.contradictions.push(`twice: number of ${path} was given before`);
      this.ledger.created.set(path, data);
      this.noteAcknowledged(askedAt);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.ledger.maybeSequential.add(data);
    }
  }

  /** Deletes what stands in the ledger as created. */
  protected async delete(path: string): Promise<void> {
    const client = await this.client.attached();
    const askedAt = performance.now();
    try {
      await client.delete(path);
      this.noteAcknowledged(askedAt);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw this.#contradiction(error, noNode, `lost: ${path}`);
      if ((await this.read((client) => client.exists(path))) !== null) return; // it was not applied, and never will be
    }
    this.ledger.created.delete(path);
    this.ledger.absent.add(path);
  }

  /** Raises the writer's counter; `padding` makes its content so much longer. */
  protected async count(padding = ""): Promise<void> {
    const path = `${root}/counters/${this.name}`;
    const settled = this.ledger.counters.get(path)!;
    const data = `${this.name}-${settled.version + 1}${padding}`;
    const client = await this.client.attached();
    const askedAt = performance.now();
    try {
      const { version } = await client.setData(path, data, settled.version);
      if (version !== settled.version + 1) this.ledger.contradictions.push(`counter: ${path} jumped to ${version}`);
      this.ledger.counters.set(path, { data, version });
      this.noteAcknowledged(askedAt);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw this.#contradiction(error, badVersion, `counter: ${path}`);
      const found = await this.read((client) => client.getData(path));
      const now = { data: found.data, version: found.stat.version };
      const applied = now.data === data && now.version === settled.version + 1;
      const ignored = now.data === settled.data && now.version === settled.version;
      if (!applied && !ignored) {
        this.ledger.contradictions.push(
          `counter: ${path} is ${now.data.slice(0, shownMax)} at version ${now.version} after version ${settled.version}`,
        );
      }
      this.ledger.counters.set(path, now);
    }
  }

  /** An error that only a write applied twice, or a settled one lost or applied later, explains. */
  #contradiction(error: unknown, code: number, what: string): unknown {
    if (error instanceof ZooKeeperError && error.code === code)
      this.ledger.contradictions.push(`${what}: ${error.message}`);
    return error;
  }
}

/** Creates, sequential creates and a counter in turn. */
export class CarefulWriter extends SettlingWriter {
  protected async write(turn: number): Promise<void> {
    const kind = turn % 3;
    if (kind === 0) await this.create(`${this.folder}/n${turn}`, `${this.name}-n${turn}`);
    else if (kind === 1) await this.createSequential(`${this.name}-s${turn}`);
    else await this.count();
    await sleep(carefulPauseMs);
  }
}

/** Several creates in flight at once; the replies of the last of them may be lost. */
export class PipeliningWriter extends Writer {
  protected async write(turn: number): Promise<void> {
    const client = await this.client.attached();
    const askedAt = performance.now();
    const pipeline = Array.from({ length: pipelineLength }, (_, i) => {
      const serial = turn * pipelineLength + i;
      return { path: `${this.folder}/n${serial}`, data: `${this.name}-n${serial}` };
    });
    this.#order.push(...pipeline.map(({ path }) => path));
    const replies = await Promise.allSettled(pipeline.map(({ path, data }) => client.create(path, data)));
    const unanswered = replies.findIndex((reply) => reply.status === "rejected");
    const answered = unanswered < 0 ? pipelineLength : unanswered;
    for (const { path, data } of pipeline.slice(0, answered)) {
      this.ledger.created.set(path, data);
      this.noteAcknowledged(askedAt);
    }
    if (unanswered >= 0) {
      const unexpected = replies.find((r) => r.status === "rejected" && !(r.reason instanceof ConnectionLost));
      if (unexpected?.status === "rejected") throw unexpected.reason;
      this.ledger.cut.push(pipeline.slice(answered));
    }
    await sleep(pipelinePauseMs);
  }

  get #order(): string[] {
    const order = this.ledger.order.get(this.name) ?? [];
    this.ledger.order.set(this.name, order);
    return order;
  }
}

/** Creates what the writers write under, and the counters. */
export async function prepare(address: string, names: readonly string[], ledger: Ledger): Promise<void> {
  const client = await ZooKeeperClient.connect(address);
  await client.create(root);
  await client.create(`${root}/sequence`);
  await client.create(`${root}/counters`);
  for (const name of names) {
    await client.create(`${root}/${name}`);
    await client.create(`${root}/counters/${name}`, "0");
    ledger.counters.set(`${root}/counters/${name}`, { data: "0", version: 0 });
  }
  await client.close();
}

/** Everything that the writers left on one member, read after a sync. */
export async function readBack(address: string): Promise<Map<string, Node>> {
  const client = await ZooKeeperClient.connect(address, { patienceMs: 20_000 });
  await client.sync(root);
  const view = new Map<string, Node>();
  for (const folder of await client.getChildren(root)) {
    const names = await client.getChildren(`${root}/${folder}`);
    for (let i = 0; i < names.length; i += readsAtOnceMax) {
      const paths = names.slice(i, i + readsAtOnceMax).map((name) => `${root}/${folder}/${name}`);
      const found = await Promise.all(paths.map((path) => client.getData(path).catch(nullIfGone)));
      found.forEach((node, k) => {
        if (node === null) return; // deleted since its folder was read
        view.set(paths[k]!, { data: node.data, version: node.stat.version, czxid: node.stat.czxid });
      });
    }
  }
  await client.close();
  return view;
}

function nullIfGone(error: unknown): null {
  if (error instanceof ZooKeeperError && error.code === noNode) return null;
  throw error;
}
