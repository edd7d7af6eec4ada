// The commands of the tree, read by their documented bytes and not by the code that applies them.

import type { ByteReader } from "../../base/bytes.ts";
import { TREE_OPERATION, TTL_GIVEN } from "../../state/tree/commands.ts";

/** Data as a one-byte string; null where there is none. */
export type TreeCommand =
  | { readonly kind: "create"; readonly path: string; readonly data: string | null; readonly mode: number }
  | { readonly kind: "delete"; readonly path: string; readonly version: number }
  | { readonly kind: "set"; readonly path: string; readonly data: string | null; readonly version: number }
  | { readonly kind: "check"; readonly path: string; readonly version: number };

/** One command of the log; `session` is 0 where the cluster asks for it itself. */
export type Command =
  | { readonly kind: "single"; readonly session: number; readonly command: TreeCommand }
  | { readonly kind: "multi"; readonly session: number; readonly commands: readonly TreeCommand[] }
  /** A container or a node with a time to live goes, if it is still as the leader saw it. */
  | { readonly kind: "reap"; readonly path: string; readonly mzxid: number; readonly pzxid: number }
  /** What changes no node that clients know: access lists, reconfigurations. */
  | { readonly kind: "other" };

/** `reader` stands behind the operation. */
export function readTreeCommand(operation: number, reader: ByteReader): Command {
  const session = reader.int64();
  reader.skip(reader.uint32()); // who asks
  if (operation === TREE_OPERATION.multi) {
    const count = reader.int32();
    return { kind: "multi", session, commands: Array.from({ length: count }, () => readOne(reader.uint8(), reader)) };
  }
  if (operation === TREE_OPERATION.reap) {
    return { kind: "reap", path: reader.text(reader.uint32()), mzxid: reader.int64(), pzxid: reader.int64() };
  }
  if (operation > TREE_OPERATION.check || operation === TREE_OPERATION.setAcl) {
    return { kind: "other" };
  }
  return { kind: "single", session, command: readOne(operation, reader) };
}

function readOne(operation: number, reader: ByteReader): TreeCommand {
  switch (operation) {
    case TREE_OPERATION.create: {
      const flags = reader.uint8();
      if ((flags & TTL_GIVEN) !== 0) reader.int64();
      const path = reader.text(reader.uint32());
      const data = readData(reader);
      if (reader.boolean()) reader.skip(reader.uint32());
      return { kind: "create", path, data, mode: flags & ~TTL_GIVEN };
    }
    case TREE_OPERATION.delete:
    case TREE_OPERATION.check: {
      const version = reader.int32();
      const path = reader.text(reader.uint32());
      return { kind: operation === TREE_OPERATION.delete ? "delete" : "check", path, version };
    }
    case TREE_OPERATION.setData: {
      const version = reader.int32();
      const path = reader.text(reader.uint32());
      return { kind: "set", path, data: readData(reader), version };
    }
    default:
      throw new RangeError(`operation ${operation} of the tree`);
  }
}

function readData(reader: ByteReader): string | null {
  const length = reader.int32();
  return length === -1 ? null : reader.text(length);
}
