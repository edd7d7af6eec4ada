// Reads that wait until they are linearizable: first for the leader's answer (ReadIndex), then for the state to reach that
// index. All reads of one turn share one question and one deadline. So an index that is never reached delays nobody for ever.

import { CoordinationError } from "../base/errors.ts";

export type BarrierCallback = (error: CoordinationError | null) => void;

/** What is to be asked of the leader, and whom it is to hear of before. */
export interface Question {
  readonly context: number;
  readonly leases: readonly number[];
}

interface Asked {
  readonly callbacks: readonly BarrierCallback[];
  readonly leases: readonly number[];
  readonly askedAt: number;
  readonly deadline: number;
}

interface Answered {
  readonly index: number;
  readonly callbacks: readonly BarrierCallback[];
  readonly deadline: number;
}

const ASK_AGAIN_MS = 500;
const DEADLINE_MS = 10_000;

export class ReadBarriers {
  #gathering: BarrierCallback[] = [];
  #leases: number[] = [];
  #nextContext = 1;
  readonly #asked = new Map<number, Asked>();
  /** Answered, waiting for the state. */
  #answered: Answered[] = [];

  add(callback: BarrierCallback, lease: number | null): void {
    this.#gathering.push(callback);
    if (lease !== null) this.#leases.push(lease);
  }

  /** The question that stands for everything gathered since the last one; null if there is nothing to ask. */
  ask(now: number): Question | null {
    if (this.#gathering.length === 0) return null;
    const context = this.#nextContext++;
    const leases = this.#leases;
    this.#asked.set(context, { callbacks: this.#gathering, leases, askedAt: now, deadline: now + DEADLINE_MS });
    this.#gathering = [];
    this.#leases = [];
    return { context, leases };
  }

  onReadable(context: number, index: number, appliedIndex: number): void {
    const question = this.#asked.get(context);
    if (question === undefined) return; // asked again meanwhile
    this.#asked.delete(context);
    this.#answered.push({ index, callbacks: question.callbacks, deadline: question.deadline });
    this.onApplied(appliedIndex);
  }

  onApplied(appliedIndex: number): void {
    if (this.#answered.length === 0) return;
    const ready = this.#answered.filter((answer) => answer.index <= appliedIndex);
    if (ready.length === 0) return;
    this.#answered = this.#answered.filter((answer) => answer.index > appliedIndex);
    for (const { callbacks } of ready) for (const callback of callbacks) callback(null);
  }

  /** Questions to ask once more, their answer being refused or late; reads past their deadline are told so. */
  askAgain(now: number): Question[] {
    this.#refuseLate(now);
    const again: Question[] = [];
    for (const [context, question] of this.#asked) {
      if (now - question.askedAt < ASK_AGAIN_MS) continue;
      this.#asked.delete(context);
      if (now >= question.deadline) {
        this.#refuse(question.callbacks, "no quorum confirmed the read in time");
        continue;
      }
      const fresh = this.#nextContext++;
      this.#asked.set(fresh, { ...question, askedAt: now });
      again.push({ context: fresh, leases: question.leases });
    }
    return again;
  }

  /** The leader named an index, and this member has not got there: it is far behind, or the index was no leader's. */
  #refuseLate(now: number): void {
    const late = this.#answered.filter(({ deadline }) => now >= deadline);
    if (late.length === 0) return;
    this.#answered = this.#answered.filter(({ deadline }) => now < deadline);
    for (const { index, callbacks } of late) {
      this.#refuse(callbacks, `this member did not get to entry ${index}, which the leader named, in time`);
    }
  }

  refuseAll(): void {
    for (const { callbacks } of this.#asked.values()) this.#refuse(callbacks, "this member is stopping");
    for (const { callbacks } of this.#answered) this.#refuse(callbacks, "this member is stopping");
    this.#refuse(this.#gathering, "this member is stopping");
    this.#asked.clear();
    this.#answered = [];
    this.#gathering = [];
    this.#leases = [];
  }

  #refuse(callbacks: readonly BarrierCallback[], why: string): void {
    for (const callback of callbacks) callback(new CoordinationError("no-quorum", "not-applied", why));
  }
}
