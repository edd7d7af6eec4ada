// Raft: snapshots sent to followers.

import type { Mutant } from "./mutant.ts";

export const RAFT_SNAPSHOTS: readonly Mutant[] = [
  {
    name: "entries-are-taken-while-a-snapshot-takes-the-logs-place",
    rule: "Nothing is appended while a snapshot replaces the log.",
    pitfall: 12,
    file: "src/consensus/raft/follower.ts",
    find: `if (this.isRestoring) {
      this.#reply(from, true, 0, 0, append.round); // heard; the log is about to be replaced
      return;
    }`,
    replace: "",
    caughtBy: ["raft/scripts", "raft/simulation"],
    simulator: true,
  },
  {
    name: "one-leaders-snapshot-is-continued-with-anothers",
    rule: "A snapshot that one leader began is not continued with another leader's chunks.",
    pitfall: 12,
    file: "src/consensus/raft/installation.ts",
    find: "if (incoming?.from === from && incoming.term === term && incoming.snapshot.index === snapshot.index)",
    replace: "if (incoming !== null && incoming.snapshot.index === snapshot.index)",
    caughtBy: ["raft/pitfalls", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-chunk-is-taken-wherever-it-belongs",
    rule: "A chunk of a snapshot is taken only at the offset where the previous one ended.",
    pitfall: 12,
    file: "src/consensus/raft/installation.ts",
    find: "if (chunk.offset !== incoming.received) {",
    replace: "if (chunk.offset < 0) {",
    caughtBy: ["raft/scripts", "raft/simulation"],
    simulator: true,
  },
  {
    name: "a-chunk-on-its-way-is-sent-again",
    rule: "A chunk is sent again only when a later message was answered and the chunk was not.",
    pitfall: 30,
    file: "src/consensus/raft/snapshot-sender.ts",
    find: "return confirmedRound > round && this.#clock.tick - since >= patience;",
    replace: "return confirmedRound >= 0 && round >= 0 && this.#clock.tick - since >= patience;",
    caughtBy: ["raft/scripts"],
    simulator: "a copy does no harm where links are fast",
  },
  {
    name: "half-a-snapshot-waits-for-ever-for-the-rest",
    rule: "An unfinished snapshot is discarded when nobody will send the rest.",
    pitfall: 12,
    file: "src/consensus/raft/installation.ts",
    find: "if (incoming.from !== from || incoming.term !== term || previous.index > 0) this.#discard();",
    replace: "if (incoming.received < 0) this.#discard();",
    caughtBy: ["raft/scripts"],
    simulator: "it only takes room on the disk",
  },
];
