// The bodies of replies, read as a client reads them. The server writes them piece by piece, straight from the state
// (see `operations`), with the same elements.

import { type ByteReader, MalformedError } from "../../../base/bytes.ts";
import type { Acl, Stat } from "../../../state/tree/types.ts";
import { readBuffer, readCount, readStrings, readText } from "./jute.ts";
import { readMultiHeader } from "./multi.ts";
import { OPCODE } from "./opcodes.ts";
import { readAcl, readStat } from "./records.ts";

/** create2, createContainer, createTTL. */
export function readCreated(reader: ByteReader): { readonly path: string; readonly stat: Stat } {
  return { path: readText(reader), stat: readStat(reader) };
}

/** getData, reconfig. */
export function readData(reader: ByteReader): { readonly data: Uint8Array | null; readonly stat: Stat } {
  return { data: readBuffer(reader), stat: readStat(reader) };
}

export function readChildren(reader: ByteReader): readonly string[] {
  return readStrings(reader) ?? [];
}

export function readChildren2(reader: ByteReader): { readonly children: readonly string[]; readonly stat: Stat } {
  return { children: readChildren(reader), stat: readStat(reader) };
}

export function readAclReply(reader: ByteReader): { readonly acl: readonly Acl[]; readonly stat: Stat } {
  return { acl: readAcl(reader) ?? [], stat: readStat(reader) };
}

/** whoAmI: who the client has proved to be. */
export function readClients(reader: ByteReader): readonly { readonly scheme: string; readonly user: string }[] {
  const count = readCount(reader, 8);
  const clients: { scheme: string; user: string }[] = [];
  for (let i = 0; i < count; i++) clients.push({ scheme: readText(reader), user: readText(reader) });
  return clients;
}

export type MultiResult =
  | { readonly kind: "created"; readonly path: string; readonly stat: Stat | null }
  | { readonly kind: "done"; readonly opcode: number }
  | { readonly kind: "updated"; readonly stat: Stat }
  | { readonly kind: "data"; readonly data: Uint8Array | null; readonly stat: Stat }
  | { readonly kind: "children"; readonly children: readonly string[] }
  | { readonly kind: "error"; readonly error: number };

export function readMultiReply(reader: ByteReader): MultiResult[] {
  const results: MultiResult[] = [];
  for (;;) {
    const { type, done } = readMultiHeader(reader);
    if (done) return results;
    results.push(readResult(reader, type));
  }
}

function readResult(reader: ByteReader, type: number): MultiResult {
  switch (type) {
    case OPCODE.create:
      return { kind: "created", path: readText(reader), stat: null };
    case OPCODE.create2:
      return { kind: "created", ...readCreated(reader) };
    case OPCODE.delete:
    case OPCODE.check:
      return { kind: "done", opcode: type };
    case OPCODE.setData:
      return { kind: "updated", stat: readStat(reader) };
    case OPCODE.getData:
      return { kind: "data", ...readData(reader) };
    case OPCODE.getChildren:
      return { kind: "children", children: readChildren(reader) };
    case OPCODE.error:
      return { kind: "error", error: reader.int32() };
    default:
      throw new MalformedError(`result ${type} in a multi`);
  }
}
