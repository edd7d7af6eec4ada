// What a replica does at each tick: Raft's clock, the time of leases, the leader's duties, and retries of what may have been
// lost.

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { LeaderDuties } from "./duties/leader-duties.ts";
import { FoundingNotice } from "./founding-notice.ts";
import type { LeaderRounds } from "./leader-rounds.ts";
import type { LeaseQuestions } from "./lease-questions.ts";
import type { LeaseTracker } from "./lease-tracker.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LinearizableReads } from "./linearizable-reads.ts";
import type { PeerLink } from "./peer-link.ts";
import type { Proposals } from "./proposals.ts";
import type { Status } from "./status.ts";

export interface TickParts {
  readonly tickMs: number;
  readonly electionTicks: number;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly loop: ConsensusLoop;
  readonly reads: LinearizableReads;
  readonly leases: LeaseTracker;
  readonly leaseQuestions: LeaseQuestions;
  readonly link: PeerLink;
  readonly duties: LeaderDuties;
  readonly rounds: LeaderRounds;
  readonly proposals: Proposals;
  readonly status: Status;
  readonly logger: Logger;
}

export class Ticks {
  readonly #parts: TickParts;
  readonly #foundingNotice = new FoundingNotice();
  #lastTickAt = 0;

  constructor(parts: TickParts) {
    this.#parts = parts;
  }

  start(): void {
    const { lifecycle, clock, tickMs } = this.#parts;
    this.#lastTickAt = clock.now();
    lifecycle.every(clock, tickMs, () => this.#tick());
  }

  #tick(): void {
    const { clock, loop, reads, leaseQuestions, rounds, duties, proposals, status } = this.#parts;
    const now = clock.now();
    const elapsed = now - this.#lastTickAt;
    this.#lastTickAt = now;
    loop.submit({ kind: "tick" });
    reads.askAgain(now);
    leaseQuestions.onTick(now);
    this.#passOnRenewals(elapsed);
    this.#passTime(elapsed);
    if (loop.raft.canPropose) rounds.beginNext(); // the log may have taken nothing for a while
    duties.tick();
    proposals.retry(now);
    this.#tellWhoIsMissing(now);
    status.note();
  }

  #passOnRenewals(elapsed: number): void {
    const { leases, link, loop } = this.#parts;
    const renewed = leases.takeRenewed(elapsed);
    const leader: MemberId | null = loop.raft.leader;
    if (renewed !== null && leader !== null) link.sendRenewals(leader, renewed);
  }

  /**
   * Leases' time. A tick that came late stands for a stall, of this process or its machine: it counts as one tick, no more.
   * None passes while no quorum is heard, or while the disk is stalled: renewals may be waiting unread. What had run out
   * before and could not be proposed is then no longer over: it may be renewed meanwhile.
   */
  #passTime(elapsed: number): void {
    const { leases, loop, tickMs, electionTicks } = this.#parts;
    const isHeld = !loop.raft.hasQuorumContact || loop.diskSilentMs > electionTicks * tickMs;
    leases.advance(isHeld ? 0 : Math.min(elapsed, 2 * tickMs));
  }

  #tellWhoIsMissing(now: number): void {
    const notice = this.#foundingNotice.due(this.#parts.loop.raft.founding, now);
    if (notice !== null) this.#parts.logger.warn(notice);
  }
}
