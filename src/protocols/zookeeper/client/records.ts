// Records with all 64 bits of session ids and zxids: ZooKeeper uses them all, and Cabildo's server does not.

import type { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import { fromByteString, toByteString } from "../../../base/text.ts";
import type { Acl as WireAcl } from "../../../state/tree/types.ts";
import { beginFrame, endFrame, readBuffer, readText, writeBuffer } from "../codec/jute.ts";
import { readAcl } from "../codec/records.ts";
import { badArguments } from "./errors.ts";
import type { Acl, Data, Stat } from "./types.ts";

export function readStat(reader: ByteReader): Stat {
  return {
    czxid: reader.bigint64(),
    mzxid: reader.bigint64(),
    ctime: reader.int64(),
    mtime: reader.int64(),
    version: reader.int32(),
    cversion: reader.int32(),
    aversion: reader.int32(),
    ephemeralOwner: reader.bigint64(),
    dataLength: reader.int32(),
    numChildren: reader.int32(),
    pzxid: reader.bigint64(),
  };
}

/** A copy for the caller: a view would keep the whole received chunk in memory. */
export function readData(reader: ByteReader): Uint8Array | null {
  const view = readBuffer(reader);
  return view === null ? null : new Uint8Array(view);
}

export function dataOf(data: Data): Uint8Array | null {
  if (data === null || data instanceof Uint8Array) return data;
  if (typeof data === "string") return new TextEncoder().encode(data);
  throw badArguments("data", null, `bytes, a string or null are stored, not a value of type ${typeof data}`);
}

export function textOf(data: Uint8Array | null): string {
  return new TextDecoder().decode(data ?? new Uint8Array(0));
}

export function readName(reader: ByteReader): string {
  return fromByteString(readText(reader));
}

export function readAccess(reader: ByteReader): readonly Acl[] {
  return (readAcl(reader) ?? []).map(({ perms, scheme, id }) => ({
    perms,
    scheme: fromByteString(scheme),
    id: fromByteString(id),
  }));
}

export function accessOf(acl: readonly Acl[]): readonly WireAcl[] {
  return acl.map(({ perms, scheme, id }) => ({ perms, scheme: toByteString(scheme), id: toByteString(id) }));
}

export interface ConnectRequest {
  readonly lastZxidSeen: bigint;
  readonly timeoutMs: number;
  /** 0n: a new session. */
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly readOnly: boolean;
}

export function writeConnectRequest(writer: ByteWriter, request: ConnectRequest): void {
  const mark = beginFrame(writer);
  writer.int32(0); // the protocol's version
  writer.bigint64(request.lastZxidSeen);
  writer.int32(request.timeoutMs);
  writer.bigint64(request.sessionId);
  writeBuffer(writer, request.password);
  writer.boolean(request.readOnly);
  endFrame(writer, mark);
}

export interface ConnectResponse {
  /** 0 or less: the server does not know the session any more. */
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  /** The server has no quorum and answers reads only. */
  readonly readOnly: boolean;
}

export function readConnectResponse(reader: ByteReader): ConnectResponse {
  reader.int32(); // the protocol's version
  const timeoutMs = reader.int32();
  const sessionId = reader.bigint64();
  const password = readData(reader) ?? new Uint8Array(0);
  return { timeoutMs, sessionId, password, readOnly: reader.remaining > 0 && reader.boolean() };
}
