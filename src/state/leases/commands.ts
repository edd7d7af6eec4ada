// The commands of the lease table, as bytes: written once by the member that proposes them, read by `apply` alone.
//
//   model u8 (0) · operation u8 · fields
//
// A lease is a client's session: its id, how long it lives unheard, and the password that proves it elsewhere.

import { assert } from "../../base/assert.ts";
import type { ByteWriter } from "../../base/bytes.ts";

export const LEASE_MODEL = 0;
export const PASSWORD_BYTES = 16;

/** The operation byte. */
export const LEASE_OPERATION = { open: 1, attach: 2, close: 3, expire: 4 } as const;

/** One lease that the leader heard nothing from; of an older generation it has been heard from since. */
export interface Expiry {
  readonly id: number;
  readonly generation: number;
}

/** Outcome: `lease-opened`. `password`: 16 bytes of chance, as a one-byte string. */
export function encodeOpenLease(writer: ByteWriter, timeoutMs: number, password: string): void {
  assert(password.length === PASSWORD_BYTES, "a lease's password has 16 bytes");
  begin(writer, LEASE_OPERATION.open);
  writer.int32(timeoutMs);
  writer.text(password);
}

/**
 * Outcome: `lease-attached`, now served by the member that proposes this; or `session-expired`, for an unknown id and a
 * wrong password alike (of any length: it comes from a client).
 */
export function encodeAttachLease(writer: ByteWriter, id: number, password: string, timeoutMs: number): void {
  begin(writer, LEASE_OPERATION.attach);
  writer.int64(id);
  writer.int32(timeoutMs);
  writer.boolean(password.length === PASSWORD_BYTES);
  if (password.length === PASSWORD_BYTES) writer.text(password);
}

/** Outcome: `done`; `session-expired`; `session-moved` when another member serves it by now. */
export function encodeCloseLease(writer: ByteWriter, id: number): void {
  begin(writer, LEASE_OPERATION.close);
  writer.int64(id);
}

/** Outcome: `done`. Leases that were attached again since (another generation) are left alone. */
export function encodeExpireLeases(writer: ByteWriter, entries: readonly Expiry[]): void {
  begin(writer, LEASE_OPERATION.expire);
  writer.int32(entries.length);
  for (const { id, generation } of entries) {
    writer.int64(id);
    writer.int32(generation);
  }
}

function begin(writer: ByteWriter, operation: number): void {
  writer.uint8(LEASE_MODEL);
  writer.uint8(operation);
}
