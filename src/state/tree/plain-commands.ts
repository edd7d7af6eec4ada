// A quick check for the most frequent commands: create, delete and setData. Every member checks every command before it
// applies it, so this is one pass without objects and without calls, and it only ever says yes to what `flaws.ts` would
// accept. What it does not recognize is no error: `flaws.ts` decides. A DataView reads a length at once, checked.

import { CREATE_MODE, TREE_MODEL, TREE_OPERATION } from "./commands.ts";

/** Model, operation, session and the length of the credentials. */
const HEAD_BYTES = 14;
/** A policy and the number of identities: the shortest credentials. */
const CREDENTIALS_BYTES_MIN = 5;
/** Session ids are below 2⁵³, so that their high half is below this. */
const SESSION_HIGH_END = 2 ** 21;

/** Whether the bytes [start, end) are such a command, whole and with nothing behind it; "no" means nothing. */
export function isReadablePlainCommand(bytes: DataView, start: number, end: number): boolean {
  if (end - start < HEAD_BYTES + CREDENTIALS_BYTES_MIN || bytes.getUint8(start) !== TREE_MODEL) return false;
  const sessionHigh = bytes.getInt32(start + 2);
  if (sessionHigh < 0 || sessionHigh >= SESSION_HIGH_END) return false;

  let at = start + HEAD_BYTES;
  const credentialsBytes = bytes.getInt32(at - 4);
  if (credentialsBytes < CREDENTIALS_BYTES_MIN || credentialsBytes > end - at) return false;
  const credentialsEnd = at + credentialsBytes;
  const identities = bytes.getInt32(at + 1);
  if (identities < 0 || identities > credentialsBytes) return false;
  at += CREDENTIALS_BYTES_MIN;
  for (let texts = 2 * identities; texts > 0; texts--) {
    if (credentialsEnd - at < 4) return false;
    const length = bytes.getInt32(at);
    at += 4;
    if (length < 0 || length > credentialsEnd - at) return false;
    at += length;
  }
  if (at !== credentialsEnd) return false;

  const operation = bytes.getUint8(start + 1);
  if (operation === TREE_OPERATION.create) {
    if (at >= end || !mayHaveMode(bytes.getUint8(at), sessionHigh !== 0 || bytes.getInt32(start + 6) !== 0))
      return false;
    at += 1;
  } else if (operation === TREE_OPERATION.setData || operation === TREE_OPERATION.delete) {
    at += 4; // the version
  } else {
    return false;
  }

  if (end - at < 4) return false;
  const pathLength = bytes.getInt32(at);
  at += 4;
  if (pathLength < 0 || pathLength > end - at) return false;
  at += pathLength;
  if (operation === TREE_OPERATION.delete) return at === end;

  if (end - at < 4) return false;
  const dataLength = bytes.getInt32(at);
  at += 4;
  if (dataLength !== -1) {
    if (dataLength < 0 || dataLength > end - at) return false;
    at += dataLength;
  }
  if (operation === TREE_OPERATION.setData) return at === end;
  return at === end - 1 && bytes.getUint8(at) === 0; // the open list
}

/** Persistent and sequential nodes; ephemeral ones where a session owns them. Others are rarer. */
function mayHaveMode(mode: number, hasSession: boolean): boolean {
  if (mode === CREATE_MODE.persistent || mode === CREATE_MODE.sequential) return true;
  return hasSession && (mode === CREATE_MODE.ephemeral || mode === CREATE_MODE.ephemeralSequential);
}
