// The records that requests and replies share: Stat, ACL, the two headers, the handshake and a watch's event.

import { ByteReader, type ByteWriter, MalformedError } from "../../../base/bytes.ts";
import type { Acl, Stat } from "../../../state/tree/types.ts";
import { beginFrame, endFrame, readBuffer, readCount, readString, readText, writeBuffer, writeString } from "./jute.ts";

const STAT_BYTES = 68;

export function writeStat(writer: ByteWriter, stat: Stat): void {
  const at = writer.reserve(STAT_BYTES);
  writer.setInt64(at, stat.czxid);
  writer.setInt64(at + 8, stat.mzxid);
  writer.setInt64(at + 16, stat.ctime);
  writer.setInt64(at + 24, stat.mtime);
  writer.setInt32(at + 32, stat.version);
  writer.setInt32(at + 36, stat.cversion);
  writer.setInt32(at + 40, stat.aversion);
  writer.setInt64(at + 44, stat.ephemeralOwner);
  writer.setInt32(at + 52, stat.dataLength);
  writer.setInt32(at + 56, stat.numChildren);
  writer.setInt64(at + 60, stat.pzxid);
}

export function readStat(reader: ByteReader): Stat {
  return {
    czxid: reader.int64(),
    mzxid: reader.int64(),
    ctime: reader.int64(),
    mtime: reader.int64(),
    version: reader.int32(),
    cversion: reader.int32(),
    aversion: reader.int32(),
    ephemeralOwner: reader.int64(),
    dataLength: reader.int32(),
    numChildren: reader.int32(),
    pzxid: reader.int64(),
  };
}

/** The open list most clients send, as bytes: world:anyone may do everything. */
const OPEN_ACL_BYTES = new Uint8Array([
  0, 0, 0, 1, 0, 0, 0, 31, 0, 0, 0, 5, 119, 111, 114, 108, 100, 0, 0, 0, 6, 97, 110, 121, 111, 110, 101,
]);
export const OPEN_ACL: readonly Acl[] = Object.freeze([Object.freeze({ perms: 31, scheme: "world", id: "anyone" })]);

export function readAcl(reader: ByteReader): readonly Acl[] | null {
  if (isOpenAcl(reader)) return OPEN_ACL;
  const count = readCount(reader, 12);
  if (count === -1) return null;
  const list: Acl[] = [];
  for (let i = 0; i < count; i++) list.push(readAclEntry(reader));
  return list;
}

/**
 * Some clients write every empty string as null. ZooKeeper stumbles over a null id only where it looks at the id: not with
 * `auth`, whose id means nothing, and not with a scheme that it refuses anyway, as it does a null one.
 */
function readAclEntry(reader: ByteReader): Acl {
  const perms = reader.int32();
  const scheme = readString(reader) ?? "";
  const id = readString(reader);
  if (id === null && SCHEMES_WITH_IDS.has(scheme)) throw new MalformedError(`no id for the scheme ${scheme}`);
  return { perms, scheme, id: id ?? "" };
}

const SCHEMES_WITH_IDS: ReadonlySet<string> = new Set(["world", "digest", "ip"]);

/** Recognizes the open list without making anything of it, and moves past it. */
function isOpenAcl(reader: ByteReader): boolean {
  const { bytes, offset } = reader;
  if (reader.remaining < OPEN_ACL_BYTES.length) return false;
  for (let i = 0; i < OPEN_ACL_BYTES.length; i++) {
    if (bytes[offset + i] !== OPEN_ACL_BYTES[i]) return false;
  }
  reader.skip(OPEN_ACL_BYTES.length);
  return true;
}

export function writeAcl(writer: ByteWriter, acl: readonly Acl[]): void {
  writer.int32(acl.length);
  for (const { perms, scheme, id } of acl) {
    writer.int32(perms);
    writeString(writer, scheme);
    writeString(writer, id);
  }
}

/** A session's id in full: clients may send any 64 bits. */
export interface ConnectRequest {
  readonly protocolVersion: number;
  readonly lastZxidSeen: number;
  readonly timeoutMs: number;
  readonly sessionId: number;
  readonly password: Uint8Array | null;
  /** Null where the client's record ends before it, as in clients of old: its reply ends before it too. */
  readonly readOnly: boolean | null;
}

export function readConnectRequest(reader: ByteReader): ConnectRequest {
  const request = {
    protocolVersion: reader.int32(),
    lastZxidSeen: reader.int64(),
    timeoutMs: reader.int32(),
    sessionId: reader.int64(),
    password: readBuffer(reader),
  };
  return { ...request, readOnly: reader.remaining > 0 ? reader.boolean() : null };
}

export function writeConnectRequest(writer: ByteWriter, request: ConnectRequest): void {
  const mark = beginFrame(writer);
  writer.int32(request.protocolVersion);
  writer.int64(request.lastZxidSeen);
  writer.int32(request.timeoutMs);
  writer.int64(request.sessionId);
  writeBuffer(writer, request.password);
  if (request.readOnly !== null) writer.boolean(request.readOnly);
  endFrame(writer, mark);
}

export interface ConnectReply {
  readonly protocolVersion: number;
  /** 0: the session is not, or no longer, known. */
  readonly timeoutMs: number;
  readonly sessionId: number;
  readonly password: Uint8Array | null;
  readonly readOnly: boolean | null;
}

export function readConnectReply(reader: ByteReader): ConnectReply {
  const reply = {
    protocolVersion: reader.int32(),
    timeoutMs: reader.int32(),
    sessionId: reader.int64(),
    password: readBuffer(reader),
  };
  return { ...reply, readOnly: reader.remaining > 0 ? reader.boolean() : null };
}

export function writeConnectReply(writer: ByteWriter, reply: ConnectReply): void {
  const mark = beginFrame(writer);
  writer.int32(reply.protocolVersion);
  writer.int32(reply.timeoutMs);
  writer.int64(reply.sessionId);
  writeBuffer(writer, reply.password);
  if (reply.readOnly !== null) writer.boolean(reply.readOnly);
  endFrame(writer, mark);
}

export const REQUEST_HEADER_BYTES = 8;
export const REPLY_HEADER_BYTES = 16;

/** Request numbers with a meaning of their own. */
export const XID = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

function writeReplyHeader(writer: ByteWriter, xid: number, zxid: number, error: number): void {
  const at = writer.reserve(REPLY_HEADER_BYTES);
  writer.setInt32(at, xid);
  writer.setInt64(at + 4, zxid);
  writer.setInt32(at + 12, error);
}

/** A reply's length and header: the room left in front of a body that is written first. */
export const REPLY_HEAD_BYTES = 4 + REPLY_HEADER_BYTES;

/** Fills in the length and the header of a reply that began at `mark` and ends here. */
export function writeReplyHead(writer: ByteWriter, mark: number, xid: number, zxid: number, error: number): void {
  writer.setInt32(mark, writer.length - mark - 4);
  writer.setInt32(mark + 4, xid);
  writer.setInt64(mark + 8, zxid);
  writer.setInt32(mark + 16, error);
}

export function writeEmptyReply(writer: ByteWriter, xid: number, zxid: number, error: number): void {
  writeReplyHead(writer, writer.reserve(REPLY_HEAD_BYTES), xid, zxid, error);
}

const ZXID_AT = 8;

/** The revision that an encoded reply carries. */
export function replyZxid(frame: Uint8Array): number {
  return new ByteReader(frame, ZXID_AT).int64();
}

export function setReplyZxid(frame: Uint8Array, zxid: number): void {
  new DataView(frame.buffer, frame.byteOffset).setBigInt64(ZXID_AT, BigInt(zxid));
}

export interface ReplyHeader {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
}

export function readReplyHeader(reader: ByteReader): ReplyHeader {
  return { xid: reader.int32(), zxid: reader.int64(), error: reader.int32() };
}

export const EVENT_TYPE = { created: 1, deleted: 2, "data-changed": 3, "children-changed": 4 } as const;
const STATE_SYNC_CONNECTED = 3;

export interface WatchEvent {
  readonly type: number;
  readonly state: number;
  readonly path: string;
}

/** A whole notification frame. `zxid` −1 where the event tells of the past (`setWatches`). */
export function writeNotification(writer: ByteWriter, type: number, path: string, zxid: number): void {
  const mark = beginFrame(writer);
  writeReplyHeader(writer, XID.notification, zxid, 0);
  writer.int32(type);
  writer.int32(STATE_SYNC_CONNECTED);
  writeString(writer, path);
  endFrame(writer, mark);
}

export function readWatchEvent(reader: ByteReader): WatchEvent {
  return { type: reader.int32(), state: reader.int32(), path: readText(reader) };
}
