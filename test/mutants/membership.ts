// Planted bugs in the membership of the state, and in how it and the feature level are carried out and written.

import type { Mutant } from "./mutant.ts";

const STATE_ALONE = "every member's state breaks the rule alike, and members and clients go on";

export const MEMBERSHIP: readonly Mutant[] = [
  {
    name: "a-change-of-members-replaces-the-one-that-is-pending",
    rule: "One change of members at a time, whoever asks and by whichever command.",
    pitfall: 17,
    file: "src/state/membership/model.ts",
    find: `if (this.pending !== null) return rejected("change-in-progress");`,
    replace: "this.#state = { ...this.#state, pending: null };",
    caughtBy: ["state/membership"],
    simulator: true,
  },
  {
    name: "a-change-builds-on-any-version",
    rule: "A change that names a version is refused where the members are of another.",
    file: "src/state/membership/model.ts",
    find: `if (version !== null && version !== this.version) return rejected("bad-version");`,
    replace: "",
    caughtBy: ["state/membership"],
    simulator: STATE_ALONE,
  },
  {
    name: "a-change-that-is-in-force-stays-pending",
    rule: "A change of members ends when a complete configuration is what it asked for.",
    file: "src/state/membership/model.ts",
    find: "else if (areSameMembers(this.pending.members, members)) this.#complete(turn);",
    replace: "",
    caughtBy: ["state/membership"],
    simulator: true,
  },
  {
    name: "any-end-ends-the-pending-change",
    rule: "The end of one change does not end another.",
    file: "src/state/membership/model.ts",
    find: "if (this.pending?.id !== id) return;",
    replace: "if (this.pending === null) return;",
    caughtBy: ["state/membership", "state/reconfiguration"],
    simulator: "a leader gives up what is pending, and nothing else",
  },
  {
    name: "two-members-listen-at-one-place",
    rule: "No two members are reached at one place.",
    file: "src/state/membership/target.ts",
    find: `if (sharedPlacesOf(member).some((place) => (this.#listening.get(place) ?? 0) > 0)) return "place-taken";`,
    replace: "",
    caughtBy: ["state/membership"],
    simulator: "its members have places of their own",
  },
  {
    name: "nobody-is-left-to-vote",
    rule: "A change of members leaves one that is to vote.",
    file: "src/state/membership/target.ts",
    find: `return wantedVoters(target).length === 0 ? "no-voters" : target;`,
    replace: "return target;",
    caughtBy: ["state/membership"],
    simulator: "nobody asks for that",
  },
  {
    name: "a-line-of-zookeepers-forgets-the-other-doors",
    rule: "What a server.N line cannot say of a member stays as it was.",
    file: "src/base/server-line.ts",
    find: "notes: known === null ? [] : known.notes,",
    replace: "notes: [],",
    caughtBy: ["state/membership"],
    simulator: "its members have no notes",
  },
  {
    name: "a-snapshot-forgets-the-pending-change",
    rule: "A snapshot holds the change of members that is pending.",
    pitfall: 28,
    file: "src/state/membership/snapshot.ts",
    find: "const pending = reader.boolean() ? { id: reader.counter(), members: readMembers(reader, read) } : null;",
    replace: `if (reader.boolean()) {
    reader.counter();
    readMembers(reader, read);
  }
  const pending = null;`,
    caughtBy: ["state/membership", "state/snapshot"],
    simulator: true,
  },
  {
    name: "members-are-described-in-a-form-that-not-all-understand",
    rule: "Descriptions are written in the form of the feature level.",
    pitfall: 36,
    file: "src/state/membership/description.ts",
    find: "if (level >= DESCRIPTION_LEVEL) return encode(member);",
    replace: "if (level >= 0) return encode(member);",
    caughtBy: ["formats/state"],
    simulator: "its older program reads what this one writes",
  },
  {
    name: "a-new-form-of-descriptions-passes-for-the-old-one",
    rule: "A configuration with descriptions of a newer form has a format that older programs refuse.",
    pitfall: 36,
    file: "src/consensus/raft/configuration.ts",
    find: "writer.uint8(isPlain(configuration) ? FORMAT.plain : FORMAT.numbered);",
    replace: "writer.uint8(FORMAT.plain);",
    caughtBy: ["formats/peer-messages"],
    simulator: "its older program reads what this one writes",
  },
  {
    name: "descriptions-stay-in-the-old-form",
    rule: "When the feature level is raised, the leader describes the members anew.",
    pitfall: 36,
    file: "src/replica/duties/membership.ts",
    find: "if (renewed !== null) return renewed;",
    replace: "",
    caughtBy: ["replica/membership"],
    simulator: true,
  },
];
