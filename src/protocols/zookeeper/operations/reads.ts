// The read operations, which this member answers by itself. A path is looked up in the bytes of the request, without making a
// string.

import { type ByteReader, type ByteWriter, MalformedError } from "../../../base/bytes.ts";
import { byteString, bytesOf } from "../../../base/text.ts";
import { masked, PERMISSION } from "../../../state/tree/acl.ts";
import { isValidPath } from "../../../state/tree/paths.ts";
import { nameOffset } from "../../../state/tree/tree.ts";
import type { Znode } from "../../../state/tree/znode.ts";
import { readString, writeString, writeStrings } from "../codec/jute.ts";
import { OPCODE } from "../codec/opcodes.ts";
import { writeAcl, writeStat } from "../codec/records.ts";
import { ERROR } from "../errors.ts";
import { WATCH } from "../watches.ts";
import type { BarrierOperation, Client, ReadOperation } from "./operation.ts";

/** The node at the path that comes next, or undefined; the reader is moved past it. */
function readNode(client: Client, reader: ByteReader): Znode | undefined {
  const length = reader.int32();
  if (length < 0) throw new MalformedError("no path where one is needed");
  const start = reader.skip(length);
  if (length === 0) return client.tree.root; // so ZooKeeper has it
  return client.tree.nodeAt(reader.bytes, start, start + length);
}

export const exists: ReadOperation = {
  kind: "read",
  opcode: OPCODE.exists,
  name: "exists",
  abbreviation: "EXIS",
  run(client, reader, out) {
    const start = reader.offset + 4;
    const node = readNode(client, reader);
    if (node === undefined)
      return watchMissing(client, byteString(reader.bytes, start, reader.offset), reader.boolean());
    if (!client.may(PERMISSION.read, node.acl)) return ERROR.noAuth;
    if (reader.boolean()) client.watches.data.add(node.path, client, WATCH.once);
    writeStat(out, node);
    return ERROR.ok;
  },
};

/** Alone of all reads, `exists` watches what is not there yet; not what never can be. */
function watchMissing(client: Client, path: string, watch: boolean): number {
  if (path.includes("\0")) return ERROR.badArguments;
  if (watch && isPath(path)) client.watches.data.add(path, client, WATCH.once);
  return ERROR.noNode;
}

/** Whether there could be a node of this path. */
export function isPath(path: string): boolean {
  return isValidPath(bytesOf(path), 0, path.length);
}

/** As `readNode`, and the reader stays where it was. */
function peekNode(client: Client, reader: ByteReader): Znode | undefined {
  const { offset } = reader;
  try {
    return readNode(client, reader);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return undefined;
  } finally {
    reader.offset = offset;
  }
}

/** A name in a list of children, about. */
const NAME_BYTES_ABOUT = 40;

const expectedNames = (client: Client, reader: ByteReader): number =>
  (peekNode(client, reader)?.numChildren ?? 0) * NAME_BYTES_ABOUT;

/** What it takes is not known before: more than any reply. */
const unknownBytes = (): number => 2 ** 36;

export const getData: ReadOperation = {
  kind: "read",
  opcode: OPCODE.getData,
  name: "getData",
  abbreviation: "GETD",
  run: (client, reader, out) => writeData(client, reader, out, true),
  expectedBytes: (client, reader) => peekNode(client, reader)?.dataLength ?? 0,
};

/** Inside a multiRead nothing is watched, whatever it asks for. */
export function writeData(client: Client, reader: ByteReader, out: ByteWriter, mayWatch: boolean): number {
  const node = readNode(client, reader);
  const watch = reader.boolean();
  if (node === undefined) return ERROR.noNode;
  if (!client.may(PERMISSION.read, node.acl)) return ERROR.noAuth;
  if (watch && mayWatch) client.watches.data.add(node.path, client, WATCH.once);
  out.int32(node.hasData ? node.dataLength : -1);
  node.writeDataTo(out);
  writeStat(out, node);
  return ERROR.ok;
}

/** Inside a multiRead nothing is watched, whatever it asks for. */
export function writeChildren(client: Client, reader: ByteReader, out: ByteWriter, mayWatch: boolean): number {
  return writeNames(client, reader, out, false, mayWatch);
}

function writeNames(client: Client, reader: ByteReader, out: ByteWriter, withStat: boolean, mayWatch: boolean): number {
  const node = readNode(client, reader);
  const watch = reader.boolean();
  if (node === undefined) return ERROR.noNode;
  if (!client.may(PERMISSION.read, node.acl)) return ERROR.noAuth;
  if (watch && mayWatch) client.watches.child.add(node.path, client, WATCH.once);
  const nameStart = nameOffset(node);
  const end = out.length + (mayWatch ? client.replyBytesMax : client.multiReadBytesMax);
  out.int32(node.numChildren);
  for (let child = node.directory?.first ?? null; child !== null; child = child.following) {
    writeString(out, child.path.slice(nameStart));
    if (out.length > end) return ERROR.marshallingError;
  }
  if (withStat) writeStat(out, node);
  return ERROR.ok;
}

export const getChildren: ReadOperation = {
  kind: "read",
  opcode: OPCODE.getChildren,
  name: "getChildren",
  abbreviation: "GETC",
  run: (client, reader, out) => writeNames(client, reader, out, false, true),
  expectedBytes: expectedNames,
};

export const getChildren2: ReadOperation = {
  kind: "read",
  opcode: OPCODE.getChildren2,
  name: "getChildren2",
  abbreviation: "GETC",
  run: (client, reader, out) => writeNames(client, reader, out, true, true),
  expectedBytes: expectedNames,
};

export const getAcl: ReadOperation = {
  kind: "read",
  opcode: OPCODE.getAcl,
  name: "getACL",
  abbreviation: "GETA",
  run(client, reader, out) {
    const node = readNode(client, reader);
    if (node === undefined) return ERROR.noNode;
    if (!client.may(PERMISSION.read | PERMISSION.admin, node.acl)) return ERROR.noAuth;
    writeAcl(out, client.may(PERMISSION.admin, node.acl) ? node.acl : masked(node.acl));
    writeStat(out, node);
    return ERROR.ok;
  },
};

export const getAllChildrenNumber: ReadOperation = {
  kind: "read",
  opcode: OPCODE.getAllChildrenNumber,
  name: "getAllChildrenNumber",
  abbreviation: "GETACN",
  run(client, reader, out) {
    const node = readNode(client, reader);
    if (node === undefined) return ERROR.noNode;
    if (!client.may(PERMISSION.read, node.acl)) return ERROR.noAuth;
    out.int32(client.tree.descendantCount(node));
    return ERROR.ok;
  },
};

/** The session's own, by a plain prefix of the path. */
export const getEphemerals: ReadOperation = {
  kind: "read",
  opcode: OPCODE.getEphemerals,
  name: "getEphemerals",
  abbreviation: "GETE",
  run(client, reader, out) {
    const prefix = readString(reader) ?? "";
    const isAll = prefix.trim() === "" || prefix.trim() === "/";
    const { tree } = client;
    client.noteVisits(tree.ephemerals.get(client.sessionId)?.size ?? 0);
    const mark = out.length;
    writeStrings(out, tree.ephemeralsOf(client.sessionId, isAll ? "" : prefix));
    return out.length - mark > client.replyBytesMax ? ERROR.marshallingError : ERROR.ok;
  },
  expectedBytes: unknownBytes,
};

export const whoAmI: ReadOperation = {
  kind: "read",
  opcode: OPCODE.whoAmI,
  name: "whoAmI",
  abbreviation: "HOMI",
  run({ identities }, _reader, out) {
    out.int32(identities.length);
    for (const { scheme, id } of identities) {
      writeString(out, scheme);
      writeString(out, userOf(scheme, id));
    }
    return ERROR.ok;
  },
};

/** What of an identity is no secret. */
function userOf(scheme: string, id: string): string {
  if (scheme === "digest") return id.slice(0, id.indexOf(":"));
  return scheme === "super" ? "" : id;
}

/**
 * Answered once the leader has heard it, and still led: whoever has an answer knows that the session lives for its timeout
 * from when the ping was sent, whatever happens to this member or to that leader.
 */
export const ping: BarrierOperation = {
  kind: "barrier",
  holdsWrites: true,
  renews: true,
  opcode: OPCODE.ping,
  name: "ping",
  abbreviation: "PING",
  run: () => ERROR.ok,
};

/** Its path is only echoed: what was acknowledged before is seen afterwards, whatever the path. */
export const sync: BarrierOperation = {
  kind: "barrier",
  holdsWrites: true,
  opcode: OPCODE.sync,
  name: "sync",
  abbreviation: "SYNC",
  run(_client, reader, out) {
    writeString(out, readString(reader));
    return ERROR.ok;
  },
};
