// The members of the ensemble: questions about a configuration, the two steps of changing one (joint consensus, Raft §6), and
// its bytes in the log. Pure.

import { assert } from "../../base/assert.ts";
import { ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { isMemberId, MEMBERS_MAX, readMemberId, writeMemberId } from "../../base/member-id.ts";
import { fromByteString, toByteString } from "../../base/text.ts";
import type { Configuration, MemberId, MemberRecord } from "./types.ts";

/** The voters of the configuration in force, or of the one being entered while a change is in its joint phase. */
export function votersOf(configuration: Configuration): readonly MemberRecord[] {
  return configuration.members.filter((member) => member.role === "voter");
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

export function isVoter(configuration: Configuration, id: MemberId): boolean {
  return voterRecord(configuration, id) !== undefined;
}

/** A voter's record, of whichever half of a joint configuration it votes in; a voter of both has the same in both. */
function voterRecord(configuration: Configuration, id: MemberId): MemberRecord | undefined {
  const isIt = (member: MemberRecord): boolean => member.id === id && member.role === "voter";
  return configuration.members.find(isIt) ?? configuration.outgoing.find(isIt);
}

/** Whether this very incarnation of a member has a vote: not one whose disk was lost since, nor one not known yet. */
export function namesVoter(configuration: Configuration, id: MemberId, incarnation: number): boolean {
  return incarnation !== 0 && voterRecord(configuration, id)?.incarnation === incarnation;
}

/** Everyone but `self` who is to be sent the log, ascending. */
export function peersOf(configuration: Configuration, self: MemberId): MemberId[] {
  const ids = new Set<MemberId>();
  for (const { id } of configuration.members) ids.add(id);
  for (const { id } of configuration.outgoing) ids.add(id);
  ids.delete(self);
  return [...ids].sort((one, other) => one - other);
}

/**
 * The configuration that leads from `current` to `members`: joint where the voters change, else at once. Null where the
 * change is not allowed: no majority of voters whose incarnation is named, a member named twice, a change already under
 * way, or a voter that would pass its vote to another incarnation of itself. The last must lose its vote first and catch
 * up: in one step, the new disk would be counted for what only the old one held.
 *
 * A voter that is not named never counts, and it is named by an entry that must be committed: voters most of whom are not
 * named could commit nothing, not even their names, and elect nobody for ever.
 */
export function changeTo(
  current: Configuration,
  members: readonly MemberRecord[],
  isReconfiguration = false,
): Configuration | null {
  const sorted = [...members].sort((one, other) => one.id - other.id);
  if (isJoint(current) || members.length > MEMBERS_MAX) return null;
  for (let i = 1; i < sorted.length; i++) if (sorted[i - 1]!.id === sorted[i]!.id) return null;
  for (const member of sorted) if (!isValidRecord(member) || swapsIncarnation(current, member)) return null;
  const before = votersOf(current);
  const after = sorted.filter((member) => member.role === "voter");
  if (after.filter(({ incarnation }) => incarnation !== 0).length * 2 <= after.length) return null;
  const keepsVoters = before.length === after.length && before.every(({ id }, i) => id === after[i]?.id);
  const outgoing = keepsVoters ? [] : before;
  const next = { cluster: current.cluster, members: sorted, outgoing };
  return isReconfiguration || current.isReconfigured === true ? { ...next, isReconfigured: true } : next;
}

function swapsIncarnation(current: Configuration, member: MemberRecord): boolean {
  if (member.role !== "voter") return false;
  const present = voterRecord(current, member.id);
  return present !== undefined && present.incarnation !== 0 && present.incarnation !== member.incarnation;
}

function isValidRecord(member: MemberRecord): boolean {
  return isMemberId(member.id) && Number.isSafeInteger(member.incarnation) && member.incarnation >= 0;
}

/** The second step: the voters of the old configuration have no say any more. */
export function leaveJoint(configuration: Configuration): Configuration {
  assert(isJoint(configuration), "leaving a joint configuration that is not one");
  return { ...configuration, outgoing: [] };
}

/**
 * Names the incarnations of voters not known by one yet; null where there is nothing to name. It takes no joint phase:
 * such a voter was never counted, so every majority so far was one of the others, and any two majorities meet.
 */
export function nameIncarnations(
  configuration: Configuration,
  incarnationOf: (id: MemberId) => number,
): Configuration | null {
  if (isJoint(configuration)) return null;
  let named = false;
  const members = configuration.members.map((member) => {
    const incarnation = member.role === "voter" && member.incarnation === 0 ? incarnationOf(member.id) : 0;
    if (incarnation === 0) return member;
    named = true;
    return { ...member, incarnation };
  });
  return named ? { ...configuration, members } : null;
}

/**
 * The fields are the same in both. `numbered`: a member's description begins with the number of its form, an unprintable
 * character. Programs that know no such form refuse the format, and do not take part without knowing how to reach others.
 */
const FORMAT = { plain: 3, numbered: 4 } as const;
/** The first character of a text; below it are numbers of forms. */
const BLANK = 0x20;
const ROLES: readonly MemberRecord["role"][] = ["voter", "learner"];

/** The payload of a `configuration` entry. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter(64);
  writer.uint8(isPlain(configuration) ? FORMAT.plain : FORMAT.numbered);
  writer.boolean(configuration.isReconfigured === true);
  writer.int64(configuration.cluster);
  writeMembers(writer, configuration.members);
  writeMembers(writer, configuration.outgoing);
  return writer.copy();
}

/** Throws `MalformedError` on bytes that `encodeConfiguration` does not write. */
export function decodeConfiguration(payload: Uint8Array): Configuration {
  const reader = new ByteReader(payload);
  const format = reader.uint8();
  if (format !== FORMAT.plain && format !== FORMAT.numbered) {
    throw new MalformedError(
      `a configuration of format ${format}, this version reads ${FORMAT.plain} and ${FORMAT.numbered}: ` +
        "the ensemble runs a later version, and this program is too old for its data",
    );
  }
  const isReconfigured = reader.boolean();
  const cluster = reader.natural();
  const members = readMembers(reader);
  const outgoing = readMembers(reader);
  if (reader.remaining > 0) throw new MalformedError(`${reader.remaining} bytes after a configuration`);
  return isReconfigured ? { cluster, members, outgoing, isReconfigured } : { cluster, members, outgoing };
}

function isPlain({ members, outgoing }: Configuration): boolean {
  return [...members, ...outgoing].every(({ description }) => description === "" || description.charCodeAt(0) >= BLANK);
}

function writeMembers(writer: ByteWriter, members: readonly MemberRecord[]): void {
  writer.uint8(members.length);
  for (const member of members) {
    assert(isValidRecord(member), `member ${member.id} cannot be written`);
    const description = toByteString(member.description);
    writeMemberId(writer, member.id);
    writer.uint8(ROLES.indexOf(member.role));
    writer.int64(member.incarnation);
    writer.uint16(description.length);
    writer.text(description);
  }
}

function readMembers(reader: ByteReader): MemberRecord[] {
  const members: MemberRecord[] = [];
  for (let count = reader.uint8(); count > 0; count--) {
    const id = readMemberId(reader);
    const role = ROLES[reader.uint8()];
    const incarnation = reader.natural();
    const description = fromByteString(reader.text(reader.uint16()));
    if (role === undefined) throw new MalformedError(`member ${id} has an unknown role`);
    const member = { id, role, incarnation, description };
    if (!isValidRecord(member) || members.some((other) => other.id === id)) {
      throw new MalformedError(`a configuration with an impossible member ${id}`);
    }
    members.push(member);
  }
  return members;
}
