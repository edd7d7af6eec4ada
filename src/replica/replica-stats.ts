// Statistics of a member since its start: elections, proposals, snapshots. The metrics read them. Durations are in
// milliseconds.

import type { Clock } from "../base/clock.ts";
import { Summary } from "../base/summary.ts";

export class ReplicaStats {
  /** Times that this member knew no leader, the start included. */
  elections = 0;
  /** Entries that it proposed as the leader, and those of another leader's that came into its log. */
  proposals = 0;
  proposalsReceived = 0;
  /** Entries that it learned to be committed, as the leader and as a follower. */
  commits = 0;
  commitsReceived = 0;
  /** Snapshots that it began to send to followers. */
  snapshotsSent = 0;
  /** Sessions that it ended as the leader, for nobody had heard of them for their timeout. */
  sessionsExpired = 0;
  /** From knowing no leader to knowing one. */
  readonly electionTime: Summary;
  /** From having no contact with a quorum to having it again; those that ended with this member as the leader. */
  readonly unavailableTime: Summary;
  readonly leaderUnavailableTime: Summary;
  /** Of a snapshot: taking one, and restoring the state from one. */
  readonly snapshotTime: Summary;
  readonly restoreTime: Summary;
  /** From the proposal to its commitment by a quorum, for each round of this leader. */
  readonly quorumAckLatency: Summary;
  /** From the leader's proposal to its application here, by the two members' wall clocks. */
  readonly propagationLatency: Summary;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #leaderlessSince: number | null = null;
  #unavailableSince: number | null = null;
  #leadingSince: number | null = null;
  #proposedAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.wall();
    const summary = (): Summary => new Summary(() => clock.now());
    this.electionTime = summary();
    this.unavailableTime = summary();
    this.leaderUnavailableTime = summary();
    this.snapshotTime = summary();
    this.restoreTime = summary();
    this.quorumAckLatency = summary();
    this.propagationLatency = summary();
  }

  /** Milliseconds for which this member has led; null: it does not. */
  get leadingMs(): number | null {
    return this.#leadingSince === null ? null : this.#clock.now() - this.#leadingSince;
  }

  noteLeader(isKnown: boolean, isOwn: boolean): void {
    const now = this.#clock.now();
    if (!isOwn) this.#leadingSince = null;
    else this.#leadingSince ??= now;
    this.#proposedAt = null;
    if (!isKnown && this.#leaderlessSince === null) {
      this.elections += 1;
      this.#leaderlessSince = now;
    } else if (isKnown && this.#leaderlessSince !== null) {
      this.electionTime.add(now - this.#leaderlessSince);
      this.#leaderlessSince = null;
    }
  }

  noteQuorum(hasQuorum: boolean): void {
    if (hasQuorum === (this.#unavailableSince === null)) return;
    const now = this.#clock.now();
    if (!hasQuorum) {
      this.#unavailableSince = now;
      return;
    }
    const passed = now - this.#unavailableSince!;
    this.#unavailableSince = null;
    this.unavailableTime.add(passed);
    if (this.#leadingSince !== null) this.leaderUnavailableTime.add(passed);
  }

  /** A round of the ensemble begins: the leader has proposed entries. */
  noteProposed(entries: number): void {
    this.proposals += entries;
    this.#proposedAt = this.#clock.now();
  }

  /** All that the leader has proposed is committed. */
  noteRoundCommitted(): void {
    if (this.#proposedAt !== null) this.quorumAckLatency.add(this.#clock.now() - this.#proposedAt);
    this.#proposedAt = null;
  }

  noteCommitted(entries: number): void {
    if (this.#leadingSince !== null) this.commits += entries;
    else this.commitsReceived += entries;
  }

  /** A batch was applied that its leader proposed at `time` (milliseconds since 1970). Those of before the start do not count. */
  noteApplied(time: number): void {
    if (time >= this.#startedAt) this.propagationLatency.add(this.#clock.wall() - time);
  }

  async timed<Result>(summary: Summary, work: () => Promise<Result>): Promise<Result> {
    const began = this.#clock.now();
    const result = await work();
    summary.add(this.#clock.now() - began);
    return result;
  }
}
