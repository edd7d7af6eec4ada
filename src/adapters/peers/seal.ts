// Authenticates what one side of a connection sends after the proof: each write is a record with a code over its bytes and
// its number. A record that was changed, left out, sent twice or put in by somebody else is found out.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

/** Half of a SHA-256: nobody guesses it, and small frames stay small. */
export const CODE_BYTES = 16;
const NUMBER_BYTES = 8;

export class Seal {
  readonly #key: KeyObject;
  /** How many records there were: never sent, for both sides count. */
  readonly #number = Buffer.alloc(NUMBER_BYTES);
  #count = 0;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** The code of the next record, whose bytes are given in parts. */
  code(...parts: readonly Uint8Array[]): Uint8Array {
    this.#number.writeDoubleBE(this.#count++);
    const hmac = createHmac("sha256", this.#key).update(this.#number);
    for (const part of parts) hmac.update(part);
    return hmac.digest().subarray(0, CODE_BYTES);
  }

  /** The bytes of the next record, of which the last are its code; null: it is not what the other side sent. */
  open(record: Uint8Array): Uint8Array | null {
    if (record.length < CODE_BYTES) return null;
    const body = record.subarray(0, record.length - CODE_BYTES);
    return timingSafeEqual(record.subarray(body.length), this.code(body)) ? body : null;
  }
}
