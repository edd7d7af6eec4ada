// Clients whose sessions span an upgrade: transactions, ephemeral nodes, and watches. Each enters into the ledger what it
// learned, as the writers of test/failover do.
import { setTimeout as sleep } from "node:timers/promises";
import { ByteReader } from "../../src/base/bytes.ts";
import { OPEN_ACL } from "../../src/protocols/zookeeper/codec/records.ts";
import type { Ledger } from "../failover/ledger.ts";
import { type OnAcknowledged, root, SettlingWriter, Writer } from "../failover/writers.ts";
import * as ask from "../protocols/zookeeper/support/requests.ts";
import type { ReconnectingClient } from "../support/reconnecting-client.ts";
import { ConnectionLost, type WatchedEvent, type ZooKeeperClient } from "../support/zookeeper-client.ts";

const pauseMs = 5;
const ephemeralFlag = 1;
const heldMax = 5;
const dataChanged = 3;
const createType = 1;

/** Two creates and a counter's rise in one transaction: all of it, or nothing. */
export class TransactionWriter extends Writer {
  protected async write(turn: number): Promise<void> {
    const nodes = ["a", "b"].map((letter) => {
      const name = `${letter}${turn}`;
      return { path: `${this.folder}/${name}`, data: `${this.name}-${name}` };
    });
    const counter = `${root}/counters/${this.name}`;
    const settled = this.ledger.counters.get(counter)!;
    const data = `${this.name}-${settled.version + 1}`;
    const request = ask.multi(
      ...nodes.map(({ path, data }) => {
        return {
          kind: "create",
          opcode: createType,
          request: { path, data: ask.text(data), acl: OPEN_ACL, flags: 0 },
        } as const;
      }),
      { kind: "set-data", opcode: 5, request: { path: counter, data: ask.text(data), version: settled.version } },
    );
    const client = await this.client.attached();
    const askedAt = performance.now();
    let isApplied = true;
    try {
      const { error, body } = await client.request(...request);
      if (error !== 0 || new ByteReader(body).int32() !== createType) {
        this.ledger.contradictions.push(`refused: a transaction of ${nodes[0]!.path} (error ${error})`);
        throw new Error(`the transaction of ${nodes[0]!.path} was refused`);
      }
      this.noteAcknowledged(askedAt);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      isApplied = (await this.read((client) => client.exists(counter)))!.version > settled.version;
      for (const { path } of nodes) {
        const isThere = (await this.read((client) => client.exists(path))) !== null;
        if (isThere !== isApplied) this.ledger.contradictions.push(`torn: ${path} of a transaction`);
      }
    }
    for (const { path, data } of nodes) {
      if (isApplied) this.ledger.created.set(path, data);
      else this.ledger.absent.add(path);
    }
    if (isApplied) this.ledger.counters.set(counter, { data, version: settled.version + 1 });
    await sleep(pauseMs);
  }
}

/** A session with a few ephemeral nodes, made and deleted in turn. They stay while it lives, and go with it. */
export class EphemeralWriter extends SettlingWriter {
  readonly #held: string[] = [];

  protected async write(turn: number): Promise<void> {
    const path = `${this.folder}/e${turn}`;
    await this.create(path, `${this.name}-e${turn}`, ephemeralFlag);
    this.#held.push(path);
    if (this.#held.length > heldMax) {
      const oldest = this.#held.shift()!;
      if (this.ledger.created.has(oldest)) await this.delete(oldest);
      if (this.ledger.created.has(oldest)) this.#held.push(oldest); // the connection was lost before the deletion counted
    }
    await sleep(pauseMs);
  }

  override async stop(): Promise<void> {
    await this.pause();
    const { session } = await this.client.attached();
    for (const path of this.#held.filter((path) => this.ledger.created.has(path))) {
      const stat = await this.read((client) => client.exists(path));
      if (stat?.ephemeralOwner !== session.id) {
        this.ledger.contradictions.push(`lost: ${path} of a session that lives is owned by ${stat?.ephemeralOwner}`);
      }
      this.ledger.created.delete(path);
      this.ledger.absent.add(path);
    }
    await this.client.end();
  }
}

/** Sets a watch on a counter that another writer raises, and takes it along from connection to connection until it fires. */
export class Watcher extends Writer {
  readonly #watched: string;
  #wake: () => void = () => {};
  #isTold = false;
  #isStopping = false;

  constructor(
    name: string,
    watched: string,
    connect: (options: { onEvent: (event: WatchedEvent) => void }) => ReconnectingClient,
    ledger: Ledger,
    onAcknowledged: OnAcknowledged,
  ) {
    // The client is made before `this` may be spoken of.
    const relay = { onEvent: (_: WatchedEvent) => {} };
    super(name, connect({ onEvent: (event) => relay.onEvent(event) }), ledger, onAcknowledged);
    this.#watched = `${root}/counters/${watched}`;
    relay.onEvent = ({ type, path }) => {
      if (type !== dataChanged || path !== this.#watched) return;
      this.#isTold = true;
      this.#wake();
    };
  }

  override async pause(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await super.pause();
  }

  protected async write(): Promise<void> {
    const askedAt = performance.now();
    const client = await this.client.attached();
    try {
      this.#isTold = false;
      const before = await client.getData(this.#watched, true);
      await this.#untilTold(client);
      if (this.#isStopping) return;
      const after = await this.read((client) => client.getData(this.#watched));
      if (after.stat.version > before.stat.version) this.noteAcknowledged(askedAt);
      else this.ledger.contradictions.push(`false alarm: ${this.#watched} is at ${after.stat.version} as before`);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
    await sleep(pauseMs);
  }

  async #untilTold(client: ZooKeeperClient): Promise<void> {
    let attached = client;
    while (!this.#isTold && !this.#isStopping) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, attached.ended]);
      if (this.#isTold || attached.isOpen) continue;
      const relativeZxid = attached.lastZxid;
      attached = await this.client.attached();
      await attached.request(...ask.setWatches({ relativeZxid, data: [this.#watched] })).catch(() => {});
    }
  }
}
