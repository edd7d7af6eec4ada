// The operations that change one node. `state/tree` checks them when they are applied, in ZooKeeper's order. Here only requests
// that no command can express are refused.

import type { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import { encodeCloseLease } from "../../../state/leases/commands.ts";
import {
  CREATE_MODE,
  type CreateFields,
  encodeCreate,
  encodeDelete,
  encodeReconfig,
  encodeSetAcl,
  encodeSetData,
} from "../../../state/tree/commands.ts";
import { CONFIG_PATH } from "../../../state/tree/tree.ts";
import type { Acl } from "../../../state/tree/types.ts";
import { writeString } from "../codec/jute.ts";
import { OPCODE } from "../codec/opcodes.ts";
import { writeStat } from "../codec/records.ts";
import {
  readCreate,
  readCreateTtl,
  readPathVersion,
  readReconfig,
  readSetAcl,
  readSetData,
} from "../codec/requests.ts";
import { ERROR } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import { type Client, errorOf, type Note, type WriteOperation } from "./operation.ts";
import { type Refusal, refusedCreate, refusedReconfig, refusedSetAcl, refusedSetData } from "./refusals.ts";

const NO_ACL: readonly Acl[] = [];
/** Turned down as bad arguments. */
export const NO_MODE = -1;

/** The mode of a plain create: ZooKeeper takes the container flag here for nothing at all. */
function modeOfCreate(flags: number): number {
  return flags === CREATE_MODE.container ? CREATE_MODE.persistent : flags;
}

export function isMode(flags: number): boolean {
  return flags >= CREATE_MODE.persistent && flags <= CREATE_MODE.ttlSequential;
}

export function isTtlMode(mode: number): boolean {
  return mode === CREATE_MODE.ttl || mode === CREATE_MODE.ttlSequential;
}

function proposeCreate(client: Client, reader: ByteReader): Note | Refusal {
  const { path, data, acl, flags } = readCreate(reader);
  return proposeNode(client, { path, data, acl: acl ?? NO_ACL, mode: modeOfCreate(flags) });
}

function proposeCreateContainer(client: Client, reader: ByteReader): Note | Refusal {
  const { path, data, acl, flags } = readCreate(reader);
  const mode = isMode(flags) && !isTtlMode(flags) ? CREATE_MODE.container : flags; // what is wrong is turned down
  return proposeNode(client, { path, data, acl: acl ?? NO_ACL, mode });
}

function proposeCreateTtl(client: Client, reader: ByteReader): Note | Refusal {
  const { path, data, acl, flags, ttl } = readCreateTtl(reader);
  const mode = isTtlMode(flags) ? flags : NO_MODE;
  return proposeNode(client, { path, data, acl: acl ?? NO_ACL, mode, ttl });
}

function proposeNode(client: Client, fields: CreateFields): Note | Refusal {
  const refusal = refusedCreate(fields.path, fields.data, fields.acl);
  if (refusal === null) encodeCreate(client.member.begin(), client.sessionId, client.credentials, fields);
  return refusal;
}

function replyPath(out: ByteWriter, outcome: Outcome): number {
  if (outcome.kind !== "created") return errorOf(outcome);
  writeString(out, outcome.path);
  return ERROR.ok;
}

function replyPathAndStat(out: ByteWriter, outcome: Outcome): number {
  if (outcome.kind !== "created") return errorOf(outcome);
  writeString(out, outcome.path);
  writeStat(out, outcome.stat);
  return ERROR.ok;
}

function replyStat(out: ByteWriter, outcome: Outcome): number {
  if (outcome.kind !== "updated") return errorOf(outcome);
  writeStat(out, outcome.stat);
  return ERROR.ok;
}

function replyNothing(_out: ByteWriter, outcome: Outcome): number {
  return outcome.kind === "done" ? ERROR.ok : errorOf(outcome);
}

export const create: WriteOperation = {
  kind: "write",
  opcode: OPCODE.create,
  name: "create",
  abbreviation: "CREA",
  propose: proposeCreate,
  reply: replyPath,
};

export const create2: WriteOperation = {
  kind: "write",
  opcode: OPCODE.create2,
  name: "create2",
  abbreviation: "CREA",
  propose: proposeCreate,
  reply: replyPathAndStat,
};

export const createContainer: WriteOperation = {
  kind: "write",
  opcode: OPCODE.createContainer,
  name: "createContainer",
  abbreviation: "CREA",
  propose: proposeCreateContainer,
  reply: replyPathAndStat,
};

export const createTtl: WriteOperation = {
  kind: "write",
  opcode: OPCODE.createTtl,
  name: "createTTL",
  abbreviation: "CREA",
  propose: proposeCreateTtl,
  reply: replyPathAndStat,
};

export const remove: WriteOperation = {
  kind: "write",
  opcode: OPCODE.delete,
  name: "delete",
  abbreviation: "DELE",
  propose(client, reader) {
    const { path, version } = readPathVersion(reader);
    encodeDelete(client.member.begin(), client.sessionId, client.credentials, path, version);
    return null;
  },
  reply: replyNothing,
};

export const setData: WriteOperation = {
  kind: "write",
  opcode: OPCODE.setData,
  name: "setData",
  abbreviation: "SETD",
  propose(client, reader) {
    const { path, data, version } = readSetData(reader);
    const refusal = refusedSetData(path, data);
    if (refusal === null)
      encodeSetData(client.member.begin(), client.sessionId, client.credentials, path, data, version);
    return refusal;
  },
  reply: replyStat,
};

export const setAcl: WriteOperation = {
  kind: "write",
  opcode: OPCODE.setAcl,
  name: "setACL",
  abbreviation: "SETA",
  propose(client, reader) {
    const { path, acl, version } = readSetAcl(reader);
    const list = acl ?? NO_ACL;
    const refusal = refusedSetAcl(list);
    if (refusal === null)
      encodeSetAcl(client.member.begin(), client.sessionId, client.credentials, path, list, version);
    return refusal;
  },
  reply: replyStat,
};

/** Answered only when the new configuration is in force; until then what follows in its session waits. */
export const reconfig: WriteOperation = {
  kind: "write",
  holdsWrites: true,
  opcode: OPCODE.reconfig,
  name: "reconfig",
  abbreviation: "RECO",
  propose(client, reader) {
    const fields = readReconfig(reader);
    const refusal = refusedReconfig(fields);
    if (refusal === null) encodeReconfig(client.member.begin(), client.sessionId, client.credentials, fields);
    return refusal;
  },
  reply(out, outcome, _note, client) {
    if (outcome.kind !== "updated") return errorOf(outcome);
    writeString(out, client.tree.node(CONFIG_PATH)?.data ?? null);
    writeStat(out, outcome.stat);
    return ERROR.ok;
  },
};

export const closeSession: WriteOperation = {
  kind: "write",
  opcode: OPCODE.closeSession,
  name: "closeSession",
  abbreviation: "CLOS",
  model: "leases",
  ends: true,
  propose(client) {
    encodeCloseLease(client.member.begin(), client.sessionId);
    return null;
  },
  reply: replyNothing,
};
