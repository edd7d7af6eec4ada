// Which batches were applied: of each member, the latest run and its last sequence. A member numbers the batches of each
// of its runs from 1 without gaps and sends again what it has not yet seen applied; here each counts once, in order.

export type Admission = "applied" | "duplicate" | "gap";

export interface Origin {
  /** `LEADERS_OWN`: each term is a run. */
  readonly member: number;
  readonly start: number;
  readonly sequence: number;
}

export class Origins {
  readonly #latest = new Map<number, Origin>();

  /** Whether a batch is next of its member; if so it counts as applied from here on. */
  admit(member: number, start: number, sequence: number): Admission {
    const last = this.lastSequence(member, start);
    if (last === -1 || sequence <= last) return "duplicate";
    if (sequence !== last + 1) return "gap";
    this.set({ member, start, sequence });
    return "applied";
  }

  /** 0 for a run not heard of yet; −1 when a later run of the member is known. */
  lastSequence(member: number, start: number): number {
    const known = this.#latest.get(member);
    if (known === undefined || start > known.start) return 0;
    return start === known.start ? known.sequence : -1;
  }

  /** The latest run heard of; 0 if none was. */
  latestStart(member: number): number {
    return this.#latest.get(member)?.start ?? 0;
  }

  set(origin: Origin): void {
    this.#latest.set(origin.member, origin);
  }

  /** The leaders' own first, then in order of members. */
  *[Symbol.iterator](): Generator<Origin> {
    yield* [...this.#latest.values()].sort((one, other) => one.member - other.member);
  }

  clear(): void {
    this.#latest.clear();
  }
}
