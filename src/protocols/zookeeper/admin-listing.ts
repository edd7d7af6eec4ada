// Lists for operators that may be longer than an answer should be: of connections, sessions, nodes and watches. A list
// ends where the answer is full, and says so.

import { OPERATOR_REPLY_BYTES_MAX } from "./limits.ts";

export class Listing {
  readonly #bytesMax: number;
  #bytes = 0;
  #isCut = false;

  constructor(bytesMax: number = OPERATOR_REPLY_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Something was left out. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Whether so many bytes more have room; if not, nothing has from here on. */
  takes(bytes: number): boolean {
    if (this.#isCut || this.#bytes + bytes > this.#bytesMax) {
      this.#isCut = true;
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  /** As many of these as have room, each with about so many bytes. */
  *of<T>(items: Iterable<T>, bytesOf: (item: T) => number): Generator<T> {
    for (const item of items) {
      if (!this.takes(bytesOf(item))) return;
      yield item;
    }
  }

  /** Lines, each with its end; a last one where some were left out. */
  lines(lines: Iterable<string>): string {
    let text = "";
    for (const line of this.of(lines, (one) => one.length + 1)) text += `${line}\n`;
    return this.#isCut ? `${text}… the rest is left out: an answer has ${this.#bytesMax} bytes at most\n` : text;
  }

  /** For JSON: nothing where all is there. */
  get note(): { readonly truncated?: true } {
    return this.#isCut ? { truncated: true } : {};
  }
}
