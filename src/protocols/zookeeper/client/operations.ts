// The operations on nodes, watches and the ensemble, an entry each: its number, its bytes, its answer. `path` is the server's;
// `shown` is the caller's.

import type { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import { readCount, readStrings, readText, writeString } from "../codec/jute.ts";
import { OPCODE } from "../codec/opcodes.ts";
import {
  writeCreate,
  writeCreateTtl,
  writePathKind,
  writePathVersion,
  writePathWatch,
  writeReconfig,
  writeSetAcl,
  writeSetData,
} from "../codec/requests.ts";
import { ERROR } from "../errors.ts";
import { type Creation, heldBytesOf } from "./creation.ts";
import { accessOf, dataOf, readAccess, readData, readName, readStat } from "./records.ts";
import { nothing, type Request, type RequestPath } from "./request.ts";
import type { Acl, Data, Identity, Stat } from "./types.ts";

/** The path of the answer is the server's. */
export function create(place: RequestPath, creation: Creation): Request<{ path: string; stat: Stat | null }> {
  return {
    name: "create",
    opcode: creation.opcode,
    path: place.shown,
    isWrite: true,
    heldBytes: heldBytesOf(creation),
    encode: (writer) =>
      creation.opcode === OPCODE.createTtl ? writeCreateTtl(writer, creation) : writeCreate(writer, creation),
    decode: (reader) => ({ path: readText(reader), stat: creation.answersStat ? readStat(reader) : null }),
  };
}

export function remove({ shown, path }: RequestPath, version: number): Request<void> {
  return {
    name: "delete",
    opcode: OPCODE.delete,
    path: shown,
    isWrite: true,
    encode: (writer) => writePathVersion(writer, { path, version }),
    decode: nothing,
  };
}

/** Null: there is no such node. */
export function exists({ shown, path }: RequestPath, onAnswer: Request<unknown>["onAnswer"]): Request<Stat | null> {
  return {
    name: "exists",
    opcode: OPCODE.exists,
    path: shown,
    isWrite: false,
    ...watching(path, onAnswer),
    decode: readStat,
    answerOf: (errorCode) => (errorCode === ERROR.noNode ? { value: null } : null),
  };
}

export function getData(
  { shown, path }: RequestPath,
  onAnswer: Request<unknown>["onAnswer"],
): Request<{ data: Uint8Array | null; stat: Stat }> {
  return {
    name: "getData",
    opcode: OPCODE.getData,
    path: shown,
    isWrite: false,
    ...watching(path, onAnswer),
    decode: (reader) => ({ data: readData(reader), stat: readStat(reader) }),
  };
}

export function getChildren({ shown, path }: RequestPath, onAnswer: Request<unknown>["onAnswer"]): Request<string[]> {
  return {
    name: "getChildren",
    opcode: OPCODE.getChildren,
    path: shown,
    isWrite: false,
    ...watching(path, onAnswer),
    decode: readNames,
  };
}

export function getChildrenWithStat(
  { shown, path }: RequestPath,
  onAnswer: Request<unknown>["onAnswer"],
): Request<{ children: string[]; stat: Stat }> {
  return {
    name: "getChildren",
    opcode: OPCODE.getChildren2,
    path: shown,
    isWrite: false,
    ...watching(path, onAnswer),
    decode: (reader) => ({ children: readNames(reader), stat: readStat(reader) }),
  };
}

function watching(path: string, onAnswer: Request<unknown>["onAnswer"]): Pick<Request<unknown>, "encode" | "onAnswer"> {
  const encode = (writer: ByteWriter) => writePathWatch(writer, { path, watch: onAnswer !== undefined });
  return onAnswer === undefined ? { encode } : { encode, onAnswer };
}

export function readNames(reader: ByteReader): string[] {
  const count = readCount(reader, 4);
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push(readName(reader));
  return names;
}

export function setData({ shown, path }: RequestPath, data: Data, version: number): Request<Stat> {
  const bytes = dataOf(data);
  return {
    name: "setData",
    opcode: OPCODE.setData,
    path: shown,
    isWrite: true,
    heldBytes: bytes?.length ?? 0,
    encode: (writer) => writeSetData(writer, { path, data: bytes, version }),
    decode: readStat,
  };
}

export function getAcl({ shown, path }: RequestPath): Request<{ acl: readonly Acl[]; stat: Stat }> {
  return {
    name: "getAcl",
    opcode: OPCODE.getAcl,
    path: shown,
    isWrite: false,
    encode: (writer) => writeString(writer, path),
    decode: (reader) => ({ acl: readAccess(reader), stat: readStat(reader) }),
  };
}

export function setAcl({ shown, path }: RequestPath, acl: readonly Acl[], version: number): Request<Stat> {
  const access = accessOf(acl);
  return {
    name: "setAcl",
    opcode: OPCODE.setAcl,
    path: shown,
    isWrite: true,
    heldBytes: heldBytesOf({ data: null, acl: access }),
    encode: (writer) => writeSetAcl(writer, { path, acl: access, version }),
    decode: readStat,
  };
}

export function sync({ shown, path }: RequestPath): Request<void> {
  return {
    name: "sync",
    opcode: OPCODE.sync,
    path: shown,
    isWrite: false,
    encode: (writer) => writeString(writer, path),
    decode: nothing,
  };
}

/** By a plain prefix of the path. */
export function getEphemerals({ shown, path }: RequestPath): Request<string[]> {
  return {
    name: "getEphemerals",
    opcode: OPCODE.getEphemerals,
    path: shown,
    isWrite: false,
    encode: (writer) => writeString(writer, path),
    decode: (reader) => readStrings(reader) ?? [],
  };
}

export function getAllChildrenNumber({ shown, path }: RequestPath): Request<number> {
  return {
    name: "getAllChildrenNumber",
    opcode: OPCODE.getAllChildrenNumber,
    path: shown,
    isWrite: false,
    encode: (writer) => writeString(writer, path),
    decode: (reader) => reader.int32(),
  };
}

export function whoAmI(): Request<Identity[]> {
  return {
    name: "whoAmI",
    opcode: OPCODE.whoAmI,
    path: null,
    isWrite: false,
    encode: nothing,
    decode(reader) {
      const count = readCount(reader, 8);
      const identities: Identity[] = [];
      for (let i = 0; i < count; i++) identities.push({ scheme: readName(reader), user: readName(reader) });
      return identities;
    },
  };
}

/** `reconfig`'s lists as the server wants them: separated by commas, null where there is none. */
export interface Reconfiguration {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
  readonly fromVersion: bigint;
}

export function reconfig(change: Reconfiguration): Request<{ data: Uint8Array | null; stat: Stat }> {
  return {
    name: "reconfig",
    opcode: OPCODE.reconfig,
    path: null,
    isWrite: true,
    encode: (writer) => writeReconfig(writer, { ...change, version: Number(change.fromVersion) }),
    decode: (reader) => ({ data: readData(reader), stat: readStat(reader) }),
  };
}

const WATCH_MODE = { persistent: 0, recursive: 1 } as const;

export function addWatch(
  { shown, path }: RequestPath,
  isRecursive: boolean,
  hooks: Pick<Request<void>, "onAnswer" | "onAbandoned">,
): Request<void> {
  return {
    name: "addWatch",
    opcode: OPCODE.addWatch,
    path: shown,
    isWrite: false,
    encode: (writer) =>
      writePathKind(writer, { path, kind: isRecursive ? WATCH_MODE.recursive : WATCH_MODE.persistent }),
    decode: nothing,
    ...hooks,
  };
}

/** Which watches of a path: one-shot ones of its children or its data, all, or the persistent ones. */
export type WatchKind = "children" | "data" | "any" | "persistent" | "persistent-recursive";

const WATCH_TYPE: Readonly<Record<WatchKind, number>> = {
  children: 1,
  data: 2,
  any: 3,
  persistent: 4,
  "persistent-recursive": 5,
};

export function removeWatches({ shown, path }: RequestPath, kind: WatchKind): Request<void> {
  return {
    name: "removeWatches",
    opcode: OPCODE.removeWatches,
    path: shown,
    isWrite: false,
    encode: (writer) => writePathKind(writer, { path, kind: WATCH_TYPE[kind] }),
    decode: nothing,
  };
}

/** Whether the server holds such a watch for this session. */
export function checkWatches({ shown, path }: RequestPath, kind: WatchKind): Request<boolean> {
  return {
    name: "checkWatches",
    opcode: OPCODE.checkWatches,
    path: shown,
    isWrite: false,
    encode: (writer) => writePathKind(writer, { path, kind: WATCH_TYPE[kind] }),
    decode: () => true,
    answerOf: (errorCode) => (errorCode === ERROR.noWatcher ? { value: false } : null),
  };
}
