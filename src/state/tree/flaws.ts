// The end of a command of the tree in the bytes, if it can be read. The fields of each operation are one line of a table.

import {
  byte,
  endOfFields,
  type Field,
  int32,
  int64,
  NOWHERE,
  natural,
  optionalText,
  skip,
  text,
  uint32At,
} from "../fields.ts";
import { CREATE_MODE, TREE_OPERATION, TTL_GIVEN } from "./commands.ts";

interface Shape {
  readonly fields: readonly Field[];
  /** A multi may hold it. */
  readonly isSingle?: boolean;
  /** Only a leader gives it, by itself. */
  readonly isLeadersOwn?: boolean;
}

/** A session that the command is for, or none: some nodes need one. */
const NO_SESSION = 0;

/** A section of its own: the policy, then schemes and ids. */
const credentials: Field = (bytes, start, end) => {
  const sectionEnd = text(bytes, start, end);
  if (sectionEnd === NOWHERE || sectionEnd - start < 4 + 5) return NOWHERE;
  let at = start + 4 + 5;
  for (let left = uint32At(bytes, at - 4); left > 0 && at !== NOWHERE; left--) {
    at = text(bytes, text(bytes, at, sectionEnd), sectionEnd);
  }
  return at === sectionEnd ? at : NOWHERE;
};

/** The open list is one byte; another is a section: permissions, scheme and id of each entry. */
const acl: Field = (bytes, start, end) => {
  if (start === NOWHERE || start >= end) return NOWHERE;
  if (bytes[start] === 0) return start + 1;
  const sectionEnd = text(bytes, start + 1, end);
  if (sectionEnd === NOWHERE) return NOWHERE;
  let at = start + 5;
  while (at !== NOWHERE && at < sectionEnd)
    at = text(bytes, text(bytes, int32(bytes, at, sectionEnd), sectionEnd), sectionEnd);
  return at;
};

/** Flags; a time to live where they say so. */
const createMode: Field = (bytes, at, end) => {
  const flags = byte(bytes, at, end);
  return flags === NOWHERE || (bytes[at]! & TTL_GIVEN) === 0 ? flags : skip(8, flags, end);
};

const SHAPES: Readonly<Record<number, Shape | undefined>> = {
  [TREE_OPERATION.create]: { fields: [createMode, text, optionalText, acl], isSingle: true },
  [TREE_OPERATION.delete]: { fields: [int32, text], isSingle: true },
  [TREE_OPERATION.setData]: { fields: [int32, text, optionalText], isSingle: true },
  [TREE_OPERATION.setAcl]: { fields: [int32, text, acl] },
  [TREE_OPERATION.reconfig]: { fields: [optionalText, optionalText, optionalText, int64] }, // a client's version
  [TREE_OPERATION.reap]: { fields: [text, natural, natural], isLeadersOwn: true },
  [TREE_OPERATION.endReconfig]: { fields: [natural, text], isLeadersOwn: true },
};
/** In a multi alone. */
const CHECK: Shape = { fields: [int32, text], isSingle: true };

export function endOfTreeCommand(bytes: Uint8Array, start: number, end: number): number {
  const operation = bytes[start + 1]!;
  const sessionAt = start + 2;
  const afterSession = natural(bytes, sessionAt, end);
  const hasSession =
    afterSession !== NOWHERE &&
    (uint32At(bytes, sessionAt) !== NO_SESSION || uint32At(bytes, sessionAt + 4) !== NO_SESSION);
  const at = credentials(bytes, afterSession, end);
  if (operation === TREE_OPERATION.multi) return endOfMulti(bytes, at, end, hasSession);
  return endOfOperation(SHAPES[operation], operation, bytes, at, end, hasSession);
}

export function isLeadersOwn(operation: number): boolean {
  return SHAPES[operation]?.isLeadersOwn === true;
}

function endOfMulti(bytes: Uint8Array, start: number, end: number, hasSession: boolean): number {
  let at = int32(bytes, start, end);
  if (at === NOWHERE) return NOWHERE;
  for (let left = uint32At(bytes, start); left > 0; left--) {
    if (at === NOWHERE || at >= end) return NOWHERE;
    const operation = bytes[at]!;
    const shape = operation === TREE_OPERATION.check ? CHECK : SHAPES[operation];
    if (shape?.isSingle !== true) return NOWHERE;
    at = endOfOperation(shape, operation, bytes, at + 1, end, hasSession);
  }
  return at;
}

function endOfOperation(
  shape: Shape | undefined,
  operation: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  hasSession: boolean,
): number {
  if (shape === undefined || at === NOWHERE) return NOWHERE;
  const isOrphan = operation === TREE_OPERATION.create && !hasSession && at < end && isEphemeral(bytes[at]!);
  return isOrphan ? NOWHERE : endOfFields(shape.fields, bytes, at, end); // no session would own it
}

function isEphemeral(flags: number): boolean {
  const mode = flags & ~TTL_GIVEN;
  return mode === CREATE_MODE.ephemeral || mode === CREATE_MODE.ephemeralSequential;
}
