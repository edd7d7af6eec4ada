// Whether a batch can be read: every length in it, every number and every kind of command, before any of it is carried
// out. A leader asks before it puts another member's batch into the log; every member asks again before it applies one, so
// that a command which cannot be read is the same nothing on all of them. The answer depends on the bytes alone. Pure,
// and linear in them.

import { ByteReader, MalformedError } from "../base/bytes.ts";
import { type BatchHeader, readBatchHeader } from "./batch.ts";
import { LEASE_MODEL, LEASE_OPERATION, PASSWORD_BYTES } from "./leases/commands.ts";
import { isReadablePlainCommand } from "./plain-commands.ts";
import { CREATE_MODE, TREE_MODEL, TREE_OPERATION, TTL_GIVEN } from "./tree/commands.ts";

/** The header of a batch; null where it cannot be read. */
export function headerOf(batch: Uint8Array): BatchHeader | null {
  try {
    return readBatchHeader(new ByteReader(batch));
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** Why a batch that member `from` passed on may not be put into the log; null: it may. */
export function flawOfProposal(batch: Uint8Array, from: number, latestRun: number): string | null {
  const header = headerOf(batch);
  if (header === null) return "a batch without a header";
  if (header.member !== from) return `a batch in the name of member ${header.member}`;
  // A run's number is the time of its start, or one more than the last: none may use up those that come after it.
  if (header.run > Math.max(RUN_MAX, latestRun + 1)) return `a run of number ${header.run}`;
  const reader = new ByteReader(batch);
  readBatchHeader(reader);
  if (canAllBeRead(batch, reader.offset, reader.end, true)) return null;
  const tiling = flawOfLengths(reader);
  if (tiling !== null) return tiling;
  for (let position = 0; reader.remaining > 0; position++) {
    const end = reader.offset + 4 + reader.uint32();
    reader.end = end;
    const flaw = isLeaders(batch, reader.offset) ? "a command that only a leader gives" : flawOfCommand(reader);
    if (flaw !== null) return `command ${position}: ${flaw}`;
    reader.offset = end;
    reader.end = batch.length;
  }
  return null;
}

/** The year 2248, in milliseconds since 1970. */
const RUN_MAX = 2 ** 43;

/** Whether the lengths of the commands behind a header fill the rest exactly. The reader is left where it was. */
export function flawOfLengths({ bytes, offset, end }: ByteReader): string | null {
  let at = offset;
  while (at < end) {
    if (end - at < 4) return "bytes behind the last command";
    const length = uint32At(bytes, at);
    if (length > end - at - 4) return `a command of ${length} bytes in a batch of ${end}`;
    at += 4 + length;
  }
  return null;
}

/**
 * Whether the lengths of the commands [start, end) fill them exactly, and every command can be read: as nearly always.
 * `fromMember`: those that only a leader gives count as such that cannot.
 */
export function canAllBeRead(bytes: Uint8Array, start: number, end: number, fromMember = false): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  for (let at = start; at < end; ) {
    if (end - at < 4) return false;
    const length = view.getInt32(at);
    const first = at + 4;
    if (length < 0 || length > end - first) return false;
    at = first + length;
    if (isReadablePlainCommand(view, first, at)) continue;
    if (endOfCommand(bytes, first, at) !== at || (fromMember && isLeaders(bytes, first))) return false;
  }
  return true;
}

/** Why the command between a reader's place and its end cannot be read; null: it can. The reader is left where it was. */
export function flawOfCommand({ bytes, offset, end }: ByteReader): string | null {
  const after = endOfCommand(bytes, offset, end);
  if (after === end) return null;
  const kind = `model ${bytes[offset] ?? "none"}, operation ${bytes[offset + 1] ?? "none"}`;
  return after === NOWHERE ? `no fields of ${kind}` : `${end - after} bytes behind the fields of ${kind}`;
}

function isLeaders(bytes: Uint8Array, offset: number): boolean {
  const [model, operation] = [bytes[offset], bytes[offset + 1]];
  if (model === LEASE_MODEL) return operation === LEASE_OPERATION.expire;
  return model === TREE_MODEL && (operation === TREE_OPERATION.reap || operation === TREE_OPERATION.endReconfig);
}

// What follows runs for most commands on every member: places in the bytes, and no objects. Each function is given where a
// field begins (or NOWHERE) and where the bytes end, and returns where the field ends, or NOWHERE.

const NOWHERE = -1;

function endOfCommand(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 2) return NOWHERE;
  if (bytes[at] === TREE_MODEL) return endOfTreeCommand(bytes, at + 1, end);
  return bytes[at] === LEASE_MODEL ? endOfLeaseCommand(bytes, at + 1, end) : NOWHERE;
}

function endOfTreeCommand(bytes: Uint8Array, start: number, end: number): number {
  const operation = bytes[start]!;
  const session = natural(bytes, start + 1, end);
  const hasSession = session !== NOWHERE && (uint32At(bytes, start + 1) !== 0 || uint32At(bytes, start + 5) !== 0);
  const at = credentials(bytes, session, end);
  switch (operation) {
    case TREE_OPERATION.create:
    case TREE_OPERATION.delete:
    case TREE_OPERATION.setData:
      return endOfSingle(operation, bytes, at, end, hasSession);
    case TREE_OPERATION.setAcl:
      return acl(bytes, text(bytes, fixed(4, at, end), end), end);
    case TREE_OPERATION.multi:
      return endOfMulti(bytes, at, end, hasSession);
    case TREE_OPERATION.reconfig:
      return fixed(8, optional(bytes, optional(bytes, optional(bytes, at, end), end), end), end); // a client's version
    case TREE_OPERATION.reap:
      return natural(bytes, natural(bytes, text(bytes, at, end), end), end);
    case TREE_OPERATION.endReconfig:
      return text(bytes, natural(bytes, at, end), end);
    default:
      return NOWHERE;
  }
}

function endOfMulti(bytes: Uint8Array, start: number, end: number, hasSession: boolean): number {
  let at = fixed(4, start, end);
  if (at === NOWHERE) return NOWHERE;
  for (let left = uint32At(bytes, start); left > 0; left--) {
    if (at === NOWHERE || at >= end) return NOWHERE;
    at = endOfSingle(bytes[at]!, bytes, at + 1, end, hasSession);
  }
  return at;
}

/** What a multi may hold. */
function endOfSingle(operation: number, bytes: Uint8Array, at: number, end: number, hasSession: boolean): number {
  switch (operation) {
    case TREE_OPERATION.create: {
      if (at === NOWHERE || at >= end) return NOWHERE;
      const flags = bytes[at]!;
      const mode = flags & ~TTL_GIVEN;
      const isEphemeral = mode === CREATE_MODE.ephemeral || mode === CREATE_MODE.ephemeralSequential;
      if (isEphemeral && !hasSession) return NOWHERE; // one that no session owns
      const path = (flags & TTL_GIVEN) === 0 ? at + 1 : fixed(8, at + 1, end);
      return acl(bytes, optional(bytes, text(bytes, path, end), end), end);
    }
    case TREE_OPERATION.delete:
    case TREE_OPERATION.check:
      return text(bytes, fixed(4, at, end), end);
    case TREE_OPERATION.setData:
      return optional(bytes, text(bytes, fixed(4, at, end), end), end);
    default:
      return NOWHERE;
  }
}

function endOfLeaseCommand(bytes: Uint8Array, start: number, end: number): number {
  const at = start + 1;
  switch (bytes[start]) {
    case LEASE_OPERATION.open:
      return fixed(4 + PASSWORD_BYTES, at, end);
    case LEASE_OPERATION.attach: {
      const flag = fixed(8 + 4, at, end); // the id is a client's word: one that cannot be is unknown
      if (flag === NOWHERE || flag >= end) return NOWHERE;
      return bytes[flag] === 0 ? flag + 1 : fixed(PASSWORD_BYTES, flag + 1, end);
    }
    case LEASE_OPERATION.close:
      return fixed(8, at, end);
    case LEASE_OPERATION.expire: {
      const entries = fixed(4, at, end);
      return entries === NOWHERE ? NOWHERE : fixed(12 * uint32At(bytes, at), entries, end);
    }
    default:
      return NOWHERE;
  }
}

/** A section of its own: the policy, then schemes and ids. */
function credentials(bytes: Uint8Array, start: number, end: number): number {
  const sectionEnd = text(bytes, start, end);
  if (sectionEnd === NOWHERE || sectionEnd - start < 4 + 5) return NOWHERE;
  let at = start + 4 + 5;
  for (let left = uint32At(bytes, at - 4); left > 0 && at !== NOWHERE; left--) {
    at = text(bytes, text(bytes, at, sectionEnd), sectionEnd);
  }
  return at === sectionEnd ? at : NOWHERE;
}

function acl(bytes: Uint8Array, start: number, end: number): number {
  if (start === NOWHERE || start >= end) return NOWHERE;
  if (bytes[start] === 0) return start + 1;
  const sectionEnd = text(bytes, start + 1, end);
  if (sectionEnd === NOWHERE) return NOWHERE;
  let at = start + 5;
  while (at !== NOWHERE && at < sectionEnd)
    at = text(bytes, text(bytes, fixed(4, at, sectionEnd), sectionEnd), sectionEnd);
  return at;
}

function fixed(count: number, at: number, end: number): number {
  return at === NOWHERE || count > end - at ? NOWHERE : at + count;
}

/** A length, and so many bytes. */
function text(bytes: Uint8Array, at: number, end: number): number {
  if (at === NOWHERE || end - at < 4) return NOWHERE;
  const length = uint32At(bytes, at);
  return length > end - at - 4 ? NOWHERE : at + 4 + length;
}

/** The same, where a length of −1 stands for none. */
function optional(bytes: Uint8Array, at: number, end: number): number {
  if (at === NOWHERE || end - at < 4) return NOWHERE;
  return uint32At(bytes, at) === 0xffff_ffff ? at + 4 : text(bytes, at, end);
}

/** A whole number below 2⁵³, in eight bytes. */
function natural(bytes: Uint8Array, at: number, end: number): number {
  return at === NOWHERE || end - at < 8 || uint32At(bytes, at) >= 2 ** 21 ? NOWHERE : at + 8;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
