// What members say to each other, as bytes: Raft's messages, proposals passed on to the leader, and renewals of leases.
// One frame is one message. Pure; the same bytes cross the simulator's network.

import { ByteReader, ByteWriter, MalformedError } from "../base/bytes.ts";
import { MEMBERS_MAX, readMemberId, writeMemberId } from "../base/member-id.ts";
import { decodeConfiguration, encodeConfiguration } from "../consensus/raft/configuration.ts";
import { type Founding, STANDINGS, type Standing } from "../consensus/raft/founding.ts";
import type { Entry, EntryKind, LogPosition, Message, SnapshotMeta } from "../consensus/raft/types.ts";

export type PeerMessage =
  | { readonly kind: "raft"; readonly message: Message }
  /** A batch for the leader to put into the log; the sender sends it again until it sees it applied. */
  | { readonly kind: "propose"; readonly batch: Uint8Array }
  /** These leases' clients were heard from since the last such message. */
  | { readonly kind: "renew"; readonly leases: readonly number[] }
  /** How much of this lease's time is left? Asked of the leader, by members of wire version 3 and later. */
  | { readonly kind: "lease-question"; readonly context: number; readonly lease: number }
  | { readonly kind: "lease-answer"; readonly context: number; readonly answer: LeaseAnswer };

/** `remainingMs` null: there is no such lease, or it has no clock. "not-leader": ask another. */
export type LeaseAnswer =
  | { readonly kind: "remaining"; readonly remainingMs: number | null }
  | { readonly kind: "not-leader" };

const PROPOSE = 1;
const RENEW = 2;
const LEASE_QUESTION = 3;
const LEASE_ANSWER = 4;
const REQUEST_VOTE = 10;
const VOTE = 11;
const APPEND = 12;
const APPEND_REPLY = 13;
const SNAPSHOT = 14;
const SNAPSHOT_REPLY = 15;
const TIMEOUT_NOW = 16;
const READ_REQUEST = 17;
const READ_REPLY = 18;
const FOLLOW_REQUEST = 19;

const ENTRY_KINDS: readonly EntryKind[] = ["commands", "configuration", "noop"];
/** In the place of a standing. */
const NO_FOUNDING = 255;
const APPEND_HEADER_BYTES = 45;
const ENTRY_HEADER_BYTES = 13;

export function encodePropose(batch: Uint8Array): Uint8Array {
  const frame = new Uint8Array(batch.length + 1);
  frame[0] = PROPOSE;
  frame.set(batch, 1);
  return frame;
}

export function encodeRenew(leases: Iterable<number>): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.uint8(RENEW);
  for (const lease of leases) writer.int64(lease);
  return writer.view();
}

export function encodeLeaseQuestion(context: number, lease: number): Uint8Array {
  const writer = new ByteWriter(17);
  writer.uint8(LEASE_QUESTION);
  writer.int64(context);
  writer.int64(lease);
  return writer.view();
}

export function encodeLeaseAnswer(context: number, answer: LeaseAnswer): Uint8Array {
  const writer = new ByteWriter(18);
  writer.uint8(LEASE_ANSWER);
  writer.int64(context);
  writer.boolean(answer.kind === "remaining");
  writer.int64(answer.kind === "remaining" ? (answer.remainingMs ?? -1) : -1);
  return writer.view();
}

export function encodeRaft(message: Message): Uint8Array {
  const writer = new ByteWriter(capacityFor(message));
  switch (message.kind) {
    case "append":
      writer.uint8(APPEND);
      writer.int64(message.term);
      writePosition(writer, message.previous);
      writer.int64(message.commitIndex);
      writer.int64(message.round);
      writer.int32(message.entries.length);
      for (const entry of message.entries) writeEntry(writer, entry);
      break;
    case "append-reply":
      writer.uint8(APPEND_REPLY);
      writer.int64(message.term);
      writer.boolean(message.matched);
      writer.int64(message.index);
      writer.int64(message.conflictTerm);
      writer.int64(message.round);
      writer.int64(message.incarnation);
      break;
    case "request-vote":
      writer.uint8(REQUEST_VOTE);
      writer.int64(message.term);
      writer.boolean(message.pre);
      writePosition(writer, message.last);
      writer.boolean(message.transfer);
      writer.int64(message.incarnation);
      writeFounding(writer, message.founding);
      break;
    case "vote":
      writer.uint8(VOTE);
      writer.int64(message.term);
      writer.boolean(message.pre);
      writer.boolean(message.granted);
      writer.uint8(message.standing === null ? NO_FOUNDING : STANDINGS.indexOf(message.standing));
      writer.int64(message.incarnation);
      break;
    case "snapshot":
      writer.uint8(SNAPSHOT);
      writer.int64(message.term);
      writeSnapshotMeta(writer, message.snapshot);
      writer.int64(message.offset);
      writer.boolean(message.done);
      writer.int64(message.round);
      writer.raw(message.data);
      break;
    case "snapshot-reply":
      writer.uint8(SNAPSHOT_REPLY);
      writer.int64(message.term);
      writer.int64(message.index);
      writer.int64(message.offset);
      writer.boolean(message.done);
      writer.int64(message.round);
      writer.int64(message.incarnation);
      break;
    case "timeout-now":
      writer.uint8(TIMEOUT_NOW);
      writer.int64(message.term);
      break;
    case "follow-request":
      writer.uint8(FOLLOW_REQUEST);
      writer.int64(message.term);
      break;
    case "read-request":
      writer.uint8(READ_REQUEST);
      writer.int64(message.term);
      writer.int64(message.context);
      break;
    case "read-reply":
      writer.uint8(READ_REPLY);
      writer.int64(message.term);
      writer.int64(message.context);
      writer.int64(message.index ?? -1);
      break;
  }
  return writer.view();
}

/** A part of a snapshot on its way to a follower. */
export function isSnapshotChunk(frame: Uint8Array): boolean {
  return frame[0] === SNAPSHOT;
}

/** Throws `MalformedError` on anything that no member of this version sends. */
export function decodePeerMessage(frame: Uint8Array): PeerMessage {
  const reader = new ByteReader(frame);
  const tag = reader.uint8();
  if (tag === PROPOSE) return { kind: "propose", batch: reader.view(reader.remaining) };
  if (tag === RENEW) return { kind: "renew", leases: readLeases(reader) };
  const message = readMessage(tag, reader);
  if (reader.remaining > 0) throw new MalformedError(`${reader.remaining} bytes after a peer message`);
  return message;
}

function readMessage(tag: number, reader: ByteReader): PeerMessage {
  if (tag === LEASE_QUESTION) return { kind: "lease-question", context: reader.natural(), lease: reader.natural() };
  if (tag === LEASE_ANSWER) return { kind: "lease-answer", context: reader.natural(), answer: readLeaseAnswer(reader) };
  return { kind: "raft", message: readRaft(tag, reader) };
}

function readLeaseAnswer(reader: ByteReader): LeaseAnswer {
  const isAnswered = reader.boolean();
  const remainingMs = reader.naturalOrNone();
  if (!isAnswered) return { kind: "not-leader" };
  return { kind: "remaining", remainingMs: remainingMs < 0 ? null : remainingMs };
}

function readRaft(tag: number, reader: ByteReader): Message {
  const term = reader.natural();
  switch (tag) {
    case APPEND: {
      const previous = readPosition(reader);
      const commitIndex = reader.natural();
      const round = reader.natural();
      const entries = readEntries(reader, previous.index + 1);
      return { kind: "append", term, previous, entries, commitIndex, round };
    }
    case APPEND_REPLY:
      return {
        kind: "append-reply",
        term,
        matched: reader.boolean(),
        index: reader.natural(),
        conflictTerm: reader.naturalOrNone(),
        round: reader.natural(),
        incarnation: reader.natural(),
      };
    case REQUEST_VOTE:
      return {
        kind: "request-vote",
        term,
        pre: reader.boolean(),
        last: readPosition(reader),
        transfer: reader.boolean(),
        incarnation: reader.natural(),
        founding: readFounding(reader),
      };
    case VOTE:
      return {
        kind: "vote",
        term,
        pre: reader.boolean(),
        granted: reader.boolean(),
        standing: readStanding(reader),
        incarnation: reader.natural(),
      };
    case SNAPSHOT: {
      const snapshot = readSnapshotMeta(reader);
      const offset = reader.natural();
      const done = reader.boolean();
      const round = reader.natural();
      return { kind: "snapshot", term, snapshot, offset, done, round, data: reader.view(reader.remaining) };
    }
    case SNAPSHOT_REPLY:
      return {
        kind: "snapshot-reply",
        term,
        index: reader.natural(),
        offset: reader.natural(),
        done: reader.boolean(),
        round: reader.natural(),
        incarnation: reader.natural(),
      };
    case TIMEOUT_NOW:
      return { kind: "timeout-now", term };
    case FOLLOW_REQUEST:
      return { kind: "follow-request", term };
    case READ_REQUEST:
      return { kind: "read-request", term, context: reader.natural() };
    case READ_REPLY: {
      const context = reader.natural();
      const index = reader.naturalOrNone();
      return { kind: "read-reply", term, context, index: index < 0 ? null : index };
    }
    default:
      throw new MalformedError(`a peer message of unknown kind ${tag}`);
  }
}

function capacityFor(message: Message): number {
  if (message.kind === "snapshot") return message.data.length + 4096;
  if (message.kind !== "append") return 64;
  let bytes = APPEND_HEADER_BYTES;
  for (const entry of message.entries) bytes += ENTRY_HEADER_BYTES + entry.payload.length;
  return bytes;
}

function writeFounding(writer: ByteWriter, founding: Founding | null): void {
  writer.boolean(founding !== null);
  if (founding === null) return;
  writer.int64(founding.cluster);
  for (const id of founding.voters) writeMemberId(writer, id);
}

function readFounding(reader: ByteReader): Founding | null {
  if (!reader.boolean()) return null;
  const cluster = reader.natural();
  if (reader.remaining > 4 * MEMBERS_MAX) throw new MalformedError("a founding by more voters than there can be");
  const voters: number[] = [];
  while (reader.remaining > 0) voters.push(readMemberId(reader));
  return { voters, cluster };
}

function readStanding(reader: ByteReader): Standing | null {
  const code = reader.uint8();
  if (code === NO_FOUNDING) return null;
  const standing = STANDINGS[code];
  if (standing === undefined) throw new MalformedError(`a vote of unknown standing ${code}`);
  return standing;
}

function writePosition(writer: ByteWriter, position: LogPosition): void {
  writer.int64(position.index);
  writer.int64(position.term);
}

function readPosition(reader: ByteReader): LogPosition {
  return { index: reader.natural(), term: reader.natural() };
}

/** An entry's index is implied: entries of an append are contiguous after `previous`. */
function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.int64(entry.term);
  writer.uint8(ENTRY_KINDS.indexOf(entry.kind));
  writer.int32(entry.payload.length);
  writer.raw(entry.payload);
}

function readEntries(reader: ByteReader, firstIndex: number): Entry[] {
  const count = reader.uint32();
  if (firstIndex + count > Number.MAX_SAFE_INTEGER) throw new MalformedError("an append past the last index there is");
  if (count * ENTRY_HEADER_BYTES > reader.remaining) throw new MalformedError(`an append announces ${count} entries`);
  const entries = new Array<Entry>(count);
  for (let i = 0; i < count; i++) {
    const term = reader.natural();
    const kind = ENTRY_KINDS[reader.uint8()];
    if (kind === undefined) throw new MalformedError("an entry of unknown kind");
    const payload = reader.view(reader.uint32());
    if (kind === "configuration") decodeConfiguration(payload); // the log reads it as soon as it has it
    entries[i] = { index: firstIndex + i, term, kind, payload };
  }
  return entries;
}

function writeSnapshotMeta(writer: ByteWriter, snapshot: SnapshotMeta): void {
  writePosition(writer, snapshot);
  const configuration = encodeConfiguration(snapshot.configuration);
  writer.int32(configuration.length);
  writer.raw(configuration);
}

function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const { index, term } = readPosition(reader);
  return { index, term, configuration: decodeConfiguration(reader.view(reader.uint32())) };
}

function readLeases(reader: ByteReader): number[] {
  if (reader.remaining % 8 !== 0) throw new MalformedError("renewals that end in the middle of one");
  const leases: number[] = [];
  while (reader.remaining > 0) leases.push(reader.natural());
  return leases;
}
