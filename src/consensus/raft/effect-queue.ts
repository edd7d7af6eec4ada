// The effects of a step, in order. Messages that rest on durable state (a vote, an acknowledgement, a candidate's request)
// wait here until the disk has completed; nothing else in the core can send them too early.

import type { Effect, Entry, HardState, MemberId, Message } from "./types.ts";

interface Withheld {
  readonly sequence: number;
  readonly to: MemberId;
  readonly message: Message;
}

export class EffectQueue {
  #effects: Effect[] = [];
  #withheld: Withheld[] = [];
  #sequence = 0;
  #persistedSequence = 0;

  /** The sequence that this step's `persist` bears, if there is one. */
  get nextSequence(): number {
    return this.#sequence + 1;
  }

  get persistedSequence(): number {
    return this.#persistedSequence;
  }

  /** The latest request to the disk, durable or not. */
  get lastSequence(): number {
    return this.#sequence;
  }

  push(effect: Effect): void {
    this.#effects.push(effect);
  }

  send(to: MemberId, message: Message): void {
    this.#effects.push({ kind: "send", to, message });
  }

  /** Sends once everything up to `sequence` is durable. */
  sendAfter(sequence: number, to: MemberId, message: Message): void {
    if (sequence <= this.#persistedSequence) this.send(to, message);
    else this.#withheld.push({ sequence, to, message });
  }

  persist(truncateFrom: number | null, entries: readonly Entry[], hardState: HardState | null): void {
    this.#sequence++;
    this.#effects.push({ kind: "persist", sequence: this.#sequence, truncateFrom, entries, hardState });
  }

  persisted(sequence: number): void {
    if (sequence <= this.#persistedSequence) return;
    this.#persistedSequence = sequence;
    let ready = 0;
    while (ready < this.#withheld.length && this.#withheld[ready]!.sequence <= sequence) ready++;
    for (let i = 0; i < ready; i++) {
      const { to, message } = this.#withheld[i]!;
      const next = i + 1 < ready ? this.#withheld[i + 1] : undefined;
      if (next === undefined || next.to !== to || !saysNoMore(message, next.message)) this.send(to, message);
    }
    this.#withheld.splice(0, ready);
  }

  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}

/** Of the acknowledgements that one sync releases, the last says it all. */
function saysNoMore(message: Message, next: Message): boolean {
  return (
    message.kind === "append-reply" &&
    next.kind === "append-reply" &&
    message.matched &&
    next.matched &&
    message.term === next.term &&
    message.index <= next.index &&
    message.round <= next.round
  );
}
