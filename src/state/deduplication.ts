// Which batches were applied: of each member, the latest run and its last sequence. A member numbers the batches of each
// of its runs from 1 without gaps and sends again what it has not yet seen applied; here each counts once, in order.

import { assert } from "../base/assert.ts";

export type Admission = "applied" | "duplicate" | "gap";

export interface Producer {
  /** `LEADERS_OWN`: each term is a run. */
  readonly member: number;
  readonly run: number;
  readonly sequence: number;
}

/** Invariant: of each member at most one run stands here, with the last sequence applied of it; neither goes back. */
export class Deduplication {
  readonly #latest = new Map<number, Producer>();

  /** Whether a batch is next of its member; if so it counts as applied from here on. */
  admit(member: number, run: number, sequence: number): Admission {
    const last = this.lastSequence(member, run);
    assert(run >= 0 && sequence >= 0, "runs and sequences are natural numbers");
    if (last === -1 || sequence <= last) return "duplicate";
    if (sequence !== last + 1) return "gap";
    this.set({ member, run, sequence });
    return "applied";
  }

  /** 0 for a run not heard of yet; −1 when a later run of the member is known. */
  lastSequence(member: number, run: number): number {
    const known = this.#latest.get(member);
    if (known === undefined || run > known.run) return 0;
    return run === known.run ? known.sequence : -1;
  }

  /** The latest run heard of; 0 if none was. */
  latestRun(member: number): number {
    return this.#latest.get(member)?.run ?? 0;
  }

  set(producer: Producer): void {
    this.#latest.set(producer.member, producer);
  }

  /** The leaders' own first, then in order of members. */
  *[Symbol.iterator](): Generator<Producer> {
    yield* [...this.#latest.values()].sort((one, other) => one.member - other.member);
  }

  clear(): void {
    this.#latest.clear();
  }
}
