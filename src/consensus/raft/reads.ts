// Linearizable reads without a log entry (ReadIndex, Raft thesis §6.4). The leader notes its commit index, makes sure by
// a round of contact begun afterwards that it still leads, and answers. All reads that come while a round is under way
// share the next one. A follower passes its reads on to the leader.

import type { EffectQueue } from "./effect-queue.ts";
import type { MemberId } from "./types.ts";

interface Read {
  /** Who asked: a follower, or null for the leader's own member. */
  readonly peer: MemberId | null;
  readonly context: number;
}

/** The leader's reads. */
export class ReadRounds {
  readonly #term: number;
  readonly #effects: EffectQueue;
  #waiting: Read[] = [];
  #asked: Read[] = [];
  #index = 0;
  /** The round of contact that confirms `#asked`; null while none is under way. */
  #round: number | null = null;

  constructor(term: number, effects: EffectQueue) {
    this.#term = term;
    this.#effects = effects;
  }

  add(peer: MemberId | null, context: number): void {
    this.#waiting.push({ peer, context });
  }

  get canBegin(): boolean {
    return this.#round === null && this.#waiting.length > 0;
  }

  /** All reads that wait are answered with `index` once a quorum has answered `round`, which must begin only now. */
  begin(round: number, index: number): void {
    this.#asked = this.#waiting;
    this.#waiting = [];
    this.#round = round;
    this.#index = index;
  }

  /** The latest round that a quorum has answered. */
  confirmed(round: number): void {
    if (this.#round === null || round < this.#round) return;
    for (const read of this.#asked) this.#answer(read, this.#index);
    this.#asked = [];
    this.#round = null;
  }

  /** The leader leads no more. */
  refuseAll(): void {
    for (const read of [...this.#asked, ...this.#waiting]) this.#answer(read, null);
    this.#asked = [];
    this.#waiting = [];
    this.#round = null;
  }

  #answer({ peer, context }: Read, index: number | null): void {
    if (peer !== null) this.#effects.send(peer, { kind: "read-reply", term: this.#term, context, index });
    else if (index !== null) this.#effects.push({ kind: "readable", context, index });
    else this.#effects.push({ kind: "read-refused", context });
  }
}

interface Forwarded {
  readonly number: number;
  readonly context: number;
  readonly tick: number;
}

/**
 * A follower's reads on their way to the leader. Each gets a number of its own that starts by chance: a context may come
 * again after a restart, and an answer to the earlier read would let the later one see the past.
 */
export class ForwardedReads {
  readonly #effects: EffectQueue;
  #number: number;
  #pending: Forwarded[] = [];

  constructor(effects: EffectQueue, firstNumber: number) {
    this.#effects = effects;
    this.#number = firstNumber;
  }

  forward(to: MemberId, term: number, context: number, tick: number): void {
    this.#number++;
    this.#pending.push({ number: this.#number, context, tick });
    this.#effects.send(to, { kind: "read-request", term, context: this.#number });
  }

  answered(number: number, index: number | null): void {
    const at = this.#pending.findIndex((read) => read.number === number);
    if (at === -1) return; // given up, or answered by another copy of the reply
    const [read] = this.#pending.splice(at, 1);
    this.#settle(read!, index);
  }

  /** Gives up those asked before `tick`: the question or its answer was lost. */
  expire(tick: number): void {
    while (this.#pending.length > 0 && this.#pending[0]!.tick < tick) this.#settle(this.#pending.shift()!, null);
  }

  refuseAll(): void {
    for (const read of this.#pending) this.#settle(read, null);
    this.#pending = [];
  }

  #settle({ context }: Forwarded, index: number | null): void {
    if (index === null) this.#effects.push({ kind: "read-refused", context });
    else this.#effects.push({ kind: "readable", context, index });
  }
}
