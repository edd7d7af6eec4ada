// Requests as one line each: `client.call(...create("/a"))`.

import type { ByteWriter } from "../../../../src/base/bytes.ts";
import { bytesOf, toByteString } from "../../../../src/base/text.ts";
import { writeBuffer, writeString } from "../../../../src/protocols/zookeeper/codec/jute.ts";
import { type MultiRequest, writeMulti } from "../../../../src/protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../../../src/protocols/zookeeper/codec/opcodes.ts";
import { OPEN_ACL } from "../../../../src/protocols/zookeeper/codec/records.ts";
import * as requests from "../../../../src/protocols/zookeeper/codec/requests.ts";
import type { Acl } from "../../../../src/state/tree/types.ts";

export type Request = readonly [opcode: number, encode: (writer: ByteWriter) => void, xid?: number];

export const text = (value: string): Uint8Array => bytesOf(toByteString(value));

interface CreateOptions {
  readonly data?: Uint8Array | null;
  readonly acl?: readonly Acl[] | null;
  readonly flags?: number;
  readonly opcode?: number;
}

export function create(
  path: string,
  { data = text("x"), acl = OPEN_ACL, flags = 0, opcode }: CreateOptions = {},
): Request {
  return [opcode ?? OPCODE.create, (w) => requests.writeCreate(w, { path, data, acl, flags })];
}

export function createTtl(path: string, flags: number, ttl: number): Request {
  return [OPCODE.createTtl, (w) => requests.writeCreateTtl(w, { path, data: text("x"), acl: OPEN_ACL, flags, ttl })];
}

export function remove(path: string, version = -1): Request {
  return [OPCODE.delete, (w) => requests.writePathVersion(w, { path, version })];
}

export function setData(path: string, data: Uint8Array | null = text("y"), version = -1): Request {
  return [OPCODE.setData, (w) => requests.writeSetData(w, { path, data, version })];
}

export function setAcl(path: string, acl: readonly Acl[], version = -1): Request {
  return [OPCODE.setAcl, (w) => requests.writeSetAcl(w, { path, acl, version })];
}

function reading(opcode: number): (path: string, watch?: boolean) => Request {
  return (path, watch = false) => [opcode, (w) => requests.writePathWatch(w, { path, watch })];
}

export const exists = reading(OPCODE.exists);
export const getData = reading(OPCODE.getData);
export const getChildren = reading(OPCODE.getChildren);
export const getChildren2 = reading(OPCODE.getChildren2);

function ofPath(opcode: number): (path: string) => Request {
  return (path) => [opcode, (w) => writeString(w, path)];
}

export const getAcl = ofPath(OPCODE.getAcl);
export const sync = ofPath(OPCODE.sync);
export const getEphemerals = ofPath(OPCODE.getEphemerals);
export const getAllChildrenNumber = ofPath(OPCODE.getAllChildrenNumber);

function ofKind(opcode: number): (path: string, kind: number) => Request {
  return (path, kind) => [opcode, (w) => requests.writePathKind(w, { path, kind })];
}

export const addWatch = ofKind(OPCODE.addWatch);
export const checkWatches = ofKind(OPCODE.checkWatches);
export const removeWatches = ofKind(OPCODE.removeWatches);

export function multi(...operations: MultiRequest[]): Request {
  return [OPCODE.multi, (w) => writeMulti(w, operations)];
}

export function multiRead(...operations: MultiRequest[]): Request {
  return [OPCODE.multiRead, (w) => writeMulti(w, operations)];
}

export const inMulti = {
  create: (path: string, flags = 0, opcode: 1 | 15 | 19 = OPCODE.create): MultiRequest => {
    return { kind: "create", opcode, request: { path, data: text("m"), acl: OPEN_ACL, flags } };
  },
  remove: (path: string, version = -1): MultiRequest => {
    return { kind: "delete", opcode: OPCODE.delete, request: { path, version } };
  },
  setData: (path: string, version = -1): MultiRequest => {
    return { kind: "set-data", opcode: OPCODE.setData, request: { path, data: text("s"), version } };
  },
  check: (path: string, version = -1): MultiRequest => {
    return { kind: "check", opcode: OPCODE.check, request: { path, version } };
  },
  getData: (path: string): MultiRequest => {
    return { kind: "read", opcode: OPCODE.getData, request: { path, watch: false } };
  },
  getChildren: (path: string): MultiRequest => {
    return { kind: "read", opcode: OPCODE.getChildren, request: { path, watch: false } };
  },
};

const NO_WATCHES = { relativeZxid: 0, data: [], exist: [], child: [], persistent: [], recursive: [] };

export function setWatches(watches: Partial<requests.SetWatchesRequest>): Request {
  return [OPCODE.setWatches, (w) => requests.writeSetWatches(w, { ...NO_WATCHES, ...watches }, false), -8];
}

export function setWatches2(watches: Partial<requests.SetWatchesRequest>): Request {
  return [OPCODE.setWatches2, (w) => requests.writeSetWatches(w, { ...NO_WATCHES, ...watches }, true), -8];
}

export function auth(scheme: string, secret: string): Request {
  return [OPCODE.auth, (w) => requests.writeAuth(w, { scheme, auth: text(secret) }), -4];
}

export function sasl(token: Uint8Array): Request {
  return [OPCODE.sasl, (w) => writeBuffer(w, token)];
}

export function reconfig(request: Partial<requests.ReconfigRequest>): Request {
  const whole = { joining: null, leaving: null, newMembers: null, version: -1, ...request };
  return [OPCODE.reconfig, (w) => requests.writeReconfig(w, whole)];
}

export const whoAmI: Request = [OPCODE.whoAmI, () => {}];
export const ping: Request = [OPCODE.ping, () => {}, -2];
export const closeSession: Request = [OPCODE.closeSession, () => {}];
