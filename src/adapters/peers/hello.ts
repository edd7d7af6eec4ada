// The hello: the first bytes on a connection between members, in both directions. It names the sender, the receiver, the
// ensemble and the version, and says whether a proof is required (shared-secret.ts). Pure.

import { ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { isMemberId } from "../../base/member-id.ts";

export const HELLO_BYTES = 78;
export const NONCE_BYTES = 32;
/**
 * The versions of the wire that this program speaks; two members speak the newest that both know.
 *
 * - 2: hello, proof by the shared secret, frames of the log.
 * - 3: each frame begins with the number of its channel (channels.ts).
 * - 4: the frames of 3. Who announces it understands feature level 1, which some programs of 3 do not.
 */
export const WIRE_VERSION = 4;
export const WIRE_VERSION_OLDEST = 2;

const MAGIC = Uint8Array.of(0xca, 0xb1, 0x1d, 0x00, 0x0d, 0x0a, 0x1a, 0x0a); // no text protocol begins so, nor ZooKeeper's

/**
 * What is replied to a caller. "prove": nothing is decided yet, the caller is to prove that it knows the secret. "busy":
 * both called each other at once, and the other call goes on. "crowded": too many callers are there that no configuration
 * names.
 */
export type HelloReply =
  | "welcome"
  | "version"
  | "cluster"
  | "wrong-member"
  | "same-member"
  | "busy"
  | "certificate"
  | "prove"
  | "secret-missing"
  | "secret-unknown"
  | "secret-differs"
  | "crowded";

export const HELLO_REPLIES: readonly HelloReply[] = [
  "welcome",
  "version",
  "cluster",
  "wrong-member",
  "same-member",
  "busy",
  "certificate",
  "prove",
  "secret-missing",
  "secret-unknown",
  "secret-differs",
  "crowded",
];

/** Whether both sides are to prove that they know the ensemble's secret: no, where the other can, or in any case. */
export type Proof = "none" | "offered" | "demanded";

const PROOFS: readonly Proof[] = ["none", "offered", "demanded"];

export interface Hello {
  readonly version: number;
  readonly versionOldest: number;
  /** What the one called replies to the caller; the caller says "welcome". */
  readonly reply: HelloReply;
  readonly proof: Proof;
  readonly from: number;
  readonly to: number;
  /** The ensemble's number; 0: not known yet, or not told before the other has proved itself. */
  readonly cluster: number;
  readonly incarnation: number;
  /** Of chance, and new each time: what was said on another connection proves nothing on this one. */
  readonly nonce: Uint8Array;
}

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter(HELLO_BYTES);
  writer.raw(MAGIC);
  writer.uint16(hello.version);
  writer.uint16(hello.versionOldest);
  writer.uint8(HELLO_REPLIES.indexOf(hello.reply));
  writer.uint8(PROOFS.indexOf(hello.proof));
  writer.int64(hello.from);
  writer.int64(hello.to);
  writer.int64(hello.cluster);
  writer.int64(hello.incarnation);
  writer.raw(hello.nonce);
  return writer.copy();
}

/** Null: these are not a member's bytes. */
export function decodeHello(bytes: Uint8Array): Hello | null {
  if (bytes.length !== HELLO_BYTES || !mayBeHello(bytes)) return null;
  try {
    return readHello(new ByteReader(bytes, MAGIC.length));
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

function readHello(reader: ByteReader): Hello | null {
  const version = reader.uint16();
  const versionOldest = reader.uint16();
  const reply = HELLO_REPLIES[reader.uint8()] ?? "version";
  const proof = PROOFS[reader.uint8()];
  if (proof === undefined) return null;
  const from = reader.natural();
  const to = reader.natural();
  const cluster = reader.natural();
  const incarnation = reader.natural();
  if (!isMemberId(from) || !isMemberId(to)) return null;
  return { version, versionOldest, reply, proof, from, to, cluster, incarnation, nonce: reader.view(NONCE_BYTES) };
}

/**
 * The version that two members speak: the newest that both know. Null: they have none in common. `oldest`: the oldest that
 * this member still speaks.
 */
export function commonVersion(
  { version, versionOldest }: Pick<Hello, "version" | "versionOldest">,
  oldest: number,
): number | null {
  const common = Math.min(version, WIRE_VERSION);
  return common >= versionOldest && common >= oldest ? common : null;
}

/** Whether the bytes there so far may be the beginning of a hello. */
export function mayBeHello(bytes: Uint8Array): boolean {
  const count = Math.min(bytes.length, MAGIC.length);
  for (let i = 0; i < count; i++) {
    if (bytes[i] !== MAGIC[i]) return false;
  }
  return true;
}

/** What speaks there instead of a member, as far as its first bytes tell. */
export function guessSpeaker(bytes: Uint8Array): string {
  if (bytes[0] === 0x16 && bytes[1] === 3) return "TLS, and this port is without";
  if (bytes[0] === 0 && bytes[1] === 0)
    return "a ZooKeeper client or server: is this a peer port in its configuration?";
  const text = String.fromCharCode(...bytes.subarray(0, 4));
  if (/^(GET |POST|PUT |HEAD|PRI )$/.test(text)) return "an HTTP client";
  if (/^[a-z]{4}$/.test(text)) return `the four-letter word ${text}, which belongs on the client port`;
  return "no member of Cabildo";
}
