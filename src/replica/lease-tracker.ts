// The lifetime of leases, on every member. The leader keeps their deadlines and proposes their end; the other members tell
// it which clients they heard from. Time passes only by ticks of a member that hears a quorum and whose disk keeps up.

import { assert } from "../base/assert.ts";
import type { Expiry } from "../state/leases/commands.ts";
import type { Lease } from "../state/leases/lease.ts";
import { Leases } from "../state/leases/leases.ts";
import type { Machine } from "../state/machine.ts";
import { ExpiryQueue } from "./expiry-queue.ts";

/** Renewals gathered this long travel to the leader together; small against the shortest timeout. */
const PASS_ON_MS = 200;
/** At most this many leases end by one command, so that it stays small. */
const EXPIRE_MAX = 1000;

export class LeaseTracker {
  readonly #leases: Leases;
  readonly #clock: ExpiryQueue;
  readonly #stepMaxMs: number;
  #leads = false;
  #renewed = new Set<number>();
  #sincePassedOn = 0;
  /** Leases that ran out at the latest step of time and that nobody has taken. */
  #expired: readonly number[] = [];
  /** The generation of each lease whose end was taken in this term, and may not have been applied yet. */
  readonly #ending = new Map<number, number>();

  /** `stepMaxMs`: no call of `advance` lets more time pass. */
  constructor(machine: Machine, stepMaxMs: number) {
    this.#leases = machine.model(Leases);
    this.#clock = new ExpiryQueue(stepMaxMs);
    this.#stepMaxMs = stepMaxMs;
  }

  becomeLeader(): void {
    this.#leads = true;
    this.#forgetTerm();
    for (const lease of this.#leases) this.#begin(lease);
    for (const lease of this.#renewed) this.renew(lease);
    this.#renewed.clear();
  }

  stepDown(): void {
    this.#leads = false;
    this.#forgetTerm();
  }

  #forgetTerm(): void {
    this.#clock.clear();
    this.#expired = [];
    this.#ending.clear();
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
    const known = this.#leases.get(lease);
    if (known !== undefined) this.#begin(known);
  }

  /** Its full time begins; a lease without a clock has none. */
  #begin({ id, timeoutMs }: Lease): void {
    if (timeoutMs !== null) this.#clock.renew(id, timeoutMs);
  }

  /** On the leader: how much of a lease's time is left; null: there is no such lease, or it has no clock. */
  remainingMs(lease: number): number | null {
    assert(this.#leads, "the time of a lease asked of one who does not keep it");
    return this.#clock.remainingMs(lease);
  }

  forget(lease: number): void {
    this.#clock.forget(lease);
    this.#renewed.delete(lease);
    this.#ending.delete(lease);
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

  /** On the leader, lets `milliseconds` pass. A lease that ran out, and is not forgotten, runs out again a while later. */
  advance(milliseconds: number): void {
    assert(milliseconds >= 0 && milliseconds <= this.#stepMaxMs, "a step of time that renewals do not allow for");
    if (this.#leads) this.#expired = this.#clock.advance(milliseconds);
  }

  /** The leases that ran out at the latest step of time, as they are now; each generation of each once a term. */
  takeExpired(): readonly Expiry[] {
    assert(this.#leads || this.#expired.length === 0, "leases run out on a member that does not lead");
    const taken: Expiry[] = [];
    for (const id of this.#expired) {
      const lease = this.#leases.get(id);
      if (lease === undefined) this.#clock.forget(id);
      else if (taken.length < EXPIRE_MAX && this.#ending.get(id) !== lease.generation) {
        this.#ending.set(id, lease.generation);
        taken.push({ id, generation: lease.generation });
      }
    }
    this.#expired = [];
    return taken;
  }
}
