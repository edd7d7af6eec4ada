// Questions about how much time a lease has left. Only the leader knows, so other members ask it. The answer uses the leader's
// clock, and comes only from a leader that has heard a quorum lately. Each question is answered once, or refused at its
// deadline.

import type { Clock } from "../base/clock.ts";
import { CoordinationError } from "../base/errors.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { LeaseTracker } from "./lease-tracker.ts";
import type { PeerLink } from "./peer-link.ts";
import type { LeaseAnswer } from "./peer-messages.ts";

/** Hears the milliseconds that are left (null: there is no such lease, or it has no clock), or why nobody could say. */
export type RemainingCallback = (error: CoordinationError | null, remainingMs: number | null) => void;

const QUESTION_DEADLINE_MS = 5000;
/** So many questions may be open; one more is refused. */
const OPEN_MAX = 10_000;
/** A question or its answer may be lost with a connection. */
const ASK_AGAIN_MS = 500;
/** Older members know no such question. */
const WIRE_VERSION_MIN = 3;

interface Question {
  readonly lease: number;
  readonly done: RemainingCallback;
  readonly deadline: number;
  askedAt: number;
}

export class LeaseQuestions {
  readonly #self: MemberId;
  readonly #machine: Machine;
  readonly #loop: ConsensusLoop;
  readonly #leases: LeaseTracker;
  readonly #link: PeerLink;
  readonly #clock: Clock;
  readonly #open = new Map<number, Question>();
  #nextContext = 1;

  constructor(
    self: MemberId,
    machine: Machine,
    loop: ConsensusLoop,
    leases: LeaseTracker,
    link: PeerLink,
    clock: Clock,
  ) {
    this.#self = self;
    this.#machine = machine;
    this.#loop = loop;
    this.#leases = leases;
    this.#link = link;
    this.#clock = clock;
  }

  ask(lease: number, done: RemainingCallback): void {
    if (this.#open.size >= OPEN_MAX) {
      const why = `${OPEN_MAX} questions of how long leases have left are open`;
      done(new CoordinationError("overloaded", "not-applied", why), null);
      return;
    }
    const now = this.#clock.now();
    const context = this.#nextContext++;
    this.#open.set(context, { lease, done, deadline: now + QUESTION_DEADLINE_MS, askedAt: now });
    this.#send(context);
  }

  /** At each tick: what was lost is asked again, of whoever leads by now; what is late is refused. */
  onTick(now: number): void {
    for (const [context, question] of this.#open) {
      if (now >= question.deadline) this.#refuse(context, "no leader said in time how long a lease has left");
      else if (now - question.askedAt >= ASK_AGAIN_MS) {
        question.askedAt = now;
        this.#send(context);
      }
    }
  }

  #send(context: number): void {
    const { leader } = this.#loop.raft;
    const question = this.#open.get(context)!;
    if (leader === this.#self) {
      this.onAnswer(leader, context, this.#answer(question.lease));
    } else if (leader !== null) {
      const version = this.#link.versionOf(leader);
      // Not connected, or what was sent before has not left: it is asked again.
      if (version === null || this.#link.unsentBytes(leader) > 0) return;
      if (version >= WIRE_VERSION_MIN) this.#link.sendLeaseQuestion(leader, context, question.lease);
      else
        this.#refuse(
          context,
          `member ${leader}, which leads, runs a version that cannot be asked how long a lease has left`,
        );
    }
  }

  /** Another member asks. */
  onQuestion(from: MemberId, context: number, lease: number): void {
    this.#link.sendLeaseAnswer(from, context, this.#answer(lease));
  }

  #answer(lease: number): LeaseAnswer {
    // A leader that no quorum hears steps down by itself: whoever leads has been heard within an election timeout. One that
    // has yet to apply what its log held when it began does not know of all leases.
    const { role, term } = this.#loop.raft;
    const knowsAll = role === "leader" && this.#loop.raft.termAt(this.#machine.appliedIndex) === term;
    if (!knowsAll) return { kind: "not-leader" };
    return { kind: "remaining", remainingMs: this.#leases.remainingMs(lease) };
  }

  /** Of a member that does not lead (any more) nothing is taken: the question is asked again. */
  onAnswer(from: MemberId, context: number, answer: LeaseAnswer): void {
    const question = this.#open.get(context);
    if (question === undefined || from !== this.#loop.raft.leader || answer.kind === "not-leader") return;
    this.#open.delete(context);
    question.done(null, answer.remainingMs);
  }

  /** The member ends. */
  refuseAll(): void {
    for (const context of [...this.#open.keys()]) this.#refuse(context, "this member is stopping");
  }

  #refuse(context: number, why: string): void {
    const question = this.#open.get(context)!;
    this.#open.delete(context);
    question.done(new CoordinationError("no-quorum", "not-applied", why), null);
  }
}
