// One connection to another member: first its hello and, where there is a secret, the proof; then frames, authenticated by what
// was proved. What is sent in one turn leaves in one write, at the end of the turn and before the log's sync.

import type { Socket } from "node:net";
import { assert } from "../../base/assert.ts";
import { MalformedError } from "../../base/bytes.ts";
import { LOG_CHANNEL } from "./channels.ts";
import {
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  type FrameLayout,
  frameLayout,
  frameReader,
  readFrames,
  writeFrameHeader,
  writeLength,
} from "./framing.ts";
import { decodeHello, guessSpeaker, HELLO_BYTES, type Hello, mayBeHello, WIRE_VERSION_OLDEST } from "./hello.ts";
import { RECORD_CODE_BYTES, type RecordAuthenticator, type RecordAuthenticators } from "./record-authenticator.ts";

/** Frames of a turn are copied together up to this size; larger ones are handed over as they are. */
const COPIED_BYTES_MAX = 256 * 1024;
/**
 * A peer that does not take this much is as good as gone: Raft sends again what it needs. All that a member passes on to
 * its leader (32 MiB, and a command more) has room twice, as when a leader is elected again.
 */
export const UNSENT_BYTES_MAX = 160 * 1024 * 1024;
const KEEP_ALIVE_MS = 10_000;
/** An authenticated record holds one large frame, or some small ones. */
const RECORD_BYTES_MAX = FRAME_BYTES_MAX + FRAME_HEADER_BYTES + RECORD_CODE_BYTES;
const NOTHING = new Uint8Array(0);

export interface ConnectionEvents {
  onHello(connection: PeerConnection, hello: Hello, bytes: Uint8Array): void;
  onFrame(connection: PeerConnection, channel: number, frame: Uint8Array): void;
  /** Once. `why` is null for an ordinary end. */
  onClose(connection: PeerConnection, why: string | null): void;
}

export interface ConnectionOptions {
  readonly tcpKeepAlive: boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Invariants: the state goes from `greeting` over `open` to `closed`, and never back; frames are sent and told in `open` alone;
 * `#pending` and `#pendingChannels` have the same length.
 */
export class PeerConnection {
  readonly socket: Socket;
  /** When bytes last came. */
  heardAt: number;
  readonly #events: ConnectionEvents;
  readonly #now: () => number;
  readonly #frames = frameReader();
  /** Records of frames, where they are authenticated. */
  #records: ReturnType<typeof frameReader> | null = null;
  #outgoing: RecordAuthenticator | null = null;
  #incoming: RecordAuthenticator | null = null;
  #state: "greeting" | "open" | "closed" = "greeting";
  #layout: FrameLayout = frameLayout(WIRE_VERSION_OLDEST);
  #peerVersion = 0;
  /** What is said before frames: so many bytes at a time, and who takes them. */
  #gathered: Uint8Array = NOTHING;
  #expected = HELLO_BYTES;
  #onGathered = (bytes: Uint8Array): void => this.#onHello(bytes);
  #pending: Uint8Array[] = [];
  #pendingChannels: number[] = [];
  #pendingBytes = 0;
  #isFlushDue = false;

  readonly #flush = (): void => {
    this.#isFlushDue = false;
    const frames = this.#pending;
    const channels = this.#pendingChannels;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingChannels = [];
    this.#pendingBytes = 0;
    if (this.#state !== "closed") this.#writeAll(frames, channels, bytes);
  };

  constructor(socket: Socket, events: ConnectionEvents, { tcpKeepAlive, now }: ConnectionOptions) {
    this.socket = socket;
    this.heardAt = now();
    this.#now = now;
    this.#events = events;
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

  /** The newest wire version that the other member's program speaks; 0 before its hello. */
  get peerVersion(): number {
    return this.#peerVersion;
  }

  /** Whether frames of other channels than the log's can be sent. */
  get hasChannels(): boolean {
    return this.#state === "open" && this.#layout.hasChannel;
  }

  /** The greeting goes on with so many bytes. */
  expect(count: number, onBytes: (bytes: Uint8Array) => void): void {
    assert(this.#state !== "open" && count > 0, "a greeting goes on before frames");
    this.#expected = count;
    this.#onGathered = onBytes;
  }

  /** The greeting is over: what follows are frames of the version that both speak, authenticated where that was agreed on. */
  open(version: number, authenticators: RecordAuthenticators | null = null): void {
    if (this.#state !== "greeting") return;
    this.#state = "open";
    this.#layout = frameLayout(version);
    if (authenticators === null) return;
    this.#outgoing = authenticators.outgoing;
    this.#records = frameReader(RECORD_BYTES_MAX);
    this.#incoming = authenticators.incoming;
  }

  /** Whether the other side has proved that it knows the secret, and proves it with each record. */
  get isAuthenticated(): boolean {
    return this.#outgoing !== null;
  }

  /** No frame may be longer from now on. */
  limitFrames(bytesMax: number): void {
    this.#frames.bytesMax = bytesMax;
  }

  /** Bytes outside of frames: a hello, a proof. */
  sendRaw(bytes: Uint8Array): void {
    assert(this.#state !== "open", "raw bytes among frames");
    this.socket.write(bytes);
  }

  send(channel: number, frame: Uint8Array): void {
    if (this.#state !== "open") return;
    assert(channel === LOG_CHANNEL || this.#layout.hasChannel, "a channel that the other member does not know");
    this.#pending.push(frame);
    this.#pendingChannels.push(channel);
    this.#pendingBytes += frame.length + (frame.length === 0 ? FRAME_HEADER_BYTES : this.#layout.headerBytes);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flush);
  }

  /** Says that this member lives. */
  sendHeartbeat(): void {
    this.send(LOG_CHANNEL, NOTHING);
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

  // ------------------------------------------------------------------------------------------------------- outgoing

  #writeAll(frames: readonly Uint8Array[], channels: readonly number[], bytes: number): void {
    if (this.socket.writableLength + bytes > UNSENT_BYTES_MAX) {
      this.close(`${this.socket.writableLength + bytes} bytes wait to be sent, and it takes none`);
      return;
    }
    if (bytes <= COPIED_BYTES_MAX) {
      this.#write(this.#joined(frames, channels, bytes));
      return;
    }
    this.socket.cork();
    for (let i = 0; i < frames.length; i++) this.#write(this.#headerOf(channels[i]!, frames[i]!.length), frames[i]!);
    this.socket.uncork();
  }

  /** A record by itself where it is to be authenticated. */
  #write(...parts: readonly Uint8Array[]): void {
    if (this.#outgoing === null) {
      for (const part of parts) if (part.length > 0) this.socket.write(part);
      return;
    }
    const length = parts.reduce((sum, part) => sum + part.length, RECORD_CODE_BYTES);
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    writeLength(header, 0, length);
    const code = this.#outgoing.codeOf(...parts);
    this.socket.cork();
    for (const part of [header, ...parts, code]) if (part.length > 0) this.socket.write(part);
    this.socket.uncork();
  }

  #headerOf(channel: number, length: number): Uint8Array {
    const header = new Uint8Array(this.#layout.headerBytes);
    return header.subarray(0, writeFrameHeader(header, 0, this.#layout, channel, length));
  }

  #joined(frames: readonly Uint8Array[], channels: readonly number[], bytes: number): Uint8Array {
    const whole = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!;
      at = writeFrameHeader(whole, at, this.#layout, channels[i]!, frame.length);
      whole.set(frame, at);
      at += frame.length;
    }
    assert(at === bytes, "frames that were counted wrong");
    return whole;
  }

  // ------------------------------------------------------------------------------------------------------- incoming

  #onData(chunk: Uint8Array): void {
    this.heardAt = this.#now();
    let rest = chunk;
    while (this.#state === "greeting" && rest.length > 0) rest = this.#gather(rest);
    if (this.#state !== "open" || rest.length === 0) return;
    try {
      if (this.#records === null) readFrames(this.#frames, rest, this.#onFrame);
      else readFrames(this.#records, rest, this.#onRecord);
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
      this.#gathered = NOTHING;
      this.#onGathered(gathered);
    }
    return chunk.subarray(count);
  }

  #onHello(bytes: Uint8Array): void {
    const hello = decodeHello(bytes);
    if (hello === null) {
      this.close("its greeting cannot be read");
      return;
    }
    this.#peerVersion = hello.version;
    this.#events.onHello(this, hello, bytes);
  }

  readonly #onRecord = (record: Uint8Array): void => {
    if (this.#state !== "open") return;
    const frames = this.#incoming!.verify(record);
    if (frames === null) throw new MalformedError("bytes that were changed on the way, or are not its own");
    readFrames(this.#frames, frames, this.#onFrame);
    if (this.#frames.pending > 0) throw new MalformedError("a record that ends in the middle of a frame");
  };

  readonly #onFrame = (frame: Uint8Array): void => {
    if (this.#state !== "open" || frame.length === 0) return; // an empty one says "alive"
    if (this.#layout.hasChannel) this.#events.onFrame(this, frame[0]!, frame.subarray(1));
    else this.#events.onFrame(this, LOG_CHANNEL, frame);
  };
}
