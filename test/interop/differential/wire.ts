// The bytes of ZooKeeper's protocol, written and read by hand: nothing here is shared with the server under test, so a
// mistake there cannot hide itself. Text is UTF-8; a field given as a Buffer goes out as it is, well-formed or not.
import { connect, type Socket } from "node:net";

export type Text = string | Buffer | null;

/** Appends fields to a frame's body. */
export class Writer {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.bytes(part);
  }

  long(value: bigint | number): this {
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(BigInt(value));
    return this.bytes(part);
  }

  boolean(value: boolean): this {
    return this.bytes(Buffer.from([value ? 1 : 0]));
  }

  /** A string or a buffer: its length, then its bytes; null is the length −1. */
  text(value: Text): this {
    if (value === null) return this.int(-1);
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    return this.int(bytes.length).bytes(bytes);
  }

  list<T>(values: readonly T[] | null, each: (value: T) => void): this {
    this.int(values === null ? -1 : values.length);
    for (const value of values ?? []) each(value);
    return this;
  }

  bytes(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }

  get body(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Takes fields off a frame's body. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  long(): bigint {
    this.#at += 8;
    return this.#bytes.readBigInt64BE(this.#at - 8);
  }

  boolean(): boolean {
    return this.#bytes.readUInt8(this.#at++) !== 0;
  }

  text(): Buffer | null {
    const length = this.int();
    if (length < 0) return null;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("a text that ends behind its frame");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  list<T>(each: () => T): T[] | null {
    const count = this.int();
    return count < 0 ? null : Array.from({ length: count }, each);
  }

  get rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

export function framed(body: Buffer): Buffer {
  return Buffer.concat([new Writer().int(body.length).body, body]);
}

const quietMaxMs = 10_000;

/** One raw connection: what comes in is cut into frames and kept until it is asked for. */
export class Wire {
  readonly port: number;
  readonly #socket: Socket;
  readonly #frames: Buffer[] = [];
  #incoming = Buffer.alloc(0);
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(port: number, socket: Socket) {
    this.port = port;
    this.#socket = socket;
    socket.on("data", (chunk) => this.#onData(chunk));
    socket.on("error", () => {}); // a reset is a close like any other here
    socket.on("close", () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  static open(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.setNoDelay(true);
      socket.once("error", reject);
      socket.once("connect", () => resolve(new Wire(port, socket)));
    });
  }

  send(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** The next frame's body; "closed" when the server has closed; "quiet" when neither comes in time. */
  async next(withinMs: number = quietMaxMs): Promise<Buffer | "closed" | "quiet"> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#closed) return "closed";
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return "quiet";
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Cuts the connection as a dead client would, without a word. */
  drop(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#incoming = Buffer.concat([this.#incoming, chunk]);
    while (this.#incoming.length >= 4) {
      const length = this.#incoming.readInt32BE(0);
      if (this.#incoming.length < 4 + length) break;
      this.#frames.push(this.#incoming.subarray(4, 4 + length));
      this.#incoming = this.#incoming.subarray(4 + length);
    }
    this.#wake?.();
  }
}
