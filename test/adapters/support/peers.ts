// Members' connections as the tests open them, on free ports, with everything that happens written down in order.

import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { after } from "node:test";
import { LOG_CHANNEL } from "../../../src/adapters/peers/channels.ts";
import {
  encodeHello,
  HELLO_BYTES,
  type Hello,
  NONCE_BYTES,
  WIRE_VERSION,
  WIRE_VERSION_OLDEST,
} from "../../../src/adapters/peers/hello.ts";
import type { PeerTime } from "../../../src/adapters/peers/mesh-context.ts";
import type { PeerTls } from "../../../src/adapters/peers/peer-tls.ts";
import { type OpenedPeers, openPeers, type PeersOptions } from "../../../src/adapters/peers/peers.ts";

/** What a test that failed left open is closed in the end, so that the run ends. */
const opened = new Set<() => unknown>();
after(() => Promise.all([...opened].map((close) => close())));

export class TestPeers {
  readonly id: number;
  readonly frames: { readonly from: number; readonly bytes: Uint8Array }[] = [];
  readonly events: string[] = [];
  readonly lines: string[] = [];
  peers!: OpenedPeers;
  port = 0;
  #changed: (() => void)[] = [];

  constructor(id: number) {
    this.id = id;
  }

  async open(port = 0, tls?: PeerTls, more: Partial<PeersOptions> = {}): Promise<this> {
    const note = (line: string) => {
      this.lines.push(line);
      this.#wake();
    };
    this.peers = await openPeers({
      id: this.id,
      incarnation: this.id * 1000,
      listen: [{ host: "127.0.0.1", port }],
      ...(tls === undefined ? {} : { tls }),
      ...more,
      events: {
        onFrame: (from, bytes) => {
          this.frames.push({ from, bytes });
          this.#wake();
        },
        onConnect: (peer) => {
          this.events.push(`+${peer}`);
          this.#wake();
        },
        onDisconnect: (peer) => {
          this.events.push(`-${peer}`);
          this.#wake();
        },
      },
      log: { info: note, warn: note, error: note },
    });
    opened.add(() => this.peers.close());
    this.port = this.peers.addresses[0]!.port;
    return this;
  }

  get address(): string {
    return `127.0.0.1:${this.port}:3888:participant;2181`;
  }

  texts(from: number): string[] {
    return this.frames.filter((frame) => frame.from === from).map(({ bytes }) => Buffer.from(bytes).toString());
  }

  send(to: number, text: string): void {
    this.peers.send(to, Buffer.from(text));
  }

  /** Completes when it holds, looked at whenever something happens. */
  async until(what: string, holds: () => boolean, milliseconds = 10_000): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (!holds()) {
      if (Date.now() > deadline)
        throw new Error(`not within ${milliseconds} ms: ${what}; ${this.events} ${this.lines}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

export async function mesh(count: number, tls?: PeerTls, more: Partial<PeersOptions> = {}): Promise<TestPeers[]> {
  const all: TestPeers[] = [];
  for (let id = 1; id <= count; id++) all.push(await new TestPeers(id).open(0, tls, more));
  for (const one of all) one.peers.reconcile(0, listed(all));
  for (const one of all) {
    await one.until("connected to all", () => all.every(({ id }) => id === one.id || one.peers.isConnected(id)));
  }
  return all;
}

export function listed(all: readonly TestPeers[]): { id: number; description: string }[] {
  return all.map(({ id, address }) => ({ id, description: address }));
}

export async function closeAll(all: readonly TestPeers[]): Promise<void> {
  await Promise.all(all.map(({ peers }) => peers.close()));
}

/** A caller that says what it likes. */
export async function call(port: number): Promise<Socket> {
  const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  opened.add(() => socket.destroy());
  socket.on("error", () => {});
  return socket;
}

export function helloFrom(from: number, to: number, changes: Partial<Hello> = {}): Uint8Array {
  return encodeHello({
    version: WIRE_VERSION,
    versionOldest: WIRE_VERSION_OLDEST,
    reply: "welcome",
    from,
    to,
    cluster: 0,
    incarnation: 1,
    proof: "none",
    nonce: new Uint8Array(NONCE_BYTES),
    ...changes,
  });
}

/** A frame as wire version 3 writes it, or as version 2 did, which knew no channels. */
export function framed(payload: string | Uint8Array, channel: number | null = LOG_CHANNEL): Uint8Array {
  const body = Buffer.concat([Buffer.from(channel === null ? [] : [channel]), Buffer.from(payload)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** Time that passes when a test says so. */
export class ManualTime implements PeerTime {
  #now = 0;
  #tasks: { readonly due: number; readonly task: () => void }[] = [];
  #onRead: (() => void)[] = [];

  now(): number {
    for (const resolve of this.#onRead.splice(0)) resolve();
    return this.#now;
  }

  /** Completes when somebody looks at the clock, as a connection does whenever bytes come. */
  read(): Promise<void> {
    return new Promise((resolve) => this.#onRead.push(resolve));
  }

  readonly after = (milliseconds: number, task: () => void): (() => void) => {
    const entry = { due: this.#now + milliseconds, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  };

  /** How many tasks wait for their time. */
  get pending(): number {
    return this.#tasks.length;
  }

  /** Runs what falls due on the way, each at its moment. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#tasks.toSorted((a, b) => a.due - b.due)[0];
      if (next === undefined || next.due > end) break;
      this.#tasks = this.#tasks.filter((other) => other !== next);
      this.#now = next.due;
      next.task();
    }
    this.#now = end;
  }
}

/** All that comes until the other side ends it. */
export async function untilClosed(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve)); // also where it is reset
  return Buffer.concat(parts);
}

export async function firstBytes(socket: Socket, count = HELLO_BYTES): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(count) as Buffer | null;
    if (bytes !== null) return bytes;
    await once(socket, "readable");
  }
}

export async function listenSilently(): Promise<{ server: net.Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port, sockets };
}
