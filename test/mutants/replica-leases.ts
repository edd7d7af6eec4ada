// The replica: the time of leases.

import type { Mutant } from "./mutant.ts";

export const REPLICA_LEASES: readonly Mutant[] = [
  {
    name: "a-new-leader-does-not-give-the-full-time-again",
    rule: "A new leader gives every session its full time again.",
    pitfall: 22,
    file: "src/replica/lease-tracker.ts",
    find: "for (const lease of this.#leases) this.#begin(lease);",
    replace: "for (const lease of this.#leases) this.#begin({ ...lease, timeoutMs: 0 });",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "a-new-leader-never-ends-the-sessions-it-found",
    rule: "A new leader keeps the time of the sessions that it found.",
    file: "src/replica/lease-tracker.ts",
    find: "for (const lease of this.#leases) this.#begin(lease);",
    replace: "",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "a-session-opened-under-a-leader-never-ends",
    rule: "A session's time begins when it is opened, whoever serves it.",
    file: "src/replica/lease-tracker.ts",
    find: "if (this.#leads) this.renew(lease);",
    replace: "",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "renewals-do-not-reach-the-leader",
    rule: "Whom a follower heard from is passed on to the leader.",
    file: "src/replica/ticks.ts",
    find: "if (renewed !== null && leader !== null) link.sendRenewals(leader, renewed);",
    replace: "",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "a-leader-that-fell-keeps-the-time-of-sessions",
    rule: "Only who leads keeps the time of sessions; the others tell it whom they hear.",
    file: "src/replica/lease-tracker.ts",
    find: `stepDown(): void {
    this.#leads = false;
    this.#forgetTerm();`,
    replace: "stepDown(): void {",
    caughtBy: ["replica/session-time"],
    simulator: true,
  },
  {
    name: "what-a-leader-decided-is-sent-again-under-the-next",
    rule: "What a leader commands of its own accord counts in its term alone.",
    pitfall: 8,
    file: "src/replica/replica.ts",
    find: "new LeaderDuties(list, { ...core, rounds, link });",
    replace: `new LeaderDuties(list, {
      ...core,
      rounds: {
        proposeOwn: (commands: readonly ((writer: ByteWriter) => void)[]) => {
          for (const encode of commands) {
            encode(proposals.begin());
            proposals.commit({ onOutcome() {}, onRefused() {} });
          }
        },
      } as unknown as LeaderRounds,
      link,
    });`,
    caughtBy: ["replica/session-time"],
    simulator: true,
  },
  {
    name: "sessions-run-out-while-the-disk-is-stalled",
    rule: "No session's time passes on a leader whose disk is stalled.",
    pitfall: 22,
    file: "src/replica/ticks.ts",
    find: "!loop.raft.hasQuorumContact || loop.diskSilentMs > electionTicks * tickMs;",
    replace: "!loop.raft.hasQuorumContact;",
    caughtBy: ["replica/session-time"],
    simulator:
      "who is silent for the whole of a session may end; that nobody does then is more than clients are promised",
  },
  {
    name: "a-stall-of-the-leader-counts-as-time",
    rule: "A tick that comes late counts as one tick: nobody ends because the leader stood still.",
    pitfall: 22,
    file: "src/replica/ticks.ts",
    find: "isHeld ? 0 : Math.min(elapsed, 2 * tickMs)",
    replace: "isHeld ? 0 : elapsed",
    caughtBy: ["replica/session-time"],
    simulator:
      "who got no answer for the whole of a session may end; that nobody does then is more than clients are promised",
  },
  {
    name: "sessions-live-by-the-wall-clock",
    rule: "Deadlines are counted by the monotonic clock.",
    pitfall: 33,
    file: "src/replica/ticks.ts",
    find: `loop, reads, leaseQuestions, rounds, duties, proposals, status } = this.#parts;
    const now = clock.now();`,
    replace: `loop, reads, leaseQuestions, rounds, duties, proposals, status } = this.#parts;
    const now = clock.wall();`,
    caughtBy: ["replica/session-time"],
    simulator: true,
  },
  {
    name: "an-expiry-that-was-lost-is-not-proposed-again",
    rule: "An expiry that came to nothing is proposed again.",
    file: "src/replica/expiry-queue.ts",
    find: `this.#deadlines.set(lease, this.#now + EXPIRE_AGAIN_MS);
    this.#place(lease, this.#now + EXPIRE_AGAIN_MS);`,
    replace: "this.#deadlines.delete(lease);",
    caughtBy: ["replica/expiry-queue"],
    simulator: "an expiry is a command that survives its leader: it is not lost",
  },
];
