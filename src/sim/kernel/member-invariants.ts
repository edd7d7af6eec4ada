// The invariants of the members: what Raft, the log and the state promise, checked as it happens. The first violation ends the
// run.

import { crc32 } from "../../base/crc32.ts";
import { decodeConfiguration } from "../../consensus/raft/configuration.ts";
import type { Configuration, EntryKind, LogPosition, MemberId, RecoveredState } from "../../consensus/raft/types.ts";
import { decodePeerMessage, isSnapshotChunk } from "../../replica/peer-messages.ts";
import type { LogWrite } from "../../replica/ports.ts";
import { batchHeaderOf } from "../../state/batch.ts";
import type { Machine } from "../../state/machine.ts";
import { MembershipInvariants, type ProgramLevelOf } from "./membership-invariants.ts";
import type { ObservedMember, Observer } from "./observer.ts";
import { ReferenceMachine } from "./reference-machine.ts";

export interface Violation {
  /** The invariant's name, as it stands in docs/reliability.md. */
  readonly invariant: string;
  readonly what: string;
}

/** States are compared at every so many entries: reading the whole state costs. */
const HASH_EVERY = 32;
/** No frame that speaks of the sender's disk is longer. */
const SHORT_FRAME_BYTES = 100;
/** Of an entry that its first applier had from a snapshot. */
const UNKNOWN_TERM = -1;

interface Committed {
  readonly checksum: number;
  /** Its own, where its first applier had it in a log. */
  readonly term: number;
  /** The latest term that had a leader by then: it was committed in this one or before. */
  readonly under: number;
}

/** What one disk's log holds, as it was asked to: the term of each entry, from `first` on. */
interface Shadow {
  first: number;
  terms: number[];
}

/** What a disk has said to hold for good. */
interface Durable extends Shadow {
  term: number;
  votedFor: MemberId | null;
}

export class MemberInvariants implements Observer {
  readonly reference = new ReferenceMachine();
  readonly violations: Violation[] = [];
  /** Hears of each entry that is applied for the first time anywhere. */
  onFirstApplied: (member: ObservedMember, index: number) => void = () => {};
  /** Whether this member may stop by itself: its disk was made to fail. */
  mayStop: (member: ObservedMember, error: Error) => boolean = () => false;
  onNote: (what: string) => void = () => {};
  /** A process has read its disk. */
  onDiskRead: (member: ObservedMember) => void = () => {};
  /** The highest feature level that a member's program understands. */
  programLevelOf: ProgramLevelOf = () => Number.POSITIVE_INFINITY;
  readonly #membership = new MembershipInvariants();
  readonly #leaders = new Map<number, MemberId>();
  readonly #votes = new Map<string, MemberId>();
  /** Of every entry that was ever written: its content, by index and term. */
  readonly #written = new Map<string, number>();
  /** Of every batch, where it was put into a log first. */
  readonly #batches = new Map<string, readonly LogPosition[]>();
  /** By index, every entry that was applied anywhere. */
  readonly #committed: Committed[] = [{ checksum: 0, term: UNKNOWN_TERM, under: 0 }];
  #highestTerm = 0;
  readonly #hashes = new Map<number, string>();
  readonly #shadows = new Map<string, Shadow>();
  readonly #durables = new Map<string, Durable>();
  readonly #configurations = new Map<string, Configuration>();
  /** Of a leader's snapshot, between whom a part of it was last sent. */
  latestChunk: { readonly from: MemberId; readonly to: MemberId } | null = null;
  /** The latest that was committed. */
  configuration: Configuration | null = null;

  violate(invariant: string, what: string): void {
    this.violations.push({ invariant, what });
    this.onNote(`VIOLATION ${invariant}: ${what}`);
  }

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  /** The latest that was committed, and what these members wrote after it: each goes by the last one in its log. */
  configurationsInForce(members: readonly ObservedMember[]): Configuration[] {
    const found = this.configuration === null ? [] : [this.configuration];
    for (const [position, written] of this.#configurations) {
      const [index, term] = position.split("/").map(Number) as [number, number];
      if (index <= this.committedIndex) continue;
      const isIn = ({ first, terms }: Shadow): boolean => terms[index - first] === term;
      if (members.some((member) => isIn(this.#shadow(member)))) found.push(written);
    }
    return found;
  }

  // ---------------------------------------------------------------------------------------------------- elections

  onStarted(member: ObservedMember): void {
    const { replica } = member;
    if (replica === undefined) return;
    this.onNote(`member ${member.id} takes part, incarnation ${member.incarnation}`);
  }

  onStatus(member: ObservedMember): void {
    const { replica } = member;
    if (replica === undefined) return;
    const { role, term } = replica.status;
    if (role !== "leader") return;
    const other = this.#leaders.get(term);
    if (other === member.id) return;
    if (other !== undefined) {
      this.violate("election safety", `members ${other} and ${member.id} both lead term ${term}`);
      return;
    }
    this.#leaders.set(term, member.id);
    this.onNote(`member ${member.id} leads term ${term}`);
    this.#checkLeaderCompleteness(member, term);
    this.#highestTerm = Math.max(this.#highestTerm, term);
  }

  /** What was committed under earlier leaders is in the log of every later one (one that was slow to learn that it won, too). */
  #checkLeaderCompleteness(member: ObservedMember, term: number): void {
    const { first, terms } = this.#shadow(member);
    for (let index = first; index < this.#committed.length; index++) {
      const committed = this.#committed[index]!;
      if (committed.under >= term) return;
      if (committed.term === UNKNOWN_TERM || terms[index - first] === committed.term) continue;
      this.violate(
        "leader completeness",
        `member ${member.id} leads term ${term} without the committed entry ${index}`,
      );
      return;
    }
  }

  // ---------------------------------------------------------------------------------------------------------- logs

  onLogWrite(member: ObservedMember, { truncateFrom, entries }: LogWrite): void {
    const shadow = this.#shadow(member);
    if (truncateFrom !== null) this.#truncate(member, shadow, truncateFrom);
    for (const { index, term, kind, payload } of entries) {
      const next = shadow.first + shadow.terms.length;
      if (index !== next)
        this.violate("log without gaps", `member ${member.id} writes entry ${index} after ${next - 1}`);
      shadow.terms.push(term);
      const position = `${index}/${term}`;
      const checksum = checksumOf(kind, payload);
      const known = this.#written.get(position);
      if (known === undefined) {
        this.#written.set(position, checksum);
        if (kind === "commands") this.#noteBatch(member, shadow, { index, term }, payload);
      } else if (known !== checksum) this.violate("log matching", `two entries at index ${index} of term ${term}`);
      if (kind === "configuration") this.#configurations.set(position, decodeConfiguration(payload));
    }
  }

  /** Whoever puts a batch into the log, as the leader of its term does before all others, has it there once. */
  #noteBatch(by: ObservedMember, { first, terms }: Shadow, position: LogPosition, payload: Uint8Array): void {
    const { member, run, sequence } = batchHeaderOf(payload);
    const batch = `${member}/${run}/${sequence}`;
    const places = this.#batches.get(batch) ?? [];
    const isThere = ({ index, term }: LogPosition): boolean =>
      index < first ? this.#committed[index]?.term === term : terms[index - first] === term;
    const earlier = places.find(isThere);
    if (earlier !== undefined) {
      const what = `member ${by.id} puts batch ${batch} at ${position.index}, and it stands at ${earlier.index}`;
      this.violate("written once", what);
    }
    this.#batches.set(batch, [...places, position]);
  }

  /** A vote is given when it may be told: one that was lost before it was durable is none. */
  onLogDurable(member: ObservedMember, { truncateFrom, entries, hardState }: LogWrite): void {
    if (hardState?.votedFor != null) this.#noteVote(member, hardState.term, hardState.votedFor);
    const durable = this.#durable(member);
    if (truncateFrom !== null) cutFrom(durable, truncateFrom);
    for (const { index, term } of entries) durable.terms[index - durable.first] = term;
    if (hardState === null) return;
    durable.term = hardState.term;
    durable.votedFor = hardState.votedFor;
  }

  /** Whoever hears of a vote, of a term or of an entry counts on it: by then it is on the disk. */
  onSent(member: ObservedMember, to: MemberId, frame: Uint8Array): void {
    if (isSnapshotChunk(frame)) this.latestChunk = { from: member.id, to };
    if (frame.length > SHORT_FRAME_BYTES) return; // these carry entries, and promise nothing of the sender's disk
    const peerMessage = decodePeerMessage(frame);
    if (peerMessage.kind !== "raft") return;
    const { message } = peerMessage;
    const { term, votedFor, first, terms } = this.#durable(member);
    const hasVoted = (candidate: MemberId): boolean =>
      term > message.term || (term === message.term && votedFor === candidate);
    const said = `member ${member.id} says to member ${to}, with term ${term}, vote ${votedFor} and entry ${first + terms.length - 1} on its disk:`;
    if (message.kind === "vote" && message.granted && !message.pre && !hasVoted(to)) {
      this.violate("durable before sent", `${said} you have my vote in term ${message.term}`);
    } else if (message.kind === "request-vote" && !message.pre && !hasVoted(member.id)) {
      this.violate("durable before sent", `${said} I stand in term ${message.term}`);
    } else if (message.kind === "append-reply" && message.matched && message.index >= first + terms.length) {
      this.violate("durable before sent", `${said} I hold entry ${message.index}`);
    }
  }

  /** An entry counts once a majority's disks hold it. A voter not known by its incarnation yet may be the one that counts. */
  #checkMajority(index: number): void {
    const committed = this.#committed[index]!;
    if (this.configuration === null || committed.term === UNKNOWN_TERM) return;
    const voters = this.configuration.members.filter(({ role }) => role === "voter");
    const holders = voters.filter(({ id, incarnation }) => {
      if (incarnation === 0) return true;
      const durable = this.#durables.get(`${id}/${incarnation}`);
      if (durable === undefined) return false;
      return index < durable.first || durable.terms[index - durable.first] === committed.term;
    });
    if (holders.length * 2 > voters.length) return;
    this.violate(
      "durable on a majority",
      `entry ${index} is applied, and ${holders.length} of ${voters.length} disks hold it`,
    );
  }

  #truncate(member: ObservedMember, shadow: Shadow, from: number): void {
    for (let index = Math.max(from, shadow.first); index <= this.committedIndex; index++) {
      const term = shadow.terms[index - shadow.first];
      if (term === undefined || this.#committed[index]!.term !== term) continue;
      this.violate("commits are final", `member ${member.id} drops the committed entry ${index} of term ${term}`);
    }
    cutFrom(shadow, from);
  }

  #noteVote(member: ObservedMember, term: number, votedFor: MemberId): void {
    const ballot = `${member.id}/${member.incarnation}/${term}`;
    const before = this.#votes.get(ballot);
    if (before === undefined) this.#votes.set(ballot, votedFor);
    else if (before !== votedFor) {
      this.violate("one vote a term", `member ${member.id} votes for ${before} and ${votedFor} in term ${term}`);
    }
  }

  /** The disk may have lost what was not synced: what its log holds is learnt from what it says. */
  onOpened(member: ObservedMember, { hardState, snapshot, lastIndex, termStarts }: RecoveredState): void {
    const terms: number[] = [];
    for (const [i, { index, term }] of termStarts.entries()) {
      const end = termStarts[i + 1]?.index ?? lastIndex + 1;
      for (let at = Math.max(index, snapshot.index + 1); at < end; at++) terms.push(term);
    }
    this.#shadows.set(shadowKey(member), { first: snapshot.index + 1, terms });
    const { term, votedFor } = hardState;
    this.#durables.set(shadowKey(member), { first: snapshot.index + 1, terms: [...terms], term, votedFor });
    this.onDiskRead(member);
  }

  onLogRestart(member: ObservedMember, index: number): void {
    this.#shadows.set(shadowKey(member), { first: index + 1, terms: [] });
  }

  /** What it was asked to write before is on the disk before this. */
  onLogRestarted(member: ObservedMember, index: number): void {
    Object.assign(this.#durable(member), { first: index + 1, terms: [] });
  }

  #shadow(member: ObservedMember): Shadow {
    const key = shadowKey(member);
    let shadow = this.#shadows.get(key);
    if (shadow === undefined) {
      shadow = { first: 1, terms: [] };
      this.#shadows.set(key, shadow);
    }
    return shadow;
  }

  #durable(member: ObservedMember): Durable {
    const key = shadowKey(member);
    let durable = this.#durables.get(key);
    if (durable === undefined) {
      durable = { first: 1, terms: [], term: 0, votedFor: null };
      this.#durables.set(key, durable);
    }
    return durable;
  }

  // --------------------------------------------------------------------------------------------------------- state

  onApply(member: ObservedMember, index: number, kind: EntryKind, payload: Uint8Array): void {
    const checksum = checksumOf(kind, payload);
    const known = this.#committed[index];
    if (known === undefined) {
      if (index !== this.#committed.length) {
        this.violate(
          "state machine safety",
          `member ${member.id} applies entry ${index}, nobody has applied the one before`,
        );
        return;
      }
      const { first, terms } = this.#shadow(member);
      this.#committed.push({ checksum, term: terms[index - first] ?? UNKNOWN_TERM, under: this.#highestTerm });
      if (kind === "commands") this.reference.applyBatch(payload);
      if (kind === "configuration") this.#noteConfiguration(index);
      this.#checkMajority(index);
    } else if (known.checksum !== checksum) {
      this.violate(
        "state machine safety",
        `member ${member.id} applies another entry ${index} than was applied before`,
      );
    }
  }

  #noteConfiguration(index: number): void {
    const before = this.configuration;
    this.configuration = this.#configurations.get(`${index}/${this.#committed[index]!.term}`) ?? before;
    if (before !== null && before.cluster !== this.configuration?.cluster) {
      this.violate("one ensemble", `entry ${index} begins another ensemble than the one that there was`);
    }
  }

  onApplied(member: ObservedMember, index: number, machine: Machine): void {
    if (index === this.committedIndex && this.reference.index < index) this.reference.applyOther(machine.sequence);
    if (index === this.committedIndex && machine.sequence !== this.reference.sequence) {
      const { sequence } = this.reference;
      this.violate(
        "state machine safety",
        `entry ${index} led to sequence number ${machine.sequence}, not ${sequence}`,
      );
    }
    if (index === this.committedIndex) this.#checkMembership(machine);
    this.onFirstApplied(member, index);
    if (index % HASH_EVERY === 0) this.#compare(member, index, machine);
  }

  #checkMembership(machine: Machine): void {
    const violation = this.#membership.violation(machine, this.configuration, this.programLevelOf);
    if (violation !== null) this.violate(...violation);
  }

  onRestored(member: ObservedMember, machine: Machine): void {
    this.onNote(`member ${member.id} has the state of a snapshot of index ${machine.appliedIndex}`);
    this.#compare(member, machine.appliedIndex, machine);
  }

  onSnapshot(member: ObservedMember, index: number, machine: Machine): void {
    this.#compare(member, index, machine);
  }

  /** States at one index are equal, whoever came to them and how. */
  #compare(member: ObservedMember, index: number, machine: Machine): void {
    if (machine.appliedIndex !== index) return;
    try {
      machine.checkInvariants();
    } catch (error) {
      this.violate("state invariants", `member ${member.id} at index ${index}: ${(error as Error).message}`);
    }
    const hash = machine.hash();
    const known = this.#hashes.get(index);
    if (known === undefined) this.#hashes.set(index, hash);
    else if (known !== hash) this.violate("equal states", `member ${member.id} has another state at index ${index}`);
  }

  /** The state holds what the reference models say, and nothing else. */
  compareWithReference(member: ObservedMember): void {
    const machine = member.replica?.machine;
    if (machine === undefined || machine.appliedIndex !== this.committedIndex) return;
    const difference = this.reference.differenceOf(machine);
    if (difference !== null) this.violate("state as in the reference model", `member ${member.id} holds ${difference}`);
  }

  onFatal(member: ObservedMember, error: Error): void {
    this.onNote(`member ${member.id} stops by itself: ${error.message}`);
    if (!this.mayStop(member, error))
      this.violate("members keep running", `member ${member.id} stopped: ${error.stack}`);
  }
}

function cutFrom(shadow: Shadow, from: number): void {
  shadow.terms.length = Math.max(0, Math.min(shadow.terms.length, from - shadow.first));
}

function shadowKey({ id, incarnation }: ObservedMember): string {
  return `${id}/${incarnation}`;
}

function checksumOf(kind: EntryKind, payload: Uint8Array): number {
  return crc32(payload, kind.length);
}
