// The commands of the tree, as bytes: written once by the member that proposes them, read by `apply` alone.
//
//   model u8 (1) · operation u8 · session i64 (0: the cluster's own) · credentials u32 + bytes · fields
//
// Credentials are the identities of the requester and the settings of the member that serves it. Settings travel with the
// command, so members that are configured differently still decide alike. Paths, schemes and ids are one-byte strings.

import { assert } from "../../base/assert.ts";
import { ByteWriter } from "../../base/bytes.ts";
import type { Acl, Identity, Rejection } from "./types.ts";

export const TREE_MODEL = 1;

/** The operation byte; inside a multi too. */
export const TREE_OPERATION = {
  create: 1,
  delete: 2,
  setData: 3,
  setAcl: 4,
  check: 5,
  multi: 6,
  reconfig: 7,
  reap: 8,
  endReconfig: 9,
} as const;

/** ZooKeeper's create flags. */
export const CREATE_MODE = {
  persistent: 0,
  ephemeral: 1,
  sequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
  ttlSequential: 6,
} as const;

/** What the serving member's configuration allows; all false unless given. */
export interface Policy {
  /** `skipACL`: nobody is ever refused. */
  readonly skipAcl?: boolean;
  /** `enforceQuota`: hard limits are kept. */
  readonly enforceQuota?: boolean;
  /** `extendedTypesEnabled`: TTL nodes may be made. */
  readonly extendedTypes?: boolean;
  /** `reconfigEnabled`. */
  readonly reconfig?: boolean;
  /** `standaloneEnabled`: one participant alone is no ensemble, and none may be reconfigured to be. */
  readonly standalone?: boolean;
  /** Schemes without a provider: no access list may name them. `ip` always has one. */
  readonly unknownSchemes?: readonly ("digest" | "sasl" | "x509")[];
}

export const POLICY_BIT = {
  skipAcl: 1,
  enforceQuota: 2,
  extendedTypes: 4,
  reconfig: 8,
  standalone: 16,
  digestUnknown: 32,
  saslUnknown: 64,
  x509Unknown: 128,
} as const;

export interface CreateFields {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** ZooKeeper's flags, 0 to 6; anything else is turned down as bad arguments. */
  readonly mode: number;
  /** Milliseconds; −1 or left out where the client gave none. */
  readonly ttl?: number;
}

export type MultiOperation =
  | ({ readonly kind: "create" } & CreateFields)
  | { readonly kind: "delete"; readonly path: string; readonly version: number }
  | { readonly kind: "set-data"; readonly path: string; readonly data: Uint8Array | null; readonly version: number }
  | { readonly kind: "check"; readonly path: string; readonly version: number };

export interface ReconfigFields {
  /** `server.N=…` lines, separated by commas or line ends, as the client sent them. */
  readonly joining: string | null;
  /** Server numbers, separated by commas. */
  readonly leaving: string | null;
  /** The whole new membership; excludes the two above. */
  readonly newMembers: string | null;
  /** The configuration's version that this builds on; −1: any. */
  readonly version: number;
}

/** A node that the leader found due, as it was then; changed since, it stays. */
export interface Reapable {
  readonly path: string;
  readonly mzxid: number;
  readonly pzxid: number;
}

/**
 * The credentials of a requester, as each of its commands carries them: encoded once a connection, and again after each
 * further proof. The identities should hold its address as scheme "ip".
 */
export function encodeIdentities(identities: readonly Identity[], policy: Policy = {}): Uint8Array {
  const writer = new ByteWriter(64);
  let bits = 0;
  if (policy.skipAcl) bits |= POLICY_BIT.skipAcl;
  if (policy.enforceQuota) bits |= POLICY_BIT.enforceQuota;
  if (policy.extendedTypes) bits |= POLICY_BIT.extendedTypes;
  if (policy.reconfig) bits |= POLICY_BIT.reconfig;
  if (policy.standalone) bits |= POLICY_BIT.standalone;
  for (const scheme of policy.unknownSchemes ?? []) bits |= POLICY_BIT[`${scheme}Unknown`];
  writer.uint8(bits);
  writer.int32(identities.length);
  for (const { scheme, id } of identities) {
    writeText(writer, scheme);
    writeText(writer, id);
  }
  return writer.copy();
}

/** Outcome: `created`, with the path as it came to be (a sequential node's has its number). */
export function encodeCreate(writer: ByteWriter, session: number, identities: Uint8Array, fields: CreateFields): void {
  begin(writer, TREE_OPERATION.create, session, identities);
  writeCreate(writer, fields);
}

/** Outcome: `done`. */
export function encodeDelete(
  writer: ByteWriter,
  session: number,
  identities: Uint8Array,
  path: string,
  version: number,
): void {
  begin(writer, TREE_OPERATION.delete, session, identities);
  writeVersioned(writer, path, version);
}

/** Outcome: `updated`. */
export function encodeSetData(
  writer: ByteWriter,
  session: number,
  identities: Uint8Array,
  path: string,
  data: Uint8Array | null,
  version: number,
): void {
  begin(writer, TREE_OPERATION.setData, session, identities);
  writeVersioned(writer, path, version);
  writeData(writer, data);
}

/** Outcome: `updated`. */
export function encodeSetAcl(
  writer: ByteWriter,
  session: number,
  identities: Uint8Array,
  path: string,
  acl: readonly Acl[],
  version: number,
): void {
  begin(writer, TREE_OPERATION.setAcl, session, identities);
  writeVersioned(writer, path, version);
  writeAcl(writer, acl);
}

/** Outcome: `multi` with one result an operation (`done` for a check), or `multi-rejected`. */
export function encodeMulti(
  writer: ByteWriter,
  session: number,
  identities: Uint8Array,
  operations: readonly MultiOperation[],
): void {
  begin(writer, TREE_OPERATION.multi, session, identities);
  writer.int32(operations.length);
  for (const operation of operations) {
    switch (operation.kind) {
      case "create":
        writer.uint8(TREE_OPERATION.create);
        writeCreate(writer, operation);
        break;
      case "delete":
        writer.uint8(TREE_OPERATION.delete);
        writeVersioned(writer, operation.path, operation.version);
        break;
      case "set-data":
        writer.uint8(TREE_OPERATION.setData);
        writeVersioned(writer, operation.path, operation.version);
        writeData(writer, operation.data);
        break;
      case "check":
        writer.uint8(TREE_OPERATION.check);
        writeVersioned(writer, operation.path, operation.version);
        break;
    }
  }
}

/** Outcome: `reconfiguring`; `onReconfigured` tells the end. */
export function encodeReconfig(
  writer: ByteWriter,
  session: number,
  identities: Uint8Array,
  fields: ReconfigFields,
): void {
  begin(writer, TREE_OPERATION.reconfig, session, identities);
  writeOptionalText(writer, fields.joining);
  writeOptionalText(writer, fields.leaving);
  writeOptionalText(writer, fields.newMembers);
  writer.int64(fields.version);
}

/** The leader's: deletes a container or TTL node that is due. Outcome: `done`, whether it was still so or not. */
export function encodeReap(writer: ByteWriter, candidate: Reapable): void {
  begin(writer, TREE_OPERATION.reap, 0, NOBODY);
  writeText(writer, candidate.path);
  writer.int64(candidate.mzxid);
  writer.int64(candidate.pzxid);
}

/** The leader's: gives up the reconfiguration taken up at `zxid`, if it still is the pending one. Outcome: `done`. */
export function encodeEndReconfig(writer: ByteWriter, zxid: number, code: Rejection): void {
  begin(writer, TREE_OPERATION.endReconfig, 0, NOBODY);
  writer.int64(zxid);
  writeText(writer, code);
}

const NOBODY = encodeIdentities([]);
/** Stands in the mode byte for "the client gave a TTL", which only TTL modes may. */
export const TTL_GIVEN = 0x80;
export const MODE_INVALID = 0x7f;

function begin(writer: ByteWriter, operation: number, session: number, identities: Uint8Array): void {
  writer.uint8(TREE_MODEL);
  writer.uint8(operation);
  writer.int64(session);
  writer.int32(identities.length);
  writer.raw(identities);
}

function writeCreate(writer: ByteWriter, { path, data, acl, mode, ttl = -1 }: CreateFields): void {
  const known = mode >= 0 && mode <= CREATE_MODE.ttlSequential ? mode : MODE_INVALID;
  writer.uint8(ttl === -1 ? known : known | TTL_GIVEN);
  if (ttl !== -1) writer.int64(ttl);
  writeText(writer, path);
  writeData(writer, data);
  writeAcl(writer, acl);
}

function writeVersioned(writer: ByteWriter, path: string, version: number): void {
  writer.int32(version);
  writeText(writer, path);
}

/** An open list (world:anyone, everything) is one byte; others are a section that is interned whole. */
export function writeAcl(writer: ByteWriter, acl: readonly Acl[]): void {
  if (isOpen(acl)) {
    writer.boolean(false);
    return;
  }
  writer.boolean(true);
  const mark = writer.reserve(4);
  for (const { perms, scheme, id } of acl) {
    writer.int32(perms);
    writeText(writer, scheme);
    writeText(writer, id);
  }
  writer.setInt32(mark, writer.length - mark - 4);
}

function isOpen(acl: readonly Acl[]): boolean {
  const only = acl[0];
  return acl.length === 1 && only?.perms === 31 && only.scheme === "world" && only.id === "anyone";
}

function writeData(writer: ByteWriter, data: Uint8Array | null): void {
  writer.int32(data === null ? -1 : data.length);
  if (data !== null) writer.raw(data);
}

function writeText(writer: ByteWriter, text: string): void {
  writer.int32(text.length);
  writer.text(text);
}

function writeOptionalText(writer: ByteWriter, text: string | null): void {
  assert(text === null || text.length < 2 ** 31, "a text too long to write");
  writer.int32(text === null ? -1 : text.length);
  if (text !== null) writer.text(text);
}
