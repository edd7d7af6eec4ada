// The first bytes on a connection between members, in both directions, before anything else: who speaks, to whom, of which
// ensemble, in which version. Pure.

import { ByteReader, ByteWriter } from "../../base/bytes.ts";

export const HELLO_BYTES = 34;
/** The versions of what follows that this program speaks. */
export const WIRE_VERSION = 1;
export const WIRE_VERSION_OLDEST = 1;

const MAGIC = Uint8Array.of(0xca, 0xb1, 0x1d, 0x00, 0x0d, 0x0a, 0x1a, 0x0a); // no text protocol begins so, nor ZooKeeper's

/** "busy": both called each other at once, and the other call goes on. */
export type Answer = "welcome" | "version" | "cluster" | "wrong-member" | "same-member" | "busy" | "certificate";

const ANSWERS: readonly Answer[] = [
  "welcome",
  "version",
  "cluster",
  "wrong-member",
  "same-member",
  "busy",
  "certificate",
];

export interface Hello {
  readonly version: number;
  readonly versionOldest: number;
  /** What the one called says to the caller; the caller says "welcome". */
  readonly answer: Answer;
  readonly from: number;
  readonly to: number;
  /** The ensemble's number; 0: not known yet. */
  readonly cluster: number;
  readonly incarnation: number;
}

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter(HELLO_BYTES);
  writer.raw(MAGIC);
  writer.uint16(hello.version);
  writer.uint16(hello.versionOldest);
  writer.uint8(ANSWERS.indexOf(hello.answer));
  writer.uint8(hello.from);
  writer.uint16(hello.to);
  writer.uint16(0);
  writer.int64(hello.cluster);
  writer.int64(hello.incarnation);
  return writer.copy();
}

/** Null: these are not a member's bytes. */
export function decodeHello(bytes: Uint8Array): Hello | null {
  if (bytes.length !== HELLO_BYTES || !mayBeHello(bytes)) return null;
  const reader = new ByteReader(bytes, MAGIC.length);
  const version = reader.uint16();
  const versionOldest = reader.uint16();
  const answer = ANSWERS[reader.uint8()] ?? "version";
  const from = reader.uint8();
  const to = reader.uint16();
  reader.skip(2);
  const cluster = reader.int64();
  const incarnation = reader.int64();
  if (!isNatural(cluster) || !isNatural(incarnation)) return null;
  return { version, versionOldest, answer, from, to, cluster, incarnation };
}

function isNatural(number: number): boolean {
  return number >= 0 && number <= Number.MAX_SAFE_INTEGER;
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
