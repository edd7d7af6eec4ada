// The duty of ending leases that ran out. Each is proposed once a term, however long that takes to be committed.

import { encodeExpireLeases } from "../../state/leases/commands.ts";
import type { LeaseTracker } from "../lease-tracker.ts";
import type { ReplicaStats } from "../replica-stats.ts";
import type { Encode, LeaderDuty } from "./duty.ts";

export class LeaseExpiry implements LeaderDuty {
  readonly name = "lease expiry";
  readonly #leases: LeaseTracker;
  readonly #stats: ReplicaStats;

  constructor(leases: LeaseTracker, stats: ReplicaStats) {
    this.#leases = leases;
    this.#stats = stats;
  }

  due(): readonly Encode[] {
    const expired = this.#leases.takeExpired();
    if (expired.length === 0) return NOTHING;
    this.#stats.sessionsExpired += expired.length;
    return [(writer) => encodeExpireLeases(writer, expired)];
  }

  reset(): void {} // the tracker begins anew with each term
}

const NOTHING: readonly Encode[] = [];
