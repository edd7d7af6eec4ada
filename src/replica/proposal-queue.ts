// The batches that a leader is to put into its log: its own, and those that other members passed on, each once. A member
// sends a batch again until it sees it applied. A batch that the log already holds must not enter it a second time:
// otherwise the log would grow for as long as disks stand still.

import { assert } from "../base/assert.ts";
import type { Entry } from "../consensus/raft/types.ts";
import { headerOf } from "../state/flaws.ts";

/**
 * What waits for its turn, over all members. Each bounds what it has outstanding; this bounds what a leader holds of all of
 * them while its log takes nothing. What is dropped is sent again.
 */
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;

/** Of a run that a later one has followed: the state applies none of its batches. */
const SUPERSEDED = -1;

/** Of each member, and each of its runs, the last batch. */
type LastByRun = Map<number, Map<number, number>>;

/** The last batch of a member's run that the state has applied; 0: none yet, −1: a later run is known. */
type LastApplied = (member: number, run: number) => number;

/**
 * Invariant: what `take` returns, put into the log in its order, is applied, each batch as the next of its run, unless its
 * run is superseded; and no batch is returned that stands in the log.
 */
export class ProposalQueue {
  readonly #lastApplied: LastApplied;
  #batches: Uint8Array[] = [];
  #bytes = 0;
  /** By member and run, the last batch in the log or behind it in the queue. Only what differs from the state. */
  readonly #known: LastByRun = new Map();
  #isReady = false;

  constructor(lastApplied: LastApplied) {
    this.#lastApplied = lastApplied;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** It is known what the log holds: until then batches wait. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Another term: the log may be another, too. */
  reset(): void {
    this.#batches = [];
    this.#bytes = 0;
    this.#known.clear();
    this.#isReady = false;
  }

  /** `unapplied`: all that the log holds beyond the state. */
  begin(unapplied: readonly Entry[]): void {
    const waiting = this.#batches;
    this.reset();
    this.#isReady = true;
    for (const { kind, payload } of unapplied) if (kind === "commands") this.#admit(payload);
    for (const batch of waiting) this.add(batch);
  }

  /** False where it is in the log or waits already, leaves a gap, or where too much waits: sent again, it finds its turn. */
  add(batch: Uint8Array): boolean {
    if (this.#bytes + batch.length > QUEUED_BYTES_MAX && this.#batches.length > 0) return false;
    if (!this.#admit(batch)) return false;
    this.#batches.push(batch);
    this.#bytes += batch.length;
    return true;
  }

  /** All that waits, from now on in the log. */
  take(): Uint8Array[] {
    assert(this.#isReady, "proposals for a log that is not known");
    const batches = this.#batches;
    this.#batches = [];
    this.#bytes = 0;
    return batches;
  }

  /** Whether a batch is the next of its run; if so it counts as there. Before the log is known, any may be the first. */
  #admit(batch: Uint8Array): boolean {
    const header = headerOf(batch);
    if (header === null) return false; // the state passes over it
    const { member, run, sequence } = header;
    const known = this.#known.get(member)?.get(run);
    const last = known ?? this.#lastApplied(member, run);
    const isAnyFirst = known === undefined && (last === SUPERSEDED || !this.#isReady);
    if (isAnyFirst ? sequence <= last : sequence !== last + 1) return false;
    const runs = this.#known.get(member);
    if (runs === undefined) this.#known.set(member, new Map([[run, sequence]]));
    else runs.set(run, sequence);
    return true;
  }
}
