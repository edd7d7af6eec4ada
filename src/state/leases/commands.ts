// The commands of the table of leases, as bytes: written once by the member that proposes them, read by `apply` alone.
//
//   model u8 (0) · operation u8 · fields

import { assert } from "../../base/assert.ts";
import type { ByteWriter } from "../../base/bytes.ts";
import type { LeaseTerms } from "./lease.ts";

export const LEASE_MODEL = 0;
export const SECRET_BYTES = 16;
/** Milliseconds: about 8,900 years, and exact as a number in a clock that adds to it. */
export const TIMEOUT_MS_MAX = 2 ** 48;

/** The operation byte. */
export const LEASE_OPERATION = { open: 1, attach: 2, close: 3, expire: 4, grant: 5 } as const;
/** What a grant has. */
export const GRANT = { clock: 1, secret: 2, owner: 4 } as const;

/** One lease that the leader heard nothing from; of an older generation it has been heard from since. */
export interface Expiry {
  readonly id: number;
  readonly generation: number;
}

/** A lease with a clock, an owner and a secret. Outcome: `lease-opened`. `secret`: 16 bytes of chance, as a one-byte string. */
export function encodeOpenLease(writer: ByteWriter, timeoutMs: number, secret: string): void {
  assert(secret.length === SECRET_BYTES, "a lease's secret has 16 bytes");
  begin(writer, LEASE_OPERATION.open);
  writer.int32(timeoutMs);
  writer.text(secret);
}

/** From feature level 1 on: a lease of any terms. Outcome: `lease-opened`. */
export function encodeGrantLease(writer: ByteWriter, { timeoutMs, secret, isOwned }: LeaseTerms): void {
  assert(secret === null || secret.length === SECRET_BYTES, "a lease's secret has 16 bytes");
  assert(timeoutMs === null || (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX), `a lease of ${timeoutMs} ms`);
  begin(writer, LEASE_OPERATION.grant);
  writer.uint8(
    (timeoutMs === null ? 0 : GRANT.clock) | (secret === null ? 0 : GRANT.secret) | (isOwned ? GRANT.owner : 0),
  );
  writer.int64(timeoutMs ?? 0);
  if (secret !== null) writer.text(secret);
}

/**
 * Outcome: `lease-attached`, now served by the member that proposes this; or `session-expired`, for an unknown id and a
 * wrong secret alike (of any length: it comes from a client).
 */
export function encodeAttachLease(writer: ByteWriter, id: number, secret: string, timeoutMs: number): void {
  begin(writer, LEASE_OPERATION.attach);
  writer.int64(id);
  writer.int32(timeoutMs);
  writer.boolean(secret.length === SECRET_BYTES);
  if (secret.length === SECRET_BYTES) writer.text(secret);
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
