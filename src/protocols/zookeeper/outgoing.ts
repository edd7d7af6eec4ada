// What a connection has to say: replies and notifications gather in one buffer and leave with one write a turn.

import type { ByteWriter } from "../../base/bytes.ts";
import type { BufferPool } from "./buffers.ts";
import type { Bounds } from "./limits.ts";

/**
 * A connection to a client, as the session sees it: a socket, or a simulated one. It may take what is written at once,
 * in part or not at all. Where a write leaves more than 64 KiB unsent, the session hears `onDrain` once they have left; where
 * it leaves none, nothing follows.
 */
export interface ConnectionPort {
  /** Bytes that were written and have not left yet. */
  readonly unsentBytes: number;
  /** Says whether the bytes are in nobody's hands any more when it returns: their memory may be used again. */
  write(bytes: Uint8Array): boolean;
  /** Stops and starts what brings chunks in. */
  pause(): void;
  resume(): void;
  /** Closes once everything written has left. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

export class Outgoing {
  readonly #port: ConnectionPort;
  readonly #pool: BufferPool;
  /** Of the bounds: asked before each request. */
  readonly #unsentBytesHigh: number;
  readonly #unsentNotificationBytesMax: number;
  readonly #onDirty: () => void;
  #buffer: ByteWriter | null = null;
  /** Of notifications, since the client last had fetched everything. */
  #notificationBytes = 0;

  constructor(port: ConnectionPort, pool: BufferPool, bounds: Bounds, onDirty: () => void) {
    this.#port = port;
    this.#pool = pool;
    this.#unsentBytesHigh = bounds.unsentBytesHigh;
    this.#unsentNotificationBytesMax = bounds.unsentNotificationBytesMax;
    this.#onDirty = onDirty;
  }

  /** Where to write; what is written leaves at the end of the turn. */
  get writer(): ByteWriter {
    if (this.#buffer !== null) return this.#buffer;
    this.#onDirty();
    this.#buffer = this.#pool.take();
    return this.#buffer;
  }

  get unsentBytes(): number {
    return this.#port.unsentBytes + (this.#buffer === null ? 0 : this.#buffer.length);
  }

  /** The client does not fetch what it has asked for: it should not be asked what else it wants. */
  get isBackedUp(): boolean {
    return this.unsentBytes > this.#unsentBytesHigh;
  }

  /** Says false when so much has piled up that the connection must end. */
  notify(frame: Uint8Array): boolean {
    if (this.unsentBytes === 0) this.#notificationBytes = 0;
    this.#notificationBytes += frame.length;
    this.writer.raw(frame);
    return this.#notificationBytes <= this.#unsentNotificationBytesMax;
  }

  flush(): number {
    const buffer = this.#buffer;
    if (buffer === null) return 0;
    this.#buffer = null;
    const { length } = buffer;
    if (length === 0 || this.#port.write(buffer.view())) this.#pool.release(buffer);
    return length;
  }

  /** What was not flushed is never sent. */
  discard(): void {
    if (this.#buffer !== null) this.#pool.release(this.#buffer);
    this.#buffer = null;
  }
}
