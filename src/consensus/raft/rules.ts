// Messages that no correct member sends. Whoever sends one is broken, or no member at all. Such a message is dropped before it
// changes anything, so it cannot bring this member into an impossible state. Pure.

import type { RaftLog } from "./log.ts";
import type { MemberId, Message, Role } from "./types.ts";

/** No log grows so long: a million entries a second take thirty-five years. Above it, numbers lose their exactness. */
export const INDEX_MAX = 2 ** 50;

/** What the rules are judged by: this member, as it is in the term of the message. */
export interface Judge {
  readonly role: Role;
  readonly term: number;
  /** Who leads the term, as far as it is known. */
  readonly leader: MemberId | null;
  readonly log: RaftLog;
  /** The latest round of contact that this member began as the leader; 0 on others. */
  readonly round: number;
}

/** Which rule a message breaks, in words; null: none that this member could know of. Terms before its own break none. */
export function ruleBroken(from: MemberId, message: Message, judge: Judge): string | null {
  if (furthestIndexOf(message) > INDEX_MAX) return "an index that no log reaches";
  switch (message.kind) {
    case "append":
      return rivalOf(from, message.term, judge) ?? ruleOfEntries(message, judge);
    case "snapshot":
      if (message.snapshot.term > message.term) return "a snapshot of a later term than its sender's";
      if (message.snapshot.index === 0) return "a snapshot of nothing";
      if (message.snapshot.configuration.members.length === 0) return "a snapshot of an ensemble without members";
      return rivalOf(from, message.term, judge);
    case "append-reply":
      return ruleOfAppendReply(message, judge);
    case "snapshot-reply":
      return ruleOfSnapshotReply(message, judge);
    case "request-vote":
      return message.last.term > message.term ? "a candidate whose log ends after the term that it stands for" : null;
    default:
      return null;
  }
}

/** The largest index that a message speaks of. */
function furthestIndexOf(message: Message): number {
  switch (message.kind) {
    case "append":
      return Math.max(message.commitIndex, message.previous.index + message.entries.length);
    case "append-reply":
    case "snapshot-reply":
      return message.index;
    case "snapshot":
      return message.snapshot.index;
    case "request-vote":
      return message.last.index;
    case "read-reply":
      return message.index ?? 0;
    default:
      return 0;
  }
}

/** A term has one leader. */
function rivalOf(from: MemberId, term: number, { term: own, leader, role }: Judge): string | null {
  if (term !== own) return null;
  if (role === "leader" || (leader !== null && leader !== from)) return `a second leader of term ${term}`;
  return null;
}

/** Terms never go back along a log, and none is later than its leader's. */
function ruleOfEntries(append: Message & { kind: "append" }, { log, term: own }: Judge): string | null {
  const { previous, entries, term } = append;
  let last = previous.term;
  for (const entry of entries) {
    if (entry.term < last) return "entries whose terms go back";
    last = entry.term;
  }
  if (last > term) return "entries of a later term than their sender's";
  if (term < own) return null; // it will be refused anyway
  const base = Math.max(previous.index, log.commitIndex);
  const first = entries[base - previous.index];
  if (first !== undefined && base > previous.index && first.term < log.termAt(base)) {
    return "entries of an earlier term than what is committed before them";
  }
  return null;
}

function ruleOfAppendReply(reply: Message & { kind: "append-reply" }, judge: Judge): string | null {
  if (judge.role !== "leader" || reply.term !== judge.term) return null;
  if (reply.round > judge.round) return "an answer to a round that has not begun";
  if (reply.round > 0 && reply.matched && reply.index > judge.log.lastIndex)
    return "more of this term than its leader holds";
  return null;
}

function ruleOfSnapshotReply(reply: Message & { kind: "snapshot-reply" }, judge: Judge): string | null {
  if (judge.role !== "leader" || reply.term !== judge.term) return null;
  if (reply.round > judge.round) return "an answer to a round that has not begun";
  if (reply.index > judge.log.lastIndex) return "a snapshot of more than its leader holds";
  return null;
}
