// Transactions and grouped reads, with typed operations and results.

import { type ByteReader, MalformedError } from "../../../base/bytes.ts";
import { readText } from "../codec/jute.ts";
import { type MultiRequest, readMultiHeader, writeMulti } from "../codec/multi.ts";
import { OPCODE } from "../codec/opcodes.ts";
import { ERROR } from "../errors.ts";
import type { Chroot } from "./chroot.ts";
import { ANY_VERSION, creationOf, heldBytesOf, versionOf } from "./creation.ts";
import { errorOf, MultiError, reasonOf, type ZooKeeperError } from "./errors.ts";
import { REQUEST_HELD_BYTES } from "./limits.ts";
import { readNames } from "./operations.ts";
import { CREATE_OPERATION, checkCall } from "./option-rules.ts";
import { type accessOf, dataOf, readData, readStat } from "./records.ts";
import type { Request, RequestPath } from "./request.ts";
import { ACL, type Acl, type Data, type Lifetime, type Stat } from "./types.ts";

/** What `op.create` may be told besides its path and data. */
export type CreateOperationOptions = Lifetime & { readonly acl?: readonly Acl[]; readonly withStat?: boolean };

/** Creates a node; see `create` of the client. */
export interface CreateOperation {
  readonly op: "create";
  readonly path: string;
  readonly data: Data;
  readonly options: CreateOperationOptions;
}

/** Deletes a node without children, in this version (−1: any). */
export interface DeleteOperation {
  readonly op: "delete";
  readonly path: string;
  readonly version: number;
}

/** Stores data in a node, in this version (−1: any). */
export interface SetDataOperation {
  readonly op: "set-data";
  readonly path: string;
  readonly data: Data;
  readonly version: number;
}

/** Fails the transaction unless the node is there, in this version (−1: any). */
export interface CheckOperation {
  readonly op: "check";
  readonly path: string;
  readonly version: number;
}

/** One operation of a transaction; see {@link op}. */
export type MultiOperation = CreateOperation | DeleteOperation | SetDataOperation | CheckOperation;

/** The result of one operation of an applied transaction. */
export type MultiResult<Operation> = Operation extends CreateOperation
  ? {
      readonly op: "create";
      readonly path: string;
      /** Where it was asked for (`withStat`), and of containers and nodes with a TTL. */
      readonly stat: Stat | null;
    }
  : Operation extends SetDataOperation
    ? { readonly op: "set-data"; readonly stat: Stat }
    : Operation extends DeleteOperation
      ? { readonly op: "delete" }
      : { readonly op: "check" };

/** A result for each operation, in their order. */
export type MultiResults<Operations extends readonly MultiOperation[]> = {
  -readonly [I in keyof Operations]: MultiResult<Operations[I]>;
};

/** Operations for `multi`. Versions: −1, the default, is any. */
export const op = {
  create: (path: string, data: Data = "", options: CreateOperationOptions = {}): CreateOperation => ({
    op: "create",
    path,
    data,
    options,
  }),
  delete: (path: string, version = ANY_VERSION): DeleteOperation => ({ op: "delete", path, version }),
  setData: (path: string, data: Data, version = ANY_VERSION): SetDataOperation => ({
    op: "set-data",
    path,
    data,
    version,
  }),
  /** Changes nothing: the transaction fails unless the node is there, in this version. */
  check: (path: string, version = ANY_VERSION): CheckOperation => ({ op: "check", path, version }),
};

interface Step {
  readonly place: RequestPath;
  readonly wire: MultiRequest;
  readonly answersStat: boolean;
}

function stepBytesOf({ place, wire }: Step): number {
  const { data = null, acl = [] } = wire.request as { data?: Uint8Array | null; acl?: ReturnType<typeof accessOf> };
  return REQUEST_HELD_BYTES + place.path.length + heldBytesOf({ data, acl });
}

export function multi<const Operations extends readonly MultiOperation[]>(
  operations: Operations,
  chroot: Chroot,
): Request<MultiResults<Operations>> {
  const steps = operations.map((operation) => stepOf(operation, chroot));
  return {
    name: "multi",
    opcode: OPCODE.multi,
    path: null,
    isWrite: true,
    heldBytes: steps.reduce((sum, step) => sum + stepBytesOf(step), 0),
    encode: (writer) =>
      writeMulti(
        writer,
        steps.map(({ wire }) => wire),
      ),
    decode: (reader) => readResults(reader, steps, chroot) as MultiResults<Operations>,
  };
}

function stepOf(operation: MultiOperation, chroot: Chroot): Step {
  const { op: kind } = operation;
  switch (kind) {
    case "create": {
      const { path, data, options } = operation;
      checkCall("multi: create", path, options, CREATE_OPERATION);
      const isSequential = options.mode?.includes("sequential") ?? false;
      const place = chroot.place("multi: create", path, isSequential);
      const creation = creationOf(place, data, options.acl ?? ACL.open, options, options.withStat ?? false);
      const { opcode, answersStat } = creation;
      if (opcode === OPCODE.createTtl)
        return { place, answersStat, wire: { kind: "create-ttl", opcode, request: creation } };
      return { place, answersStat, wire: { kind: "create", opcode, request: creation } };
    }
    case "delete":
    case "check": {
      const place = chroot.place(`multi: ${kind}`, operation.path);
      const request = { path: place.path, version: versionOf(operation.version, `multi: ${kind}`, place) };
      const wire: MultiRequest =
        kind === "delete"
          ? { kind: "delete", opcode: OPCODE.delete, request }
          : { kind: "check", opcode: OPCODE.check, request };
      return { place, answersStat: false, wire };
    }
    case "set-data": {
      const place = chroot.place("multi: setData", operation.path);
      const version = versionOf(operation.version, "multi: setData", place);
      const request = { path: place.path, data: dataOf(operation.data), version };
      return { place, answersStat: false, wire: { kind: "set-data", opcode: OPCODE.setData, request } };
    }
  }
}

function readResults(reader: ByteReader, steps: readonly Step[], chroot: Chroot): MultiResult<MultiOperation>[] {
  const results: MultiResult<MultiOperation>[] = [];
  const errors: number[] = [];
  for (;;) {
    const { type, done } = readMultiHeader(reader);
    if (done) break;
    if (type === OPCODE.error) errors.push(reader.int32());
    else results.push(readResult(reader, type, chroot));
  }
  if (errors.length > 0) throw multiError(errors, steps);
  if (results.length !== steps.length)
    throw new MalformedError(`${results.length} results of ${steps.length} operations`);
  return results;
}

function readResult(reader: ByteReader, type: number, chroot: Chroot): MultiResult<MultiOperation> {
  switch (type) {
    case OPCODE.create:
      return { op: "create", path: chroot.show(readText(reader)), stat: null };
    case OPCODE.create2:
      return { op: "create", path: chroot.show(readText(reader)), stat: readStat(reader) };
    case OPCODE.setData:
      return { op: "set-data", stat: readStat(reader) };
    case OPCODE.delete:
      return { op: "delete" };
    case OPCODE.check:
      return { op: "check" };
    default:
      throw new MalformedError(`result ${type} in a multi`);
  }
}

/** ZooKeeper names every operation: fine before the one that failed, not run after it. */
function multiError(errors: readonly number[], steps: readonly Step[]): MultiError {
  const failedIndex = Math.max(
    0,
    errors.findIndex((error) => error !== ERROR.ok),
  );
  const errorCode = errors[failedIndex]!;
  const path = steps[failedIndex]?.place.shown ?? null;
  const where = path === null ? "" : `, ${path}`;
  const message = `multi: ${reasonOf(errorCode)} (${errorCode}) at operation ${failedIndex}${where}; nothing was applied`;
  return new MultiError(errorCode, failedIndex, path, message);
}

/** One of the reads of a `multiRead`; see {@link read}. */
export type ReadOperation =
  | { readonly read: "data"; readonly path: string }
  | { readonly read: "children"; readonly path: string };

/** The result of one read; each succeeds or fails by itself. */
export type ReadResult<Operation> =
  | { readonly ok: false; readonly error: ZooKeeperError }
  | (Operation extends { readonly read: "data" }
      ? { readonly ok: true; readonly data: Uint8Array | null; readonly stat: Stat }
      : { readonly ok: true; readonly children: readonly string[] });

/** A result for each read, in their order. */
export type ReadResults<Operations extends readonly ReadOperation[]> = {
  -readonly [I in keyof Operations]: ReadResult<Operations[I]>;
};

/** Reads for `multiRead`. */
export const read = {
  data: (path: string) => ({ read: "data", path }) as const,
  children: (path: string) => ({ read: "children", path }) as const,
};

export function multiRead<const Operations extends readonly ReadOperation[]>(
  operations: Operations,
  chroot: Chroot,
): Request<ReadResults<Operations>> {
  const places = operations.map(({ path }) => chroot.place("multiRead", path));
  const requests = operations.map(({ read: kind }, i): MultiRequest => {
    const opcode = kind === "data" ? OPCODE.getData : OPCODE.getChildren;
    return { kind: "read", opcode, request: { path: places[i]!.path, watch: false } };
  });
  return {
    name: "multiRead",
    opcode: OPCODE.multiRead,
    path: null,
    isWrite: false,
    heldBytes: places.reduce((sum, { path }) => sum + REQUEST_HELD_BYTES + path.length, 0),
    encode: (writer) => writeMulti(writer, requests),
    decode: (reader) => readReads(reader, operations, places) as ReadResults<Operations>,
  };
}

function readReads(
  reader: ByteReader,
  operations: readonly ReadOperation[],
  places: readonly RequestPath[],
): ReadResult<ReadOperation>[] {
  const results: ReadResult<ReadOperation>[] = [];
  for (;;) {
    const { type, done } = readMultiHeader(reader);
    if (done) break;
    if (type === OPCODE.getData) {
      results.push({ ok: true, data: readData(reader), stat: readStat(reader) });
    } else if (type === OPCODE.getChildren) {
      results.push({ ok: true, children: readNames(reader) });
    } else if (type === OPCODE.error) {
      const path = places[results.length]?.shown ?? null;
      results.push({ ok: false, error: errorOf(reader.int32(), "multiRead", path, false) });
    } else {
      throw new MalformedError(`result ${type} in a multiRead`);
    }
  }
  if (results.length !== operations.length) {
    throw new MalformedError(`${results.length} results of ${operations.length} reads`);
  }
  return results;
}
