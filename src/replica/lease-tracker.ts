// The lifetime of leases, on every member: who leads keeps their clock and proposes their end; the others pass on whom
// they heard from. Time passes only by ticks of a member that hears from a quorum and whose disk keeps up.

import type { Machine } from "../state/machine.ts";
import { ExpiryQueue } from "./expiry-queue.ts";

/** Renewals gathered this long travel to the leader together; small against the shortest timeout. */
const PASS_ON_MS = 200;
/** At most this many leases end by one command, so that it stays small. */
const EXPIRE_MAX = 1000;

export interface Expiry {
  readonly id: number;
  readonly generation: number;
}

export class LeaseTracker {
  readonly #machine: Machine;
  readonly #clock: ExpiryQueue;
  #leads = false;
  #renewed = new Set<number>();
  #sincePassedOn = 0;

  /** `stepMaxMs`: no call of `advance` lets more time pass. */
  constructor(machine: Machine, stepMaxMs: number) {
    this.#machine = machine;
    this.#clock = new ExpiryQueue(stepMaxMs);
  }

  becomeLeader(): void {
    this.#leads = true;
    this.#clock.clear();
    for (const lease of this.#machine.leases) this.#clock.renew(lease.id, lease.timeoutMs);
    for (const lease of this.#renewed) this.renew(lease);
    this.#renewed.clear();
  }

  stepDown(): void {
    this.#leads = false;
    this.#clock.clear();
  }

  /** A lease was opened, or moved to another member: its full time begins. */
  begin(lease: number): void {
    if (this.#leads) this.renew(lease);
  }

  /** The client of this lease was heard from, here or (on the leader) by another member. */
  renew(lease: number): void {
    if (!this.#leads) {
      this.#renewed.add(lease);
      return;
    }
    const known = this.#machine.lease(lease);
    if (known !== undefined) this.#clock.renew(lease, known.timeoutMs);
  }

  forget(lease: number): void {
    this.#clock.forget(lease);
    this.#renewed.delete(lease);
  }

  /** Leases heard from since the last call, to be told to the leader; empty while it is too early, or on the leader. */
  takeRenewed(elapsedMs: number): ReadonlySet<number> | null {
    this.#sincePassedOn += elapsedMs;
    if (this.#leads || this.#renewed.size === 0 || this.#sincePassedOn < PASS_ON_MS) return null;
    const renewed = this.#renewed;
    this.#renewed = new Set();
    this.#sincePassedOn = 0;
    return renewed;
  }

  /** On the leader, lets `milliseconds` pass: the leases to be ended, as they are now. */
  advance(milliseconds: number): readonly Expiry[] {
    if (!this.#leads) return [];
    const expired: Expiry[] = [];
    for (const id of this.#clock.advance(milliseconds)) {
      const lease = this.#machine.lease(id);
      if (lease === undefined) this.#clock.forget(id);
      else if (expired.length < EXPIRE_MAX) expired.push({ id, generation: lease.generation });
    }
    return expired;
  }
}
