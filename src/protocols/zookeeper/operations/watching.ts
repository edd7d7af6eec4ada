// The operations on watches: setting them again after a reconnection, adding them without a read, checking for them, and
// removing them.

import { MalformedError } from "../../../base/bytes.ts";
import { OPCODE } from "../codec/opcodes.ts";
import { EVENT_TYPE } from "../codec/records.ts";
import { readPathKind, readSetWatches, type SetWatchesRequest } from "../codec/requests.ts";
import { ERROR } from "../errors.ts";
import { WATCH } from "../watches.ts";
import type { Client, ReadOperation } from "./operation.ts";
import { isPath } from "./reads.ts";

/**
 * Tells what changed since the client last looked, and watches the rest again. A node that the client may not read is watched
 * without a word, whatever happened to it: its events would have been withheld, too. (ZooKeeper tells them here.)
 */
function setAgain(
  client: Client,
  { relativeZxid, data, exist, child, persistent, recursive }: SetWatchesRequest,
): void {
  const { tree, watches } = client;
  for (const path of data) {
    const node = tree.node(path);
    if (node === undefined) tell(client, EVENT_TYPE.deleted, path);
    else if (node.mzxid > relativeZxid && client.mayRead(node.acl)) tell(client, EVENT_TYPE["data-changed"], path);
    else watches.data.add(path, client, WATCH.once);
  }
  for (const path of exist) {
    const node = tree.node(path);
    if (node !== undefined && client.mayRead(node.acl)) tell(client, EVENT_TYPE.created, path);
    else if (isPath(path)) watches.data.add(path, client, WATCH.once);
  }
  for (const path of child) {
    const node = tree.node(path);
    if (node === undefined) tell(client, EVENT_TYPE.deleted, path);
    else if (node.pzxid > relativeZxid && client.mayRead(node.acl)) tell(client, EVENT_TYPE["children-changed"], path);
    else watches.child.add(path, client, WATCH.once);
  }
  for (const path of persistent) if (isPath(path)) watches.addPersistent(path, client, false);
  for (const path of recursive) if (isPath(path)) watches.addPersistent(path, client, true);
}

function tell(client: Client, type: number, path: string): void {
  client.watches.tellMissed(client, type, path);
}

export const setWatches: ReadOperation = {
  kind: "read",
  opcode: OPCODE.setWatches,
  name: "setWatches",
  abbreviation: "SETW",
  notifies: true,
  run(client, reader) {
    setAgain(client, readSetWatches(reader, false));
    return ERROR.ok;
  },
};

export const setWatches2: ReadOperation = {
  kind: "read",
  opcode: OPCODE.setWatches2,
  name: "setWatches2",
  abbreviation: "STW2",
  notifies: true,
  run(client, reader) {
    setAgain(client, readSetWatches(reader, true));
    return ERROR.ok;
  },
};

const MODE_PERSISTENT = 0;
const MODE_RECURSIVE = 1;

export const addWatch: ReadOperation = {
  kind: "read",
  opcode: OPCODE.addWatch,
  name: "addWatch",
  abbreviation: "ADDW",
  run(client, reader, out) {
    const { path, kind } = readPathKind(reader);
    if (kind !== MODE_PERSISTENT && kind !== MODE_RECURSIVE) throw new MalformedError(`watch mode ${kind}`);
    // A path that can never be is answered as ZooKeeper answers it, and not kept: it would never be told of.
    if (isPath(path)) client.watches.addPersistent(path, client, kind === MODE_RECURSIVE);
    out.int32(ERROR.ok); // ZooKeeper's record for "nothing to say" here
    return ERROR.ok;
  },
};

export const checkWatches: ReadOperation = {
  kind: "read",
  opcode: OPCODE.checkWatches,
  name: "checkWatches",
  abbreviation: "CHKW",
  run(client, reader) {
    const { path, kind } = readPathKind(reader);
    return found(client.watches.has(path, client, kind), kind);
  },
};

export const removeWatches: ReadOperation = {
  kind: "read",
  opcode: OPCODE.removeWatches,
  name: "removeWatches",
  abbreviation: "REMW",
  run(client, reader) {
    const { path, kind } = readPathKind(reader);
    return found(client.watches.remove(path, client, kind), kind);
  },
};

function found(answer: boolean | null, kind: number): number {
  if (answer === null) throw new MalformedError(`watch type ${kind}`);
  return answer ? ERROR.ok : ERROR.noWatcher;
}
