// Clients that read, write and watch a few nodes that they share.

import type { Random } from "../../base/random.ts";
import { readCreated } from "../../protocols/zookeeper/codec/replies.ts";
import type { SimulatedClient } from "./client.ts";
import { LOCK, QUEUE, RECORDED, ROOT } from "./paths.ts";
import { CODE } from "./reference-tree.ts";
import type { ClientOperation, ClientWorkload, Reply, Request } from "./requests.ts";
import type { TreeCommand } from "./tree-commands.ts";

/** Everyone makes sure that these are there. */
const FOLDERS = [ROOT, QUEUE, LOCK, RECORDED];

export interface ReadWriteOptions {
  readonly thinkMs: number;
  readonly pipeline: number;
  readonly valueBytesMax: number;
  readonly keys: number;
}

export class ReadWriteWorkload implements ClientWorkload {
  readonly client: SimulatedClient;
  readonly #random: Random;
  readonly #options: ReadWriteOptions;
  #number = 0;
  /** Sequential nodes of its own that it knows of. */
  #own: string[] = [];
  /** After the faults it only wants to be served: a synced read, then no more. */
  onServed: (() => void) | null = null;
  #isResting = false;

  constructor(client: SimulatedClient, options: ReadWriteOptions) {
    this.client = client;
    this.#random = client.options.random;
    this.#options = options;
    client.workload = this;
    this.#soon();
  }

  /** Asks for one synced read and calls back once it was answered, however often it has to be asked for. */
  rest(onServed: () => void): void {
    this.#isResting = true;
    this.onServed = onServed;
    this.#askOnce();
  }

  #askOnce(): void {
    if (this.onServed === null || !this.client.isConnected) return;
    this.client.readFresh();
  }

  onConnected(): void {
    if (this.#isResting) {
      this.#askOnce();
      return;
    }
    for (const path of FOLDERS) this.client.request(this.#create(path, 0));
  }

  onDisconnected(): void {}

  onSessionLost(): void {
    this.#own = [];
  }

  onEvent(_type: number, path: string): void {
    if (this.#isResting || !this.client.isConnected || !this.#random.chance(0.7)) return;
    this.client.request({ kind: "exists", path, watch: true });
  }

  onReply({ operation }: Request, { header, body }: Reply): void {
    if (this.#isResting && operation.kind === "children") {
      const served = this.onServed;
      this.onServed = null;
      served?.();
    }
    if (operation.kind === "create" && operation.mode >= 2 && header.error === CODE.ok) {
      this.#own.push(readCreated(body).path);
    }
  }

  #soon(): void {
    const { time } = this.client.options;
    const { thinkMs } = this.#options;
    time.after(thinkMs * (0.2 + this.#random.below(2000) / 1000), () => {
      if (this.#isResting) return;
      const client = this.client;
      if (client.isConnected && !client.isPaused) {
        for (let i = this.#random.below(this.#options.pipeline + 1); i >= 0; i--) {
          if (client.isConnected && client.outstanding < 20) for (const one of this.#next()) client.request(one);
        }
      }
      this.#soon();
    });
  }

  #next(): ClientOperation[] {
    const random = this.#random;
    const path = this.#key();
    const watch = random.chance(0.5);
    switch (random.below(20)) {
      case 0:
      case 1:
      case 2:
        return [{ kind: "set", path, data: this.#data(), version: this.#version() }];
      case 3:
      case 4:
        return [this.#create(path, random.chance(0.3) ? 1 : 0)];
      case 5:
        return [{ kind: "delete", path, version: this.#version() }];
      case 6:
        return [this.#create(`${QUEUE}/n-`, random.chance(0.3) ? 3 : 2)];
      case 7: {
        const own = this.#own.shift();
        return own === undefined ? [{ kind: "get", path, watch }] : [{ kind: "delete", path: own, version: -1 }];
      }
      case 8:
        return [{ kind: "multi", commands: this.#several() }];
      case 9:
      case 10:
        return [
          { kind: "sync", path },
          { kind: "get", path, watch },
        ];
      case 11:
        return [{ kind: "get", path, watch }];
      case 12:
        return [{ kind: "exists", path, watch }];
      case 13:
        return [{ kind: "children", path: random.chance(0.5) ? ROOT : QUEUE, watch }];
      case 14:
        if (random.chance(0.1)) return [{ kind: "add-watch", path: ROOT, recursive: true }];
        return random.chance(0.1) ? [{ kind: "close" }] : [{ kind: "exists", path, watch: true }];
      case 15:
      case 16:
      case 17:
        return this.#beforeWitness(`${RECORDED}/k${random.below(2)}`);
      default:
        return [
          { kind: "set", path, data: this.#data(), version: -1 },
          { kind: "get", path, watch },
        ];
    }
  }

  #beforeWitness(path: string): ClientOperation[] {
    switch (this.#random.below(6)) {
      case 0:
        return [{ kind: "delete", path, version: this.#version() }];
      case 1:
        return [this.#create(path, 0)];
      case 2:
      case 3:
        return [{ kind: "set", path, data: this.#data(), version: this.#version() }];
      default:
        return [
          { kind: "sync", path },
          { kind: "get", path, watch: false },
        ];
    }
  }

  #several(): TreeCommand[] {
    const random = this.#random;
    const number = this.#data();
    return Array.from({ length: 1 + random.below(4) }, (): TreeCommand => {
      const path = this.#key();
      switch (random.below(5)) {
        case 0:
          return { kind: "check", path, version: this.#version() };
        case 1:
          return { kind: "create", path, data: number, mode: random.below(2) };
        case 2:
          return { kind: "delete", path, version: -1 };
        case 3:
          return { kind: "create", path: `${QUEUE}/m-`, data: number, mode: 2 };
        default:
          return { kind: "set", path, data: number, version: this.#version() };
      }
    });
  }

  #create(path: string, mode: number): TreeCommand {
    return { kind: "create", path, data: this.#data(), mode };
  }

  #key(): string {
    return `${ROOT}/k${this.#random.below(this.#options.keys)}`;
  }

  #version(): number {
    return this.#random.chance(0.6) ? -1 : this.#random.below(4);
  }

  #data(): string {
    const filler = this.#random.chance(0.2) ? this.#random.below(this.#options.valueBytesMax) : 0;
    return `${this.client.id}-${++this.#number} ${"x".repeat(filler)}`;
  }
}
