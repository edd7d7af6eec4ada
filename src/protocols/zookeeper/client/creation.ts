// A new node as it goes over the wire, and versions to compare with; checked before they are sent.

import { OPCODE } from "../codec/opcodes.ts";
import { badArguments } from "./errors.ts";
import { accessOf, dataOf } from "./records.ts";
import type { RequestPath } from "./request.ts";
import type { Acl, CreateMode, Data, Lifetime } from "./types.ts";

const FLAGS: Readonly<Record<CreateMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  "persistent-sequential": 2,
  "ephemeral-sequential": 3,
  container: 4,
  "persistent-with-ttl": 5,
  "persistent-sequential-with-ttl": 6,
};

export const ANY_VERSION = -1;
/** ZooKeeper keeps 40 bits for it. */
const TTL_MS_MAX = 2 ** 40 - 1;

/** A version to compare with; −1 is any. Throws for an impossible one. */
export function versionOf(version: number, operation: string, { shown }: RequestPath): number {
  if (Number.isInteger(version) && version === (version | 0)) return version;
  throw badArguments(operation, shown, `a version is a whole number of 32 bits, not ${version}`);
}

/** A new node as it goes over the wire, alone or in a multi. */
export interface Creation {
  readonly opcode:
    | typeof OPCODE.create
    | typeof OPCODE.create2
    | typeof OPCODE.createContainer
    | typeof OPCODE.createTtl;
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: ReturnType<typeof accessOf>;
  readonly flags: number;
  readonly ttl: number;
  /** Containers and nodes with a TTL answer with a stat, asked or not. */
  readonly answersStat: boolean;
}

export function creationOf(
  { shown, path }: RequestPath,
  data: Data,
  acl: readonly Acl[],
  lifetime: Lifetime,
  withStat: boolean,
): Creation {
  const mode = lifetime.mode ?? "persistent";
  const flags = FLAGS[mode];
  if (flags === undefined) throw badArguments("create", shown, `"${String(mode)}" is no mode of a node`);
  const ttl = "ttlMs" in lifetime ? lifetime.ttlMs : 0;
  const hasTtl = flags >= FLAGS["persistent-with-ttl"];
  if (hasTtl !== "ttlMs" in lifetime) throw badArguments("create", shown, "a TTL belongs to the modes with a TTL");
  if (hasTtl && !(Number.isInteger(ttl) && ttl > 0 && ttl <= TTL_MS_MAX)) {
    throw badArguments("create", shown, `a TTL is 1 to ${TTL_MS_MAX} ms, not ${ttl}`);
  }
  const answersStat = withStat || hasTtl || mode === "container";
  const plain = withStat ? OPCODE.create2 : OPCODE.create;
  const opcode = hasTtl ? OPCODE.createTtl : mode === "container" ? OPCODE.createContainer : plain;
  return { opcode, path, data: dataOf(data), acl: accessOf(acl), flags, ttl, answersStat };
}

export function heldBytesOf({ data, acl }: Pick<Creation, "data" | "acl">): number {
  return acl.reduce((sum, { scheme, id }) => sum + scheme.length + id.length, data?.length ?? 0);
}
