// Authenticates what one side of a connection sends once the shared secret is proved: each write is a record with a code
// (HMAC) over its bytes and its number. A record that was changed, left out, sent twice or put in by somebody else is
// found out. Nothing is encrypted.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";

/** Half of a SHA-256: nobody guesses it, and small frames stay small. */
export const RECORD_CODE_BYTES = 16;
const NUMBER_BYTES = 8;

/** Invariant: both sides count the records alike, so their number is never sent. */
export class RecordAuthenticator {
  readonly #key: KeyObject;
  readonly #number = Buffer.alloc(NUMBER_BYTES);
  #count = 0;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** The code of the next record, whose bytes are given in parts. */
  codeOf(...parts: readonly Uint8Array[]): Uint8Array {
    assert(this.#count < Number.MAX_SAFE_INTEGER, "a connection has no more record numbers");
    this.#number.writeDoubleBE(this.#count++);
    const hmac = createHmac("sha256", this.#key).update(this.#number);
    for (const part of parts) hmac.update(part);
    return hmac.digest().subarray(0, RECORD_CODE_BYTES);
  }

  /** The bytes of the next record, of which the last are its code; null: it is not what the other side sent. */
  verify(record: Uint8Array): Uint8Array | null {
    if (record.length < RECORD_CODE_BYTES) return null;
    const body = record.subarray(0, record.length - RECORD_CODE_BYTES);
    return timingSafeEqual(record.subarray(body.length), this.codeOf(body)) ? body : null;
  }
}

/** One for what this side sends, one for what it receives. */
export interface RecordAuthenticators {
  readonly outgoing: RecordAuthenticator;
  readonly incoming: RecordAuthenticator;
}
