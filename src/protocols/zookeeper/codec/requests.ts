// The bodies of requests, both ways: what a client writes is what a server reads. A server may read a path that is
// missing or wrong; what that means is each operation's affair.

import { type ByteReader, type ByteWriter, MalformedError } from "../../../base/bytes.ts";
import type { Acl } from "../../../state/tree/types.ts";
import { readBuffer, readString, readStrings, readText, writeBuffer, writeString, writeStrings } from "./jute.ts";
import { readAcl, writeAcl } from "./records.ts";

/** exists, getData, getChildren, getChildren2. */
export interface PathWatchRequest {
  readonly path: string;
  readonly watch: boolean;
}

export function readPathWatch(reader: ByteReader): PathWatchRequest {
  return { path: readText(reader), watch: reader.boolean() };
}

export function writePathWatch(writer: ByteWriter, { path, watch }: PathWatchRequest): void {
  writeString(writer, path);
  writer.boolean(watch);
}

/** create, create2, createContainer. */
export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** Null as it may come; no node is made with it. */
  readonly acl: readonly Acl[] | null;
  readonly flags: number;
}

export function readCreate(reader: ByteReader): CreateRequest {
  return { path: readText(reader), data: readBuffer(reader), acl: readAcl(reader), flags: reader.int32() };
}

export function writeCreate(writer: ByteWriter, { path, data, acl, flags }: CreateRequest): void {
  writeString(writer, path);
  writeBuffer(writer, data);
  if (acl === null) writer.int32(-1);
  else writeAcl(writer, acl);
  writer.int32(flags);
}

export interface CreateTtlRequest extends CreateRequest {
  /** Milliseconds. */
  readonly ttl: number;
}

export function readCreateTtl(reader: ByteReader): CreateTtlRequest {
  const { path, data, acl, flags } = readCreate(reader);
  return { path, data, acl, flags, ttl: reader.int64() };
}

export function writeCreateTtl(writer: ByteWriter, request: CreateTtlRequest): void {
  writeCreate(writer, request);
  writer.int64(request.ttl);
}

/** delete, check. */
export interface PathVersionRequest {
  readonly path: string;
  /** −1: any. */
  readonly version: number;
}

export function readPathVersion(reader: ByteReader): PathVersionRequest {
  return { path: readText(reader), version: reader.int32() };
}

/** As above, for operations that tell a missing path from a malformed request: it reads as the empty path. */
export function readAnyPathVersion(reader: ByteReader): PathVersionRequest {
  return { path: readString(reader) ?? "", version: reader.int32() };
}

export function writePathVersion(writer: ByteWriter, { path, version }: PathVersionRequest): void {
  writeString(writer, path);
  writer.int32(version);
}

export interface SetDataRequest extends PathVersionRequest {
  readonly data: Uint8Array | null;
}

export function readSetData(reader: ByteReader): SetDataRequest {
  return { path: readString(reader) ?? "", data: readBuffer(reader), version: reader.int32() };
}

export function writeSetData(writer: ByteWriter, { path, data, version }: SetDataRequest): void {
  writeString(writer, path);
  writeBuffer(writer, data);
  writer.int32(version);
}

export interface SetAclRequest extends PathVersionRequest {
  readonly acl: readonly Acl[] | null;
}

export function readSetAcl(reader: ByteReader): SetAclRequest {
  return { path: readString(reader) ?? "", acl: readAcl(reader), version: reader.int32() };
}

export function writeSetAcl(writer: ByteWriter, { path, acl, version }: SetAclRequest): void {
  writeString(writer, path);
  if (acl === null) writer.int32(-1);
  else writeAcl(writer, acl);
  writer.int32(version);
}

export interface ReconfigRequest {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
  readonly version: number;
}

export function readReconfig(reader: ByteReader): ReconfigRequest {
  return {
    joining: readString(reader),
    leaving: readString(reader),
    newMembers: readString(reader),
    version: reader.int64(),
  };
}

export function writeReconfig(writer: ByteWriter, request: ReconfigRequest): void {
  writeString(writer, request.joining);
  writeString(writer, request.leaving);
  writeString(writer, request.newMembers);
  writer.int64(request.version);
}

/** addWatch's mode; checkWatches' and removeWatches' type. */
export interface PathKindRequest {
  readonly path: string;
  readonly kind: number;
}

export function readPathKind(reader: ByteReader): PathKindRequest {
  return { path: readText(reader), kind: reader.int32() };
}

export function writePathKind(writer: ByteWriter, { path, kind }: PathKindRequest): void {
  writeString(writer, path);
  writer.int32(kind);
}

export interface SetWatchesRequest {
  /** What the client has seen: changes after it are told, the rest is watched again. */
  readonly relativeZxid: number;
  readonly data: readonly string[];
  readonly exist: readonly string[];
  readonly child: readonly string[];
  /** Empty in setWatches; only setWatches2 has them. */
  readonly persistent: readonly string[];
  readonly recursive: readonly string[];
}

export function readSetWatches(reader: ByteReader, second: boolean): SetWatchesRequest {
  const relativeZxid = reader.int64();
  const data = readPaths(reader);
  const exist = readPaths(reader);
  const child = readPaths(reader);
  const persistent = second ? readPaths(reader) : [];
  const recursive = second ? readPaths(reader) : [];
  return { relativeZxid, data, exist, child, persistent, recursive };
}

function readPaths(reader: ByteReader): string[] {
  const paths = readStrings(reader);
  if (paths === null) throw new MalformedError("no vector where one is needed");
  return paths;
}

export function writeSetWatches(writer: ByteWriter, request: SetWatchesRequest, second: boolean): void {
  writer.int64(request.relativeZxid);
  writeStrings(writer, request.data);
  writeStrings(writer, request.exist);
  writeStrings(writer, request.child);
  if (!second) return;
  writeStrings(writer, request.persistent);
  writeStrings(writer, request.recursive);
}

export interface AuthRequest {
  readonly scheme: string | null;
  readonly auth: Uint8Array | null;
}

export function readAuth(reader: ByteReader): AuthRequest {
  reader.int32(); // a type that nothing has ever used
  return { scheme: readString(reader), auth: readBuffer(reader) };
}

export function writeAuth(writer: ByteWriter, { scheme, auth }: AuthRequest): void {
  writer.int32(0);
  writeString(writer, scheme);
  writeBuffer(writer, auth);
}
