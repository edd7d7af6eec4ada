// The output of a connection. Replies and notifications gather in one buffer, which is sent with one write in each turn of the
// loop.

import { assert } from "../base/assert.ts";
import type { ByteWriter } from "../base/bytes.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { ConnectionPort } from "./connection.ts";

export interface OutputBounds {
  /** Bytes that a client has not fetched beyond which it should not be asked what else it wants. */
  readonly unsentBytesHigh: number;
  /** Bytes of notifications that a client has not fetched beyond which its connection is to end. */
  readonly unsentNotificationBytesMax: number;
}

export class OutputBuffer {
  readonly #port: ConnectionPort;
  readonly #pool: BufferPool;
  /** Copied out of the bounds: asked before each request. */
  readonly #unsentBytesHigh: number;
  readonly #unsentNotificationBytesMax: number;
  readonly #onDirty: () => void;
  #buffer: ByteWriter | null = null;
  /** Bytes of notifications since the client last had fetched everything. */
  #notificationBytes = 0;

  constructor(port: ConnectionPort, pool: BufferPool, bounds: OutputBounds, onDirty: () => void) {
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

  /** The client does not fetch what it has asked for, so no more requests should be taken from it. */
  get isBackedUp(): boolean {
    return this.unsentBytes > this.#unsentBytesHigh;
  }

  /** Adds what the client did not ask for. False: so much of that is unsent that the connection must end. */
  notify(frame: Uint8Array): boolean {
    if (this.unsentBytes === 0) this.#notificationBytes = 0;
    this.#notificationBytes += frame.length;
    this.writer.raw(frame);
    return this.#notificationBytes <= this.#unsentNotificationBytesMax;
  }

  /** Hands the buffer to the port; returns how many bytes that were. */
  flush(): number {
    const buffer = this.#buffer;
    if (buffer === null) return 0;
    this.#buffer = null;
    const { length } = buffer;
    if (length === 0 || this.#port.write(buffer.view())) {
      assert(length === 0 || this.#port.unsentBytes === 0, "a port that says that all has left holds some");
      this.#pool.release(buffer);
    }
    return length;
  }

  /** What was not flushed is never sent. */
  discard(): void {
    if (this.#buffer !== null) this.#pool.release(this.#buffer);
    this.#buffer = null;
  }
}
