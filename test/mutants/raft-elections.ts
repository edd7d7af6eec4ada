// Raft: votes, terms and elections.

import type { Mutant } from "./mutant.ts";

export const RAFT_ELECTIONS: readonly Mutant[] = [
  {
    name: "a-vote-leaves-before-it-is-durable",
    rule: "A vote is sent only after it is on the disk.",
    pitfall: 2,
    file: "src/consensus/raft/voter.ts",
    find: `effects.sendAfter(hardState.spokenSequence, to, {
      kind: "vote",`,
    replace: `effects.sendAfter(0, to, {
      kind: "vote",`,
    caughtBy: ["raft/pitfalls", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-candidate-asks-before-its-own-vote-is-durable",
    rule: "A candidate asks for votes only after its own vote is on the disk.",
    pitfall: 2,
    file: "src/consensus/raft/candidate.ts",
    find: `effects.sendAfter(hardState.spokenSequence, to, {
      kind: "request-vote",`,
    replace: `effects.sendAfter(0, to, {
      kind: "request-vote",`,
    caughtBy: ["raft/pitfalls", "raft/scripts"],
    simulator: true,
  },
  {
    name: "a-candidate-counts-its-vote-before-it-is-durable",
    rule: "A candidate counts its own vote only after it is on the disk.",
    pitfall: 2,
    file: "src/consensus/raft/candidate.ts",
    find: `this.#state.becomeCandidate("candidate", election);
    this.#requestVotes();`,
    replace: `this.#state.becomeCandidate("candidate", election);
    this.#ownVoteSequence = null;
    election.grant(options.id);
    this.#requestVotes();`,
    caughtBy: ["raft/pitfalls", "raft/paper", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-vote-is-forgotten-over-a-restart",
    rule: "A vote is remembered across a restart.",
    pitfall: 2,
    file: "src/consensus/raft/hard-state.ts",
    find: "this.#votedFor = term < lastTerm ? null : votedFor;",
    replace: "this.#votedFor = null;",
    caughtBy: ["raft/paper", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-term-is-spoken-of-before-it-is-durable",
    rule: "A member sends messages of a term only after the term is on its disk.",
    pitfall: 2,
    file: "src/consensus/raft/hard-state.ts",
    find: "return this.#isChanged ? this.#effects.nextSequence : this.#sequence;",
    replace: "return this.#sequence;",
    caughtBy: ["raft/pitfalls", "raft/paper"],
    simulator: true,
  },
  {
    name: "a-vote-for-a-shorter-log",
    rule: "A vote goes only to a candidate whose log is at least as up to date.",
    file: "src/consensus/raft/log.ts",
    find: "return other.term > lastTerm || (other.term === lastTerm && other.index >= this.lastIndex);",
    replace: "return other.term >= lastTerm;",
    caughtBy: ["raft/paper"],
    simulator: true,
  },
  {
    name: "a-member-cut-off-raises-its-term",
    rule: "A member that hears no leader asks by pre-vote whether it would win, before it raises its term.",
    pitfall: 9,
    file: "src/consensus/raft/candidate.ts",
    find: `this.#preCampaign();
    } else {`,
    replace: `if (this.#parts.eligibility.isBlank) this.#preCampaign();
      else
        this.#campaign(
          new Election(this.#parts.log.configuration, { isPre: false, founding: null, isTransfer: false }),
        );
    } else {`,
    caughtBy: ["raft/pitfalls"],
    simulator: "a growing term breaks no promise: it only costs elections",
  },
  {
    name: "a-voter-does-not-keep-to-its-leader",
    rule: "A member that hears its leader disregards requests for votes.",
    pitfall: 10,
    file: "src/consensus/raft/voter.ts",
    find: "if (keepsLeader && !request.transfer) {",
    replace: "if (keepsLeader && !request.transfer && request.pre) {",
    caughtBy: ["raft/paper", "raft/scripts"],
    simulator: "a leader that is unseated breaks no promise: it only costs an election",
  },
  {
    name: "a-leader-that-nobody-hears-leads-on",
    rule: "A leader that hears no majority for an election timeout steps down.",
    pitfall: 11,
    file: "src/consensus/raft/leader.ts",
    find: "if (!this.hasQuorumContact) {",
    replace: "if (this.#log.lastIndex < 0) {",
    caughtBy: ["raft/scripts", "raft/pitfalls"],
    simulator: "its reads and commits still need the majority, so it only serves nobody",
  },
];
