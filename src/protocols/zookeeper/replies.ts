// Replies as frames: what an operation writes, behind its length and header.

import { type ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { REPLY_HEAD_BYTES, replyZxid, setReplyZxid, writeReplyHead } from "./codec/records.ts";
import { ERROR } from "./errors.ts";
import type { BarrierOperation, Client, ReadOperation } from "./operations/operation.ts";

/** A reply that is known at once. */
export interface Answer {
  readonly error: number;
  readonly body: Uint8Array | null;
  /** The connection ends after it. */
  readonly ends: boolean;
}

/** Carries an operation out; its body is in `out`. Returns its error; a request that cannot be read is one. */
export function resultOf(
  operation: ReadOperation | BarrierOperation,
  client: Client,
  reader: ByteReader,
  out: ByteWriter,
): number {
  try {
    return operation.run(client, reader, out);
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    return ERROR.marshallingError;
  }
}

/** Carries an operation out and writes its whole reply. Returns how many bytes it wrote, those taken back included. */
export function writeReply(
  out: ByteWriter,
  operation: ReadOperation | BarrierOperation,
  client: Client,
  xid: number,
  reader: ByteReader,
): number {
  const mark = out.reserve(REPLY_HEAD_BYTES);
  const error = resultOf(operation, client, reader, out);
  const written = out.length - mark;
  if (error !== ERROR.ok) out.length = mark + REPLY_HEAD_BYTES;
  writeReplyHead(out, mark, xid, client.machine.sequence, error);
  return written;
}

export function encodedAnswer(xid: number, zxid: number, { error, body }: Answer): Uint8Array {
  const frame = new ByteWriter(REPLY_HEAD_BYTES + (body?.length ?? 0));
  const mark = frame.reserve(REPLY_HEAD_BYTES);
  if (body !== null) frame.raw(body);
  writeReplyHead(frame, mark, xid, zxid, error);
  return frame.view();
}

/** A reply that was encoded before its turn tells no older revision than those that went out before it. */
export function asOf(frame: Uint8Array, revision: number): Uint8Array {
  if (replyZxid(frame) > 0) setReplyZxid(frame, revision);
  return frame;
}
