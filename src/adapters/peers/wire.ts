// One connection to another member: first its hello and, where there is a secret, the proof; then frames, sealed by what was
// proved. What is sent in one turn leaves in one write, at the end of the turn and before the log's sync.

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { MalformedError } from "../../base/bytes.ts";
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FrameReader, writeFrameHeader } from "./frames.ts";
import { decodeHello, guessSpeaker, HELLO_BYTES, type Hello, mayBeHello } from "./hello.ts";
import { CODE_BYTES, type Seal } from "./seal.ts";
import type { Seals } from "./secret.ts";

/** Frames of a turn are copied together up to this size; larger ones are handed over as they are. */
const COPIED_BYTES_MAX = 256 * 1024;
/**
 * A peer that does not take this much is as good as gone: Raft sends again what it needs. All that a member passes on to
 * its leader (32 MiB, and a command more) has room twice, as when a leader is elected again.
 */
export const UNSENT_BYTES_MAX = 160 * 1024 * 1024;
const KEEP_ALIVE_MS = 10_000;
/** A sealed record holds one large frame, or some small ones. */
const RECORD_BYTES_MAX = FRAME_BYTES_MAX + FRAME_HEADER_BYTES + CODE_BYTES;

export interface WireEvents {
  onHello(wire: Wire, hello: Hello, bytes: Uint8Array): void;
  onFrame(wire: Wire, frame: Uint8Array): void;
  /** Once. `why` is null for an ordinary end. */
  onClose(wire: Wire, why: string | null): void;
}

export class Wire {
  readonly socket: Socket;
  /** When bytes last came. */
  heardAt = performance.now();
  readonly #events: WireEvents;
  readonly #frames: FrameReader;
  /** Records of frames, where they are sealed. */
  #records: FrameReader | null = null;
  #outgoing: Seal | null = null;
  #state: "greeting" | "open" | "closed" = "greeting";
  /** What is said before frames: so many bytes at a time, and who takes them. */
  #gathered: Uint8Array = new Uint8Array(0);
  #expected = HELLO_BYTES;
  #onGathered = (bytes: Uint8Array): void => this.#onHello(bytes);
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #isFlushDue = false;

  readonly #flush = (): void => {
    this.#isFlushDue = false;
    const frames = this.#pending;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#state !== "closed") this.#writeAll(frames, bytes);
  };

  constructor(socket: Socket, events: WireEvents, tcpKeepAlive: boolean) {
    this.socket = socket;
    this.#events = events;
    this.#frames = new FrameReader((frame) => this.#onFrame(frame));
    socket.setNoDelay(true);
    if (tcpKeepAlive) socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    socket.on("error", (error) => this.close(error.message));
    socket.on("end", () => this.close(null)); // at once: whether its process ended or only its half, it is gone
    socket.on("close", () => this.close(null));
  }

  get remote(): string {
    return `${this.socket.remoteAddress ?? "unknown"}:${this.socket.remotePort ?? 0}`;
  }

  /** Bytes that were sent and have not left. */
  get unsentBytes(): number {
    return this.#pendingBytes + this.socket.writableLength;
  }

  /** The greeting goes on with so many bytes. */
  expect(count: number, onBytes: (bytes: Uint8Array) => void): void {
    this.#expected = count;
    this.#onGathered = onBytes;
  }

  /** The greeting is over: what follows are frames, sealed if there are seals. */
  open(seals: Seals | null = null): void {
    if (this.#state !== "greeting") return;
    this.#state = "open";
    if (seals === null) return;
    this.#outgoing = seals.outgoing;
    const { incoming } = seals;
    this.#records = new FrameReader((record) => this.#onRecord(record, incoming), RECORD_BYTES_MAX);
  }

  /** Whether the other side has proved that it knows the secret, and proves it with each frame. */
  get isSealed(): boolean {
    return this.#outgoing !== null;
  }

  /** No frame may be longer from now on. */
  limitFrames(bytesMax: number): void {
    this.#frames.bytesMax = bytesMax;
  }

  /** Bytes outside of frames: a hello. */
  sendRaw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  send(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#pending.push(frame);
    this.#pendingBytes += frame.length + FRAME_HEADER_BYTES;
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flush);
  }

  /** Ends it at once, saying why once. */
  close(why: string | null): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.socket.destroy();
    this.#events.onClose(this, why);
  }

  /** Ends it after what was sent has left. */
  end(): void {
    if (this.#isFlushDue) this.#flush();
    this.#state = "closed";
    this.socket.destroySoon();
  }

  #writeAll(frames: readonly Uint8Array[], bytes: number): void {
    if (this.socket.writableLength + bytes > UNSENT_BYTES_MAX) {
      this.close(`${this.socket.writableLength + bytes} bytes wait to be sent, and it takes none`);
      return;
    }
    if (bytes <= COPIED_BYTES_MAX) {
      this.#write(joined(frames, bytes));
      return;
    }
    this.socket.cork();
    for (const frame of frames) this.#write(headerOf(frame.length), frame);
    this.socket.uncork();
  }

  /** A record by itself where it is to be sealed. */
  #write(...parts: readonly Uint8Array[]): void {
    if (this.#outgoing === null) {
      for (const part of parts) if (part.length > 0) this.socket.write(part);
      return;
    }
    const length = parts.reduce((sum, part) => sum + part.length, CODE_BYTES);
    const code = this.#outgoing.code(...parts);
    this.socket.cork();
    for (const part of [headerOf(length), ...parts, code]) if (part.length > 0) this.socket.write(part);
    this.socket.uncork();
  }

  #onData(chunk: Uint8Array): void {
    this.heardAt = performance.now();
    let rest = chunk;
    while (this.#state === "greeting" && rest.length > 0) rest = this.#gather(rest);
    if (this.#state !== "open" || rest.length === 0) return;
    try {
      (this.#records ?? this.#frames).push(rest);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.close(`it sent what cannot be: ${error.message}`);
    }
  }

  /** Gathers what is said before frames; returns what follows it. */
  #gather(chunk: Uint8Array): Uint8Array {
    const count = Math.min(chunk.length, this.#expected - this.#gathered.length);
    const gathered = new Uint8Array(this.#gathered.length + count);
    gathered.set(this.#gathered);
    gathered.set(chunk.subarray(0, count), this.#gathered.length);
    this.#gathered = gathered;
    const isHello = this.#expected === HELLO_BYTES;
    if (isHello && !mayBeHello(gathered)) {
      this.close(`this is ${guessSpeaker(gathered)}`);
    } else if (gathered.length === this.#expected) {
      this.#gathered = new Uint8Array(0);
      this.#onGathered(gathered);
    }
    return chunk.subarray(count);
  }

  #onHello(bytes: Uint8Array): void {
    const hello = decodeHello(bytes);
    if (hello === null) this.close("its greeting cannot be read");
    else this.#events.onHello(this, hello, bytes);
  }

  #onRecord(record: Uint8Array, seal: Seal): void {
    if (this.#state !== "open") return;
    const frames = seal.open(record);
    if (frames === null) throw new MalformedError("bytes that were changed on the way, or are not its own");
    this.#frames.push(frames);
    if (this.#frames.held > 0) throw new MalformedError("a record that ends in the middle of a frame");
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#state === "open" && frame.length > 0) this.#events.onFrame(this, frame); // an empty one says "alive"
  }
}

function headerOf(length: number): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, length);
  return header;
}

function joined(frames: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const frame of frames) {
    writeFrameHeader(whole, at, frame.length);
    whole.set(frame, at + FRAME_HEADER_BYTES);
    at += FRAME_HEADER_BYTES + frame.length;
  }
  return whole;
}
