// The commands of an entry, read by their documented bytes and not by the code that applies them: a second opinion.

import { ByteReader } from "../../base/bytes.ts";
import { readBatchHeader } from "../../state/batch.ts";
import { LEASE_MODEL, LEASE_OPERATION } from "../../state/leases/commands.ts";
import { TREE_MODEL, TREE_OPERATION, TTL_GIVEN } from "../../state/tree/commands.ts";

/** Data as a one-byte string; null where there is none. */
export type TreeCommand =
  | { readonly kind: "create"; readonly path: string; readonly data: string | null; readonly mode: number }
  | { readonly kind: "delete"; readonly path: string; readonly version: number }
  | { readonly kind: "set"; readonly path: string; readonly data: string | null; readonly version: number }
  | { readonly kind: "check"; readonly path: string; readonly version: number };

export type Command =
  | { readonly kind: "open"; readonly timeoutMs: number; readonly password: string }
  | { readonly kind: "attach"; readonly session: number; readonly timeoutMs: number; readonly password: string }
  | { readonly kind: "close"; readonly session: number }
  | { readonly kind: "expire"; readonly leases: readonly { readonly id: number; readonly generation: number }[] }
  | { readonly kind: "tree"; readonly session: number; readonly command: TreeCommand }
  | { readonly kind: "multi"; readonly session: number; readonly commands: readonly TreeCommand[] }
  /** A container or a node with a time to live goes, if it is still as the leader saw it. */
  | { readonly kind: "reap"; readonly path: string; readonly mzxid: number; readonly pzxid: number }
  /** A reconfiguration, or its end: the ensemble's own affairs; and commands of other models. */
  | { readonly kind: "other"; readonly session: number; readonly operation: number };

export interface Batch {
  readonly time: number;
  readonly member: number;
  readonly run: number;
  readonly sequence: number;
  readonly commands: readonly Command[];
}

export function readBatch(payload: Uint8Array): Batch {
  const reader = new ByteReader(payload);
  const header = readBatchHeader(reader);
  const commands: Command[] = [];
  while (reader.remaining > 0) {
    const length = reader.uint32();
    const start = reader.skip(length);
    commands.push(readCommand(new ByteReader(payload, start, start + length)));
  }
  return { ...header, commands };
}

function readCommand(reader: ByteReader): Command {
  const model = reader.uint8();
  const operation = reader.uint8();
  if (model === LEASE_MODEL) return readLeaseCommand(operation, reader);
  return model === TREE_MODEL ? readTreeCommand(operation, reader) : { kind: "other", session: 0, operation };
}

function readLeaseCommand(operation: number, reader: ByteReader): Command {
  switch (operation) {
    case LEASE_OPERATION.open:
      return { kind: "open", timeoutMs: reader.int32(), password: reader.text(16) };
    case LEASE_OPERATION.attach: {
      const session = reader.int64();
      const timeoutMs = reader.int32();
      return { kind: "attach", session, timeoutMs, password: reader.boolean() ? reader.text(16) : "" };
    }
    case LEASE_OPERATION.close:
      return { kind: "close", session: reader.int64() };
    case LEASE_OPERATION.expire: {
      const count = reader.uint32();
      const leases = Array.from({ length: count }, () => ({ id: reader.int64(), generation: reader.int32() }));
      return { kind: "expire", leases };
    }
    default:
      throw new RangeError(`operation ${operation} of the leases`);
  }
}

function readTreeCommand(operation: number, reader: ByteReader): Command {
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
    return { kind: "other", session, operation };
  }
  return { kind: "tree", session, command: readOne(operation, reader) };
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
