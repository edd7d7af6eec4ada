// Which batches were applied: of each member, the latest run and its last sequence. A member numbers the batches of each
// of its runs from 1 without gaps and sends again what it has not yet seen applied; here each counts once, in order.

export type Admission = "applied" | "duplicate" | "gap";

export interface Origin {
  readonly member: number;
  readonly start: number;
  readonly sequence: number;
}

export class Origins {
  readonly #starts: number[] = [];
  readonly #sequences: number[] = [];

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
    const known = this.#starts[member];
    if (known === undefined || start > known) return 0;
    return start === known ? this.#sequences[member]! : -1;
  }

  /** The latest run heard of; 0 if none was. */
  latestStart(member: number): number {
    return this.#starts[member] ?? 0;
  }

  set({ member, start, sequence }: Origin): void {
    this.#starts[member] = start;
    this.#sequences[member] = sequence;
  }

  /** In order of members. */
  *[Symbol.iterator](): Generator<Origin> {
    for (const [member, start] of this.#starts.entries()) {
      if (start !== undefined) yield { member, start, sequence: this.#sequences[member]! };
    }
  }

  clear(): void {
    this.#starts.length = 0;
    this.#sequences.length = 0;
  }
}
