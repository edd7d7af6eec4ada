// Reads that must see everything acknowledged before them. The leader is asked for an index, and the state must reach it. A
// read with a lease is also a client's ping: the leader receives the renewal before it answers.

import type { Clock } from "../base/clock.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { LeaseTracker } from "./lease-tracker.ts";
import type { PeerLink } from "./peer-link.ts";
import { type BarrierCallback, type Question, ReadBarriers } from "./read-barriers.ts";

export class LinearizableReads {
  readonly #barriers = new ReadBarriers();
  readonly #loop: ConsensusLoop;
  readonly #leases: LeaseTracker;
  readonly #link: PeerLink;
  readonly #clock: Clock;
  readonly #self: number;

  constructor(self: number, loop: ConsensusLoop, leases: LeaseTracker, link: PeerLink, clock: Clock) {
    this.#self = self;
    this.#loop = loop;
    this.#leases = leases;
    this.#link = link;
    this.#clock = clock;
  }

  add(done: BarrierCallback, lease: number | null): void {
    if (lease !== null) this.#leases.renew(lease);
    this.#barriers.add(done, lease);
  }

  /** At the end of a turn: one question for all that came in it. */
  flush(): void {
    this.#ask(this.#barriers.ask(this.#clock.now()));
  }

  /** At each tick: questions that were refused or lost are asked again, until their deadline. */
  askAgain(now: number): void {
    for (const question of this.#barriers.askAgain(now)) this.#ask(question);
  }

  /** What the leader is to know before it answers goes ahead on the same connection, each time that it is asked. */
  #ask(question: Question | null): void {
    if (question === null) return;
    const { leader } = this.#loop.raft;
    if (question.leases.length > 0 && leader !== null && leader !== this.#self) {
      this.#link.sendRenewals(leader, question.leases);
    }
    this.#loop.submit({ kind: "read", context: question.context });
  }

  onReadable(context: number, index: number, appliedIndex: number): void {
    this.#barriers.onReadable(context, index, appliedIndex);
  }

  onApplied(appliedIndex: number): void {
    this.#barriers.onApplied(appliedIndex);
  }

  refuseAll(): void {
    this.#barriers.refuseAll();
  }
}
