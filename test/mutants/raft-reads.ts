// Raft: linearizable reads.

import type { Mutant } from "./mutant.ts";

export const RAFT_READS: readonly Mutant[] = [
  {
    name: "a-read-before-the-terms-first-commit",
    rule: "A leader answers reads only after it has committed an entry of its own term.",
    pitfall: 6,
    file: "src/consensus/raft/leader.ts",
    find: "if (!this.#reads.canBegin || !this.#hasCommittedInTerm) return;",
    replace: "if (!this.#reads.canBegin) return;",
    caughtBy: ["raft/scripts", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-read-asks-nobody-whether-its-leader-still-leads",
    rule: "A leader answers a read only after a majority has confirmed that it still leads.",
    pitfall: 7,
    file: "src/consensus/raft/reads.ts",
    find: "if (this.#round === null || round < this.#round) return;",
    replace: "if (this.#round === null || round < 0) return;",
    caughtBy: ["raft/scripts", "raft/paper", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-read-is-confirmed-by-contact-begun-before-it",
    rule: "Only a round of contact that begins after the read confirms it.",
    pitfall: 7,
    file: "src/consensus/raft/leader.ts",
    find: `const round = this.#replicator.beginRound();
    this.#reads.begin(round`,
    replace: `const { round } = this;
    this.#reads.begin(round`,
    caughtBy: ["raft/scripts", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-read-is-confirmed-by-an-answer-to-an-earlier-term",
    rule: "An answer to a message of an earlier term does not confirm a round of the present term.",
    pitfall: 7,
    file: "src/consensus/raft/raft.ts",
    find: `if (message.kind === "append" || message.kind === "snapshot") this.#follower.refuseStale(from);`,
    replace: `if (message.kind === "append" || message.kind === "snapshot") {
      const { round } = message;
      const { incarnation } = this.#options;
      const refusal = { matched: false, index: 0, conflictTerm: 0, round, incarnation };
      this.#effects.send(from, { kind: "append-reply", term: this.term, ...refusal });
    }`,
    caughtBy: ["raft/pitfalls", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-deposed-leader-leaves-its-reads-without-an-answer",
    rule: "The reads of a leader that steps down are refused.",
    file: "src/consensus/raft/leader.ts",
    find: `resign(): void {
    this.#reads.refuseAll();`,
    replace: "resign(): void {",
    caughtBy: ["raft/scripts"],
    simulator: "the member that asked asks again after half a second: it only takes longer",
  },
];
