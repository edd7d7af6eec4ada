// A lease: what ends unless it is renewed. Sessions of ZooKeeper and Consul, and leases of etcd, are each backed by one.

/** A run of a member's process. */
export interface Owner {
  readonly member: number;
  readonly run: number;
}

/** What a lease is given with. */
export interface LeaseTerms {
  /** How long it lives unheard, in milliseconds; null: it has no clock, and ends by a command alone. */
  readonly timeoutMs: number | null;
  /** 16 bytes as a one-byte string, which prove it to another member; null: it is never attached. */
  readonly secret: string | null;
  /** Whether it is served by the run that proposed it, and by that one alone. */
  readonly isOwned: boolean;
}

/**
 * Never changes, is replaced: whoever holds one holds a consistent view. Invariant: it is in the table exactly while it
 * lives; its id is never given again.
 */
export interface Lease {
  /** The low byte of the member × 2⁴⁵ + the sequence of the command that opened it: 53 bits, exact as a number. */
  readonly id: number;
  readonly timeoutMs: number | null;
  readonly secret: string | null;
  /** Who serves it; null: any member. */
  readonly owner: Owner | null;
  /** How often it was attached to a member; an expiry decided before the last time is void. */
  readonly generation: number;
}

type LeaseRejection = "session-expired" | "session-moved" | "bad-arguments" | "feature-level";

export type LeaseOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "lease-opened"; readonly id: number; readonly timeoutMs: number | null }
  | { readonly kind: "lease-attached"; readonly id: number; readonly timeoutMs: number | null }
  | { readonly kind: "rejected"; readonly code: LeaseRejection };
