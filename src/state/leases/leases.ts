// The table of leases: sessions now, other protocols' too. What is in it is alive; when one ends is decided by the
// leader's clock and comes as a command. A lease never changes, it is replaced: whoever holds one holds a consistent view.

import type { ByteReader } from "../../base/bytes.ts";
import { equalsSecretly } from "../../base/text.ts";
import { rejected } from "../outcomes.ts";
import type { Outcome } from "../types.ts";
import { PASSWORD_BYTES } from "./commands.ts";

export interface Lease {
  /** The low byte of the member × 2⁴⁵ + the revision that opened it: unique for ever, and exact as a number. */
  readonly id: number;
  readonly timeoutMs: number;
  /** 16 bytes as a one-byte string. */
  readonly password: string;
  /** Who serves it: a member, and which run of it. */
  readonly member: number;
  readonly run: number;
  /** How often it was attached to a member; an expiry decided before the last time is void. */
  readonly generation: number;
}

const MEMBER_SHIFT = 2 ** 45;
/** A Map ends at 2²⁴ entries with an exception; long before, no more leases are given. */
export const LEASES_MAX = 2 ** 23;

export class Leases {
  readonly #byId = new Map<number, Lease>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): Lease | undefined {
    return this.#byId.get(id);
  }

  [Symbol.iterator](): Iterator<Lease> & Iterable<Lease> {
    return this.#byId.values();
  }

  onOpen(reader: ByteReader, revision: number, member: number, run: number): Outcome {
    const timeoutMs = reader.int32();
    const password = reader.text(PASSWORD_BYTES);
    if (this.#byId.size >= LEASES_MAX) return rejected("session-expired");
    const id = (member % 256) * MEMBER_SHIFT + revision;
    this.#byId.set(id, { id, timeoutMs, password, member, run, generation: 0 });
    return { kind: "lease-opened", id, timeoutMs };
  }

  onAttach(reader: ByteReader, member: number, run: number): Outcome {
    const id = reader.int64();
    const timeoutMs = reader.int32();
    const password = reader.boolean() ? reader.text(PASSWORD_BYTES) : null;
    const lease = this.#byId.get(id);
    if (lease === undefined || password === null || !equalsSecretly(lease.password, password))
      return rejected("session-expired");
    this.#byId.set(id, { ...lease, timeoutMs, member, run, generation: (lease.generation + 1) | 0 });
    return { kind: "lease-attached", id, timeoutMs };
  }

  /** Whether the lease lives and is served by this run of this member; if not, why not. */
  refusal(id: number, member: number, run: number): "session-expired" | "session-moved" | null {
    const lease = this.#byId.get(id);
    if (lease === undefined) return "session-expired";
    return lease.member === member && lease.run === run ? null : "session-moved";
  }

  end(id: number): void {
    this.#byId.delete(id);
  }

  restore(lease: Lease): void {
    this.#byId.set(lease.id, lease);
  }

  clear(): void {
    this.#byId.clear();
  }
}
