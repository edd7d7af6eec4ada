// The requests with which the client keeps its session: watches set again, proofs of identity, pings, the end.

import { toByteString } from "../../../base/text.ts";
import { readBuffer, writeBuffer, writeStrings } from "../codec/jute.ts";
import { OPCODE } from "../codec/opcodes.ts";
import { XID } from "../codec/records.ts";
import { writeAuth } from "../codec/requests.ts";
import { dataOf } from "./records.ts";
import { nothing, type Request } from "./request.ts";
import type { WatchedPaths } from "./watches.ts";

/** After a reconnection: the server reports what changed since `lastZxid`, and watches the rest again. */
export function setWatches(lastZxid: bigint, paths: WatchedPaths): Request<void> {
  const isSecond = paths.persistent.length > 0 || paths.recursive.length > 0; // unknown to servers before 3.6
  return {
    name: "setWatches",
    opcode: isSecond ? OPCODE.setWatches2 : OPCODE.setWatches,
    path: null,
    isWrite: false,
    xid: XID.setWatches,
    encode(writer) {
      writer.bigint64(lastZxid);
      for (const list of [paths.data, paths.exist, paths.child]) writeStrings(writer, list);
      if (isSecond) for (const list of [paths.persistent, paths.recursive]) writeStrings(writer, list);
    },
    decode: nothing,
  };
}

/** A proof of identity: `digest` with `user:password`, or what else the servers know. */
export interface Credential {
  readonly scheme: string;
  readonly auth: Uint8Array | string;
}

export function auth({ scheme, auth }: Credential): Request<void> {
  return {
    name: `auth ${scheme}`,
    opcode: OPCODE.auth,
    path: null,
    isWrite: false,
    xid: XID.auth,
    heldBytes: auth.length,
    encode: (writer) => writeAuth(writer, { scheme: toByteString(scheme), auth: dataOf(auth) }),
    decode: nothing,
  };
}

/** One step of a SASL exchange; null: the server has nothing to say, for it has no SASL. */
export function sasl(token: Uint8Array): Request<Uint8Array | null> {
  return {
    name: "sasl",
    opcode: OPCODE.sasl,
    path: null,
    isWrite: false,
    encode: (writer) => writeBuffer(writer, token),
    decode(reader) {
      const answer = readBuffer(reader);
      return answer === null ? null : new Uint8Array(answer);
    },
  };
}

export function ping(): Request<void> {
  return {
    name: "ping",
    opcode: OPCODE.ping,
    path: null,
    isWrite: false,
    isConfirmedByLeader: true,
    xid: XID.ping,
    encode: nothing,
    decode: nothing,
  };
}

export function closeSession(): Request<void> {
  return {
    name: "closeSession",
    opcode: OPCODE.closeSession,
    path: null,
    isWrite: true,
    encode: nothing,
    decode: nothing,
  };
}
