// A lean ZooKeeper client for tests: one connection, no hidden retries, every reply and event as it came. What a test
// must know about a lost connection it learns from the error: whether the request may still have been applied.

import { connect as dial, type Socket } from "node:net";
import { type ConnectionOptions, connect as dialSecurely } from "node:tls";
import { ByteReader, type ByteWriter } from "../../src/base/bytes.ts";
import { fromByteString } from "../../src/base/text.ts";
import {
  Frames,
  frameOf,
  readConnectResponse,
  readStat,
  readText,
  writeBytes,
  writeConnectRequest,
  writeOpenAcl,
  writePathAndWatch,
  writeText,
} from "./zookeeper-frames.ts";

export const opcodes = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  multi: 14,
  auth: 100,
  closeSession: -11,
} as const;

const notificationXid = -1;
const pingXid = -2;
const authXid = -4;

export interface Session {
  readonly id: bigint;
  readonly password: Uint8Array;
  readonly timeoutMs: number;
}

export interface Reply {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  /** What follows the header; its memory is this reply's own. */
  readonly body: Uint8Array;
}

export interface WatchedEvent {
  readonly type: number;
  readonly state: number;
  readonly path: string;
  readonly zxid: number;
}

export interface Stat {
  readonly czxid: number;
  readonly mzxid: number;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: number;
}

export interface ConnectOptions {
  /** Re-attaches to this session instead of opening one. */
  readonly session?: Session;
  readonly sessionTimeoutMs?: number;
  readonly lastZxidSeen?: number;
  /** Content with a server that has no quorum. */
  readonly readOnly?: boolean;
  /** Speaks TLS, with these. */
  readonly tls?: ConnectionOptions;
  /** How long the connection and its handshake may take. */
  readonly patienceMs?: number;
  readonly onEvent?: (event: WatchedEvent) => void;
}

/** The server's answer is an error: `code` is ZooKeeper's. */
export class ZooKeeperError extends Error {
  override readonly name = "ZooKeeperError";
  readonly code: number;

  constructor(code: number, what: string) {
    super(`${what}: error ${code}`);
    this.code = code;
  }
}

/** The connection ended before the reply came: nobody here knows whether the request was applied. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** The server does not know the session any more. */
export class SessionExpired extends Error {
  override readonly name = "SessionExpired";
}

interface Waiting {
  readonly xid: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class ZooKeeperClient {
  readonly address: string;
  readonly session: Session;
  /** Settles once the connection has ended, whoever ended it. */
  readonly ended: Promise<void>;
  lastZxid: number;
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  readonly #onEvent: (event: WatchedEvent) => void;
  #lastXid = 0;
  #open = true;
  #heardAt = performance.now();

  private constructor(address: string, socket: Socket, frames: Frames, session: Session, options: ConnectOptions) {
    this.address = address;
    this.session = session;
    this.lastZxid = options.lastZxidSeen ?? 0;
    this.#socket = socket;
    this.#onEvent = options.onEvent ?? (() => {});
    this.ended = new Promise((resolve) => {
      socket.removeAllListeners("close").on("close", () => {
        this.#open = false;
        for (const waiting of this.#waiting.splice(0)) waiting.reject(new ConnectionLost(`${address} hung up`));
        resolve();
      });
    });
    socket.removeAllListeners("data").on("data", (chunk) => {
      this.#heardAt = performance.now();
      frames.push(chunk, (frame) => this.#onFrame(frame));
    });
    frames.push(new Uint8Array(0), (frame) => this.#onFrame(frame));
  }

  /** Connects to HOST:PORT and opens a session, or re-attaches to one. */
  static connect(address: string, options: ConnectOptions = {}): Promise<ZooKeeperClient> {
    return new Promise((resolve, reject) => {
      const colon = address.lastIndexOf(":");
      const place = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
      const socket = options.tls ? dialSecurely({ ...place, ...options.tls }) : dial({ ...place, noDelay: true });
      const frames = new Frames();
      const patienceMs = options.patienceMs ?? 10_000;
      const refuse = (why: string) => {
        clearTimeout(timer);
        socket.destroy();
        reject(new ConnectionLost(`${address}: ${why}`));
      };
      const timer = setTimeout(() => refuse(`no session within ${patienceMs} ms`), patienceMs);
      socket.on("error", (error) => refuse(error.message));
      socket.on("close", () => refuse("closed during the handshake"));
      socket.on(options.tls ? "secureConnect" : "connect", () =>
        socket.write(frameOf((w) => writeConnectRequest(w, options))),
      );
      socket.on("data", (chunk) => {
        frames.pushOne(chunk, (frame) => {
          clearTimeout(timer);
          const session = readConnectResponse(frame);
          if (session.timeoutMs > 0) return resolve(new ZooKeeperClient(address, socket, frames, session, options));
          socket.destroy();
          reject(new SessionExpired(`${address} does not know the session`));
        });
      });
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get outstanding(): number {
    return this.#waiting.length;
  }

  /** Milliseconds since anything came from the server. */
  get silenceMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** One request; resolves with the reply, errors included. Rejects only when the connection ends first. */
  request(opcode: number, body?: (writer: ByteWriter) => void, xid = this.#nextXid()): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (!this.#open) return reject(new ConnectionLost(`${this.address} has hung up`));
      this.#waiting.push({ xid, resolve, reject });
      this.send(
        frameOf((writer) => {
          writer.int32(xid);
          writer.int32(opcode);
          body?.(writer);
        }),
      );
    });
  }

  /** Bytes as they are, to the socket; those of one turn go out together. */
  send(bytes: Uint8Array): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(bytes);
  }

  /** Creates a node and gives its path; flags: 1 ephemeral, 2 sequential. */
  async create(path: string, data: Uint8Array | string | null = null, flags = 0): Promise<string> {
    const reply = await this.#call(`create ${path}`, opcodes.create, (w) => {
      writeText(w, path);
      writeBytes(w, data);
      writeOpenAcl(w);
      w.int32(flags);
    });
    return readText(new ByteReader(reply.body)) ?? "";
  }

  async delete(path: string, version = -1): Promise<void> {
    await this.#call(`delete ${path}`, opcodes.delete, (w) => {
      writeText(w, path);
      w.int32(version);
    });
  }

  /** The node's stat, or null when there is none. */
  async exists(path: string, watch = false): Promise<Stat | null> {
    const reply = await this.request(opcodes.exists, (w) => writePathAndWatch(w, path, watch));
    if (reply.error === -101) return null;
    throwIfError(reply, `exists ${path}`);
    return readStat(new ByteReader(reply.body));
  }

  async getData(path: string, watch = false): Promise<{ data: string; stat: Stat }> {
    const reply = await this.#call(`getData ${path}`, opcodes.getData, (w) => writePathAndWatch(w, path, watch));
    const reader = new ByteReader(reply.body);
    const data = fromByteString(reader.text(Math.max(0, reader.int32())));
    return { data, stat: readStat(reader) };
  }

  async setData(path: string, data: Uint8Array | string | null, version = -1): Promise<Stat> {
    const reply = await this.#call(`setData ${path}`, opcodes.setData, (w) => {
      writeText(w, path);
      writeBytes(w, data);
      w.int32(version);
    });
    return readStat(new ByteReader(reply.body));
  }

  async getChildren(path: string, watch = false): Promise<string[]> {
    const reply = await this.#call(`getChildren ${path}`, opcodes.getChildren, (w) =>
      writePathAndWatch(w, path, watch),
    );
    const reader = new ByteReader(reply.body);
    return Array.from({ length: reader.int32() }, () => readText(reader) ?? "");
  }

  /** From here on this connection reads everything that was acknowledged anywhere before. */
  async sync(path = "/"): Promise<void> {
    await this.#call(`sync ${path}`, opcodes.sync, (w) => writeText(w, path));
  }

  async ping(): Promise<void> {
    await this.request(opcodes.ping, undefined, pingXid);
  }

  async addAuth(scheme: string, auth: string): Promise<void> {
    const body = (w: ByteWriter) => {
      w.int32(0);
      writeText(w, scheme);
      writeBytes(w, auth);
    };
    throwIfError(await this.request(opcodes.auth, body, authXid), `addAuth ${scheme}`);
  }

  /** Ends the session and then the connection. */
  async close(): Promise<void> {
    if (this.#open) await this.request(opcodes.closeSession).catch(() => {});
    this.destroy();
    await this.ended;
  }

  /** Cuts the connection; the session lives on until it expires. */
  destroy(): void {
    this.#socket.destroy();
  }

  #nextXid(): number {
    return ++this.#lastXid;
  }

  async #call(what: string, opcode: number, body: (writer: ByteWriter) => void): Promise<Reply> {
    const reply = await this.request(opcode, body);
    throwIfError(reply, what);
    return reply;
  }

  #onFrame(frame: Uint8Array): void {
    const reader = new ByteReader(frame);
    const xid = reader.int32();
    const zxid = reader.int64();
    const error = reader.int32();
    if (xid === notificationXid) {
      const [type, state] = [reader.int32(), reader.int32()];
      this.#onEvent({ type, state, path: readText(reader) ?? "", zxid });
      return;
    }
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    const reply: Reply = { xid, zxid, error, body: frame.subarray(reader.offset) };
    // Pings and auth answers may overtake requests; everything else comes strictly in the order asked.
    const at = xid === pingXid || xid === authXid ? this.#waiting.findIndex((waiting) => waiting.xid === xid) : 0;
    const waiting = this.#waiting.splice(at, 1)[0];
    if (waiting?.xid === xid) {
      waiting.resolve(reply);
      return;
    }
    const disorder = new Error(`${this.address} answers xid ${xid} where ${waiting?.xid} was due`);
    waiting?.reject(disorder);
    this.#socket.destroy(disorder);
  }
}

function throwIfError(reply: Reply, what: string): void {
  if (reply.error !== 0) throw new ZooKeeperError(reply.error, what);
}
