// A model: a part of the replicated state with commands, outcomes and events of its own. The machine holds a list of
// models, numbers and deduplicates what comes, and routes each command to its model by the command's first byte.
//
// A model is deterministic: it reads no clock and draws no chance. Equal commands give equal states, outcomes and events on
// every member. Models are strangers to each other; what they share comes in through their constructors.

import type { ByteReader } from "../base/bytes.ts";
import type { Member } from "../base/member.ts";
import type { HashSum } from "./hash-sum.ts";
import type { RecordWriter } from "./record-writer.ts";

/** Why the machine turns a command down before its model sees it. */
export type Refusal =
  /** Its bytes are no command of the model (`endOfCommand`). */
  | "unreadable"
  /** The model is above the feature level: not every member would understand the command. */
  | "feature-level";

/** The command that is being carried out, as its model sees it. One object for all commands: read it, never keep it. */
export interface Turn {
  /** The machine's counter, one a command: failed commands count, too. */
  readonly sequence: number;
  /** Milliseconds since 1970, stamped by the leader. Never goes back. */
  readonly time: number;
  /** Who proposed the command: a member, and the run of its process. `LEADERS_OWN` for what a leader commands by itself. */
  readonly member: number;
  readonly run: number;
  /** The feature level. */
  readonly level: number;
  /** Asks for `settle` of this command's model, once the outcome has been told. */
  settleLater(): void;
  /** A lease is no more: every model lets go of what it attached to it. For the table of leases alone. */
  tellLeaseEnded(id: number): void;
  /** Everyone is told of other members from now on. For the membership alone. */
  tellMembersShown(): void;
  /** The change of members that was taken up at `id` has ended. For the membership alone. */
  tellChangeEnded(id: number, end: ChangeEnd): void;
  /** For the model of the feature level alone. */
  raiseLevel(level: number): void;
}

/** A member as a committed configuration names it. */
export interface ConfiguredMember {
  readonly id: number;
  readonly role: "voter" | "learner";
  /** Its description (membership/description.ts). */
  readonly description: string;
}

/** How a change of members ended. */
export type ChangeEnd = { readonly kind: "in-force" } | { readonly kind: "given-up"; readonly code: string };

/** A change of members that was taken up, until the ensemble is what it asked for. */
export interface PendingChange {
  /** The number of its command: what the wait for its end is known by. */
  readonly id: number;
  readonly members: readonly Member[];
}

export interface Model<Outcome = unknown> {
  /** The first byte of its commands, and of its records in a snapshot. Below 128, and never given twice. */
  readonly number: number;
  /** For messages. */
  readonly name: string;
  /** The feature level from which on its commands are carried out. Below, its state is empty, or in records of `recordKinds`. */
  readonly level: number;
  /** Kinds of snapshot records that it had before there were sections; the others are records of its section. */
  readonly recordKinds?: readonly number[];

  /**
   * Carries out one command. The reader stands behind the operation's byte, and is left at the command's end, whatever the
   * outcome. Events are told in the middle; the outcome is told behind them. `endOfCommand` has read the command before.
   */
  apply(operation: number, reader: ByteReader, turn: Turn): Outcome;
  /** The outcome of a command that the machine turns down. */
  refused(why: Refusal): Outcome;
  /** What is to be done behind the outcome of a command that asked for it by `settleLater`. */
  settle?(turn: Turn): void;

  /**
   * Where the command ends that begins at `at` (its model byte), or `NOWHERE`. It is asked about bytes of strangers, before
   * anything is applied: it is linear in them, and reads none from `end` on.
   */
  endOfCommand(bytes: Uint8Array, at: number, end: number): number;
  /** A quick check for the most frequent commands: whether [at, end) is one, whole. "No" means nothing. */
  isPlainCommand?(bytes: DataView, at: number, end: number): boolean;
  /** Whether only a leader gives this operation by itself: a batch that another member proposes must not hold it. */
  isLeadersOwn(operation: number): boolean;

  /** A lease ended: what is attached to it goes. The lease is no longer in its table; its own event comes afterwards. */
  onLeaseEnded?(id: number, turn: Turn): void;
  /** Everyone is told of other members from now on: `MembershipTable` has them. */
  onMembersShown?(turn: Turn): void;
  /** The change of members that was taken up at `id` has ended; what it changed was shown before. */
  onChangeEnded?(id: number, end: ChangeEnd, turn: Turn): void;
  /** A complete configuration was committed. */
  onMembership?(members: readonly ConfiguredMember[], turn: Turn): void;
  /** Whether `onMembership` with these members is a change that takes a sequence number of its own. */
  isChangedByMembership?(members: readonly ConfiguredMember[]): boolean;

  /** Offline: this state becomes the first of another ensemble (refounding.ts). What was to become of the old one's members goes. */
  beginAnew?(): void;

  /** The section as it is now, written in slices while commands go on being applied. One at a time. */
  beginSnapshot(records: RecordWriter): SnapshotSection;
  /** Reads a section; the model keeps its own state until `adopt`. */
  restore(): RestoredSection;
  /** Adds what the state is: equal states add equal texts, in any order. */
  addToHash(sum: HashSum): void;
  /** Asserts the invariants of the whole state. Reads everything: for simulators and tests. */
  checkInvariants(): void;
}

export interface SnapshotSection {
  /** Writes some more, at least one record; false once all is written. */
  writeMore(): boolean;
  /** How many things were written; the snapshot's end says it again. */
  readonly count: number;
  /** Called once, whether all was written or not. */
  end(): void;
}

export interface RestoredSection {
  /** How many things were read. */
  readonly count: number;
  /** Reads one record. `kind` is one of the model's `recordKinds`; null in a section. Throws `MalformedError`. */
  read(kind: number | null, reader: ByteReader): void;
  /** All was read: throws `MalformedError` unless it is a whole state. `others`: the sections of other models. */
  complete(others: RestoredSections): void;
  /** From now on the model has this state. */
  adopt(): void;
}

/** The sections of a snapshot that is being read, by their models. */
export type RestoredSections = <Section extends RestoredSection>(model: { restore(): Section }) => Section;

/** What models need of the table of leases. */
export interface LeaseTable {
  has(id: number): boolean;
  /** Whether the lease lives and is served by the run that proposed this turn's command; if not, why not. */
  refusal(id: number, turn: Turn): "session-expired" | "session-moved" | null;
  /** In a snapshot that is being read. */
  restore(): RestoredSection & { has(id: number): boolean };
}

/** What models need of the membership. */
export interface MembershipTable {
  /** Those that others reach, in the last complete configuration; empty where a member stands alone. */
  readonly members: readonly Member[];
  /** Those that everyone is told of: what a change passes through on its way is not shown. */
  readonly shown: readonly Member[];
  /** The number of the command or configuration since which they are shown; 0 for the first. */
  readonly version: number;
  readonly pending: PendingChange | null;
  /** Whether an ensemble can have these members: each can be described, and their descriptions together are not too long. */
  canHave(members: readonly Member[]): boolean;
  /**
   * Takes up a change to these members, which an ensemble can have, in order of their numbers; none may be pending. The command
   * asks for `settleLater`.
   */
  begin(members: readonly Member[], turn: Turn): void;
  /** Behind the outcome of a command that began a change. */
  settle(turn: Turn): void;
  /** The change of this number, if it is still pending, will not come about. */
  giveUp(id: number, code: string, turn: Turn): void;
}
