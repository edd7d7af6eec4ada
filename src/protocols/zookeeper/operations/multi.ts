// Several operations in one request. A multi applies all of its changes or none. The reads of a multiRead succeed or fail one
// by one.

import { type ByteWriter, MalformedError } from "../../../base/bytes.ts";
import { CREATE_MODE, encodeMulti, type MultiOperation } from "../../../state/tree/commands.ts";
import type { Acl } from "../../../state/tree/types.ts";
import { writeString } from "../codec/jute.ts";
import { type MultiRequest, readMulti, readMultiHeader, writeMultiEnd, writeMultiHeader } from "../codec/multi.ts";
import { OPCODE } from "../codec/opcodes.ts";
import { writeStat } from "../codec/records.ts";
import { readPathWatch } from "../codec/requests.ts";
import { ERROR, REJECTION_TO_WIRE } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import { errorOf, type Note, type ReadOperation, type WriteOperation } from "./operation.ts";
import { writeChildren, writeData } from "./reads.ts";
import { refusedMulti } from "./refusals.ts";
import { isMode, isTtlMode, NO_MODE } from "./writes.ts";

const NO_ACL: readonly Acl[] = [];

export const multi: WriteOperation = {
  kind: "write",
  opcode: OPCODE.multi,
  name: "multi",
  abbreviation: "MULT",
  propose(client, reader) {
    const requests = readMulti(reader);
    const operations = requests.map(operationOf);
    const refusal = refusedMulti(operations);
    if (refusal !== null) return refusal;
    const answers = Uint8Array.from(requests, answerOf);
    encodeMulti(client.member.begin(), client.sessionId, client.credentials, operations);
    return answers;
  },
  reply(out, outcome, note) {
    if (outcome.kind === "multi") writeResults(out, outcome.results, note);
    else if (outcome.kind === "multi-rejected") writeErrors(out, outcome);
    else return errorOf(outcome);
    return ERROR.ok; // that nothing was applied is said in the results, never in the header
  },
};

function operationOf(one: MultiRequest): MultiOperation {
  switch (one.kind) {
    case "create": {
      const { path, data, acl, flags } = one.request;
      if (!isMode(flags)) throw new MalformedError(`create flags ${flags}`);
      if (isTtlMode(flags)) throw new MalformedError("a TTL mode without its TTL");
      const mode = one.opcode === OPCODE.createContainer ? CREATE_MODE.container : flags;
      return { kind: "create", path, data, acl: acl ?? NO_ACL, mode };
    }
    case "create-ttl": {
      const { path, data, acl, flags, ttl } = one.request;
      const fields = { path, data, acl: acl ?? NO_ACL };
      if (isTtlMode(flags)) return { kind: "create", ...fields, mode: flags, ttl };
      return { kind: "create", ...fields, mode: isMode(flags) ? flags : NO_MODE };
    }
    case "delete":
      return { kind: "delete", ...one.request };
    case "set-data":
      return { kind: "set-data", ...one.request };
    case "check":
      return { kind: "check", ...one.request };
    case "read":
      throw new MalformedError("a read among the changes of a multi");
  }
}

/** The opcode of its result: containers and TTL nodes answer as create2 does. */
function answerOf(one: MultiRequest): number {
  switch (one.kind) {
    case "create":
      if (one.opcode !== OPCODE.create) return OPCODE.create2;
      return one.request.flags === CREATE_MODE.container ? OPCODE.create2 : OPCODE.create;
    case "create-ttl":
      return isTtlMode(one.request.flags) || one.request.flags === CREATE_MODE.container
        ? OPCODE.create2
        : OPCODE.create;
    default:
      return one.opcode;
  }
}

function writeResults(out: ByteWriter, results: readonly Outcome[], answers: Note): void {
  for (let i = 0; i < results.length; i++) {
    const result = results[i]!;
    const answer = answers?.[i] ?? OPCODE.error;
    writeMultiHeader(out, answer, ERROR.ok);
    if (result.kind === "created") {
      writeString(out, result.path);
      if (answer === OPCODE.create2) writeStat(out, result.stat);
    } else if (result.kind === "updated") {
      writeStat(out, result.stat);
    }
  }
  writeMultiEnd(out);
}

function writeErrors(out: ByteWriter, outcome: Outcome & { kind: "multi-rejected" }): void {
  for (let i = 0; i < outcome.count; i++) {
    if (i < outcome.failed) writeError(out, ERROR.ok);
    else writeError(out, i === outcome.failed ? REJECTION_TO_WIRE[outcome.code] : ERROR.runtimeInconsistency);
  }
  writeMultiEnd(out);
}

function writeError(out: ByteWriter, error: number): void {
  writeMultiHeader(out, OPCODE.error, error);
  out.int32(error);
}

export const multiRead: ReadOperation = {
  kind: "read",
  opcode: OPCODE.multiRead,
  name: "multiRead",
  abbreviation: "MLTR",
  expectedBytes: ({ multiReadBytesMax }) => multiReadBytesMax,
  run(client, reader, out) {
    const end = out.length + client.multiReadBytesMax;
    let isFull = false;
    for (;;) {
      const { type, done } = readMultiHeader(reader);
      if (done) break;
      if (type !== OPCODE.getData && type !== OPCODE.getChildren) {
        throw new MalformedError(`operation ${type} has no place in a multiRead`);
      }
      const mark = out.length;
      if (isFull) {
        readPathWatch(reader);
        writeError(out, ERROR.marshallingError);
        continue;
      }
      writeMultiHeader(out, type, ERROR.ok);
      const write = type === OPCODE.getData ? writeData : writeChildren;
      let error = write(client, reader, out, false);
      if (out.length > end) {
        isFull = true; // what is left can be asked for in another request
        error = ERROR.marshallingError;
      }
      if (error === ERROR.ok) continue;
      out.length = mark;
      writeError(out, error);
    }
    writeMultiEnd(out);
    return ERROR.ok;
  },
};
