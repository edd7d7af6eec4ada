// Mutual authentication of members by the ensemble's shared secret: both prove that they know it, and neither tells it.
//
//   1. The caller (initiator) sends its hello, with a nonce of its own.
//   2. The one called (responder) sends its hello, with a nonce of its own: "prove".
//   3. The caller's proof: its ensemble and incarnation, and a code over all that was said, as the caller.
//   4. The verdict: the reply, ensemble and incarnation of the one called, and a code over all that was said, as the called.
//
// A code is an HMAC-SHA-256 under the secret. It covers both nonces, both members' numbers and the role of whoever made it:
// it is worth nothing on another connection, in the other direction, or in another role. Whoever does not know the secret
// learns of an ensemble what stands in the hellos, and nothing else. Each side then has a key for what it sends, made
// of the secret and of all that was said; everything that follows is authenticated by it (record-authenticator.ts). Nothing is encrypted.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { HELLO_REPLIES, type HelloReply, NONCE_BYTES } from "./hello.ts";
import { RecordAuthenticator, type RecordAuthenticators } from "./record-authenticator.ts";

const CODE_BYTES = 32;
const DATA_IDENTITY_BYTES = 16;
export const PROOF_BYTES = DATA_IDENTITY_BYTES + CODE_BYTES;
export const VERDICT_BYTES = 1 + DATA_IDENTITY_BYTES + CODE_BYTES;

const LABELS = {
  caller: "cabildo peer: proof of the caller",
  called: "cabildo peer: verdict of the called",
  callerFrames: "cabildo peer: frames of the caller",
  calledFrames: "cabildo peer: frames of the called",
} as const;

/** Which ensemble, and which data directory of the member, a side speaks for. */
export interface DataIdentity {
  readonly cluster: number;
  readonly incarnation: number;
}

export interface Verdict extends DataIdentity {
  readonly reply: HelloReply;
}

export function freshNonce(): Uint8Array {
  return randomBytes(NONCE_BYTES);
}

/** The caller's side of one connection. */
export class Initiator {
  readonly #secret: Uint8Array;
  #said: Uint8Array;

  constructor(secret: Uint8Array, ownHello: Uint8Array, otherHello: Uint8Array) {
    this.#secret = secret;
    this.#said = joined(ownHello, otherHello);
  }

  proof(identity: DataIdentity): Uint8Array {
    const body = encodeIdentity(identity);
    const proof = joined(body, code(this.#secret, LABELS.caller, this.#said, body));
    this.#said = joined(this.#said, proof);
    return proof;
  }

  /** Null: whoever was called does not know the secret, or cannot speak. */
  verify(bytes: Uint8Array): Verdict | null {
    const body = bytes.subarray(0, -CODE_BYTES);
    if (!isCode(bytes.subarray(-CODE_BYTES), this.#secret, LABELS.called, this.#said, body)) return null;
    this.#said = joined(this.#said, bytes);
    return decodeVerdict(body);
  }

  authenticators(): RecordAuthenticators {
    const [caller, called] = frameKeys(this.#secret, this.#said);
    return { outgoing: new RecordAuthenticator(caller), incoming: new RecordAuthenticator(called) };
  }
}

/** The side of whoever is called. */
export class Responder {
  readonly #secrets: readonly Uint8Array[];
  #said: Uint8Array;
  /** The one of its secrets that the caller knows. */
  #secret: Uint8Array | null = null;

  constructor(secrets: readonly Uint8Array[], otherHello: Uint8Array, ownHello: Uint8Array) {
    this.#secrets = secrets;
    this.#said = joined(otherHello, ownHello);
  }

  /** Null: the caller does not know the secret. */
  accept(proof: Uint8Array): DataIdentity | null {
    const body = proof.subarray(0, DATA_IDENTITY_BYTES);
    for (const secret of this.#secrets) {
      if (isCode(proof.subarray(DATA_IDENTITY_BYTES), secret, LABELS.caller, this.#said, body)) this.#secret ??= secret;
    }
    if (this.#secret === null) return null;
    this.#said = joined(this.#said, proof);
    return decodeIdentity(body);
  }

  /** To a caller that failed, one that proves nothing. */
  verdict({ reply, ...identity }: Verdict): Uint8Array {
    const body = joined(Uint8Array.of(HELLO_REPLIES.indexOf(reply)), encodeIdentity(identity));
    const secret = this.#secret;
    const verdict = joined(
      body,
      secret === null ? new Uint8Array(CODE_BYTES) : code(secret, LABELS.called, this.#said, body),
    );
    this.#said = joined(this.#said, verdict);
    return verdict;
  }

  authenticators(): RecordAuthenticators {
    const [caller, called] = frameKeys(this.#secret!, this.#said);
    return { outgoing: new RecordAuthenticator(called), incoming: new RecordAuthenticator(caller) };
  }
}

function frameKeys(secret: Uint8Array, said: Uint8Array): readonly [caller: Uint8Array, called: Uint8Array] {
  return [code(secret, LABELS.callerFrames, said), code(secret, LABELS.calledFrames, said)];
}

/** Every part has a fixed length, so that no two things to be signed are the same bytes. */
function code(secret: Uint8Array, label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha256", secret).update(label).update("\0");
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function isCode(given: Uint8Array, secret: Uint8Array, label: string, ...parts: readonly Uint8Array[]): boolean {
  const right = code(secret, label, ...parts);
  return given.length === right.length && timingSafeEqual(given, right);
}

function encodeIdentity({ cluster, incarnation }: DataIdentity): Uint8Array {
  const writer = new ByteWriter(DATA_IDENTITY_BYTES);
  writer.int64(cluster);
  writer.int64(incarnation);
  return writer.copy();
}

function decodeIdentity(bytes: Uint8Array): DataIdentity | null {
  try {
    const reader = new ByteReader(bytes);
    return { cluster: reader.natural(), incarnation: reader.natural() };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

function decodeVerdict(body: Uint8Array): Verdict | null {
  const reply = HELLO_REPLIES[body[0]!];
  const identity = decodeIdentity(body.subarray(1));
  return reply === undefined || identity === null ? null : { reply, ...identity };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
