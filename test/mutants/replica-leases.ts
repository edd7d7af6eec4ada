// The replica: the time of leases.

import type { Mutant } from "./mutant.ts";

export const REPLICA_LEASES: readonly Mutant[] = [
  {
    name: "a-new-leader-does-not-give-the-full-time-again",
    rule: "A new leader gives every session its full timeout again.",
    pitfall: 22,
    file: "src/replica/lease-tracker.ts",
    find: "for (const lease of this.#leases) this.#begin(lease);",
    replace: "for (const lease of this.#leases) this.#begin({ ...lease, timeoutMs: 0 });",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "a-new-leader-never-ends-the-sessions-it-found",
    rule: "A new leader expires the sessions that it found, when their time is over.",
    file: "src/replica/lease-tracker.ts",
    find: "for (const lease of this.#leases) this.#begin(lease);",
    replace: "",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "a-session-opened-under-a-leader-never-ends",
    rule: "A session's time begins when it is opened, whichever member serves it.",
    file: "src/replica/lease-tracker.ts",
    find: "if (this.#leads) this.renew(lease);",
    replace: "",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "renewals-do-not-reach-the-leader",
    rule: "A follower tells the leader which sessions it heard from.",
    file: "src/replica/ticks.ts",
    find: "if (renewed !== null && leader !== null) link.sendRenewals(leader, renewed);",
    replace: "",
    caughtBy: ["replica/scenarios"],
    simulator: true,
  },
  {
    name: "a-leader-that-fell-keeps-the-time-of-sessions",
    rule: "Only the leader counts the time of sessions; the other members tell it which ones they hear.",
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
    rule: "A command of a leader's own counts only in the leader's term.",
    pitfall: 8,
    file: "src/replica/replica.ts",
    find: "new LeaderDuties(list, { ...core, rounds, link });",
    replace: `new LeaderDuties(list, {
      ...core,
      rounds: {
        proposeOwn: (commands: readonly ((writer: ByteWriter) => void)[]) => {
          for (const encode of commands) {
            const writer = proposals.begin();
            const at = writer.length;
            encode(writer);
            proposals.commit({ number: writer.bytes[at] } as never, { onOutcome() {}, onRefused() {} });
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
    simulator: "a session that is silent for its whole timeout may end; that none does is more than is promised",
  },
  {
    name: "a-stall-of-the-leader-counts-as-time",
    rule: "A late tick counts as one tick, so no session expires because the leader was stalled.",
    pitfall: 22,
    file: "src/replica/ticks.ts",
    find: "isHeld ? 0 : Math.min(elapsed, 2 * tickMs)",
    replace: "isHeld ? 0 : elapsed",
    caughtBy: ["replica/session-time"],
    simulator: "a session that got no answer for its whole timeout may end; that none does is more than is promised",
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
    rule: "An expiry that was not committed is proposed again.",
    file: "src/replica/expiry-queue.ts",
    find: `this.#deadlines.set(lease, this.#now + EXPIRE_AGAIN_MS);
    this.#place(lease, this.#now + EXPIRE_AGAIN_MS);`,
    replace: "this.#deadlines.delete(lease);",
    caughtBy: ["replica/expiry-queue"],
    simulator: "an expiry is a command that survives its leader: it is not lost",
  },
];
