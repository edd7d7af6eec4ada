// A pool of output buffers. A connection borrows one while it has something to send; an idle connection holds none.

import { ByteWriter } from "../base/bytes.ts";
import { BUFFER_BYTES_INITIAL, SPARE_BUFFER_BYTES_MAX, SPARE_BUFFERS_MAX } from "./limits.ts";

export class BufferPool {
  readonly #spare: ByteWriter[] = [];

  take(): ByteWriter {
    // Whoever gave it back may have written on, in the middle of something, before it heard that its connection is gone.
    return this.#spare.pop()?.clear() ?? new ByteWriter(BUFFER_BYTES_INITIAL);
  }

  /** Its bytes are in nobody's hands any more. */
  release(buffer: ByteWriter): void {
    if (this.#spare.length >= SPARE_BUFFERS_MAX || buffer.bytes.length > SPARE_BUFFER_BYTES_MAX) return;
    this.#spare.push(buffer);
  }
}
