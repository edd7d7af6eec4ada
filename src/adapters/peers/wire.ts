// One connection to another member: first its hello, then frames. What is sent in one turn leaves in one write, at the end
// of the turn and before the log's sync.

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { MalformedError } from "../../base/bytes.ts";
import { FRAME_HEADER_BYTES, FrameReader, writeFrameHeader } from "./frames.ts";
import { decodeHello, guessSpeaker, HELLO_BYTES, type Hello, mayBeHello } from "./hello.ts";

/** Frames of a turn are copied together up to this size; larger ones are handed over as they are. */
const COPIED_BYTES_MAX = 256 * 1024;
/**
 * A peer that does not take this much is as good as gone: Raft sends again what it needs. All that a member passes on to
 * its leader (32 MiB, and a command more) has room twice, as when a leader is elected again.
 */
export const UNSENT_BYTES_MAX = 160 * 1024 * 1024;
const KEEP_ALIVE_MS = 10_000;

export interface WireEvents {
  onHello(wire: Wire, hello: Hello): void;
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
  #state: "hello" | "open" | "closed" = "hello";
  #hello: Uint8Array = new Uint8Array(0);
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

  /** The hello was accepted: what follows are frames. */
  open(): void {
    if (this.#state === "hello") this.#state = "open";
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
      this.socket.write(joined(frames, bytes));
      return;
    }
    this.socket.cork();
    for (const frame of frames) {
      const header = new Uint8Array(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, frame.length);
      this.socket.write(header);
      if (frame.length > 0) this.socket.write(frame);
    }
    this.socket.uncork();
  }

  #onData(chunk: Uint8Array): void {
    this.heardAt = performance.now();
    const rest = this.#state === "hello" ? this.#takeHello(chunk) : chunk;
    if (this.#state !== "open" || rest.length === 0) return;
    try {
      this.#frames.push(rest);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.close(`it sent what cannot be: ${error.message}`);
    }
  }

  /** Gathers the hello; returns what follows it. */
  #takeHello(chunk: Uint8Array): Uint8Array {
    const count = Math.min(chunk.length, HELLO_BYTES - this.#hello.length);
    const gathered = new Uint8Array(this.#hello.length + count);
    gathered.set(this.#hello);
    gathered.set(chunk.subarray(0, count), this.#hello.length);
    this.#hello = gathered;
    if (!mayBeHello(gathered)) {
      this.close(`this is ${guessSpeaker(gathered)}`);
    } else if (gathered.length === HELLO_BYTES) {
      const hello = decodeHello(gathered);
      if (hello === null) this.close("its greeting cannot be read");
      else this.#events.onHello(this, hello);
    }
    return chunk.subarray(count);
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#state === "open" && frame.length > 0) this.#events.onFrame(this, frame); // an empty one says "alive"
  }
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
