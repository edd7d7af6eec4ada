// The founding of an ensemble: which voters have to take part, and what a voter answers to whoever would found one. Pure.
//
// A member's file lists the voters of the ensemble that is to be. The ensemble is founded by all of them: each of them is
// blank (it remembers nothing), but for at most one, which brings the log of an ensemble that it was the only voter of. A
// majority of blank voters proves nothing: of three, one may have lost its disk and one may never have been started, and
// what was acknowledged lies on the third, which is cut off. Where all answer, there is no third.
//
// Whoever the operator says to be dispensable need not answer; if one of these answers and remembers something, there is no
// founding all the same.

import { votersOf } from "./configuration.ts";
import type { Configuration, MemberId, MemberRecord } from "./types.ts";

/** What a candidate tells the voters that it would found an ensemble with. */
export interface Founding {
  /** Those of its file, ascending: a voter with another list has no part in it. */
  readonly voters: readonly MemberId[];
  /** The ensemble whose log the candidate brings; 0: it is blank. */
  readonly cluster: number;
}

/**
 * What a voter is to a founding. It takes part as "blank", or where it holds a part of the log that the candidate brings:
 * "same-log". "other-voters": its file lists others. "lost-data": it remembers nothing, and knows that this is no
 * beginning. "other-log": it remembers an ensemble.
 */
export type Standing = "blank" | "same-log" | "other-voters" | "lost-data" | "other-log";

export const STANDINGS: readonly Standing[] = ["blank", "same-log", "other-voters", "lost-data", "other-log"];

/** What there is to know of a founding that is waited for; for people. */
export interface FoundingProgress {
  readonly voters: readonly MemberId[];
  /** This member brings a log; otherwise it is blank. */
  readonly bringsLog: boolean;
  /** Voters that do not take part, and why: "silent" where nothing was heard from them lately. */
  readonly missing: ReadonlyMap<MemberId, Standing | "silent">;
}

/** What a voter knows of itself. */
export interface VoterMemory {
  readonly configuration: Configuration;
  readonly lastIndex: number;
  readonly mayFound: boolean;
  /** As its own file lists them. */
  readonly listed: readonly MemberRecord[];
}

export function standingOf(memory: VoterMemory, { voters, cluster }: Founding): Standing {
  const remembers = memory.lastIndex > 0 || memory.configuration.cluster !== 0;
  if (!remembers && !memory.mayFound) return "lost-data";
  if (remembers && (cluster === 0 || memory.configuration.cluster !== cluster)) return "other-log";
  if (!isSameList(voterIds(memory.listed), voters)) return "other-voters";
  return remembers ? "same-log" : "blank";
}

export function takesPart(standing: Standing): boolean {
  return standing === "blank" || standing === "same-log";
}

/** The voters of a list of members, ascending. */
export function voterIds(members: readonly MemberRecord[]): MemberId[] {
  return members
    .filter(({ role }) => role === "voter")
    .map(({ id }) => id)
    .sort((one, other) => one - other);
}

/**
 * Whether `self` is the only voter of its ensemble and the file lists others: then it does not lead alone, but founds the
 * file's ensemble with its log. Not where a reconfiguration has said who belongs: that is newer than any file.
 */
export function isOutgrown(configuration: Configuration, listed: readonly MemberRecord[], self: MemberId): boolean {
  if (configuration.cluster === 0 || configuration.outgoing.length > 0 || configuration.isReconfigured === true)
    return false;
  const voters = votersOf(configuration);
  if (voters.length !== 1 || voters[0]!.id !== self) return false;
  return listed.some(({ id, role }) => role === "voter" && id !== self);
}

/**
 * The first configuration of a founded ensemble: the members of the file, where those voters count that took part. A log that
 * is brought keeps its ensemble's number, and what was committed to it by one voter stays so: joint, until a majority of the
 * new voters holds it.
 */
export function foundedConfiguration(
  current: Configuration,
  listed: readonly MemberRecord[],
  cluster: number,
  incarnationOf: (id: MemberId) => number,
): Configuration {
  const listedToo = (id: MemberId): boolean => listed.some((member) => member.id === id);
  const members = [
    ...listed.map((member) => ({ ...member, incarnation: member.role === "voter" ? incarnationOf(member.id) : 0 })),
    ...(current.cluster === 0 ? [] : current.members.filter(({ id }) => !listedToo(id))),
  ].sort((one, other) => one.id - other.id);
  if (current.cluster === 0) return { cluster, members, outgoing: [] };
  return { cluster: current.cluster, members, outgoing: votersOf(current) };
}

function isSameList(some: readonly MemberId[], others: readonly MemberId[]): boolean {
  return some.length === others.length && some.every((id, i) => id === others[i]);
}
