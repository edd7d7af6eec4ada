// The replica: which members have a vote.

import type { Mutant } from "./mutant.ts";

export const REPLICA_MEMBERSHIP: readonly Mutant[] = [
  {
    name: "a-wiped-member-keeps-its-vote",
    rule: "A voter that comes back with an empty disk loses its vote until it has caught up.",
    pitfall: 26,
    file: "src/replica/duties/membership.ts",
    find: "const mended = demote(configuration, view) ?? admit(configuration, view);",
    replace: "const mended = admit(configuration, view);",
    caughtBy: ["replica/membership"],
    simulator: true,
  },
  {
    name: "a-newcomer-votes-before-it-has-caught-up",
    rule: "A new member has a vote only after it has caught up.",
    file: "src/replica/duties/membership.ts",
    find: "if (seen === null || !seen.active || !seen.isCaughtUp || seen.incarnation === 0) continue;",
    replace: "if (seen === null || !seen.active || seen.incarnation === 0) continue;",
    caughtBy: ["replica/membership"],
    simulator: "an early vote breaks no promise: it only holds commits up",
  },
  {
    name: "voters-that-are-not-named-are-counted-on",
    rule: "A reconfiguration counts only voters whose incarnations the configuration names.",
    file: "src/replica/duties/membership.ts",
    find: "seen?.active === true && seen.isCaughtUp && incarnation !== 0 && seen.incarnation === incarnation;",
    replace: "seen?.active === true && seen.isCaughtUp && (incarnation === 0 || seen.incarnation === incarnation);",
    caughtBy: ["replica/membership"],
    simulator: "the core refuses such a change",
  },
  {
    name: "voters-that-lag-behind-are-counted-on",
    rule: "A reconfiguration counts only voters that have caught up, because the others would delay every write.",
    file: "src/replica/duties/membership.ts",
    find: "seen?.active === true && seen.isCaughtUp && incarnation !== 0",
    replace: "seen?.active === true && incarnation !== 0",
    caughtBy: ["replica/membership", "replica/membership-changes"],
    simulator: "its followers are not slow for long enough",
  },
];
