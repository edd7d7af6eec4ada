// The membership in a snapshot. Below feature level 1 it is a record that is older than sections, with `server.N=` lines; from
// level 1 on a record of its section, with descriptions of form 1.
//
//   record 4:  members · members shown · version i64 · has u8 · { id i64 · members pending }?
//   section:   the same
//
//   members: count u8 · { id i32 · description }*, a description's length being u32 in record 4 and u16 in the section

import { type ByteReader, type ByteWriter, MalformedError } from "../../base/bytes.ts";
import type { Member } from "../../base/member.ts";
import { readMemberId, writeMemberId } from "../../base/member-id.ts";
import type { PendingChange, RestoredSection, SnapshotSection } from "../model.ts";
import type { RecordWriter } from "../record-writer.ts";
import { MEMBERSHIP_MODEL, readMember, writeMember } from "./commands.ts";
import { describe, memberDescribed } from "./description.ts";

export const ENSEMBLE_RECORD = 4;

export interface MembershipState {
  readonly members: readonly Member[];
  readonly shown: readonly Member[];
  readonly version: number;
  readonly pending: PendingChange | null;
}

/** All is written at once, and nothing of it in slices: 255 members at most. */
export class MembershipSection implements SnapshotSection {
  /** Records of the section; the older record was never counted. */
  readonly count: number;

  constructor(records: RecordWriter, state: MembershipState) {
    this.count = records.hasSections ? 1 : 0;
    if (records.hasSections) writeState(records.beginSection(MEMBERSHIP_MODEL), state, writeMember);
    else writeState(records.begin(ENSEMBLE_RECORD), state, writeLine);
    records.end();
  }

  writeMore(): boolean {
    return false;
  }

  end(): void {}
}

export class RestoredMembership implements RestoredSection {
  readonly #adopt: (state: MembershipState) => void;
  #state: MembershipState | null = null;
  count = 0;

  constructor(adopt: (state: MembershipState) => void) {
    this.#adopt = adopt;
  }

  read(kind: number | null, reader: ByteReader): void {
    if (this.#state !== null) throw new MalformedError("a membership that comes twice");
    if (kind === null) this.count++;
    this.#state = readState(reader, kind === null ? readMember : readLine);
  }

  complete(): void {
    if (this.#state === null) throw new MalformedError("a state without a membership");
  }

  adopt(): void {
    this.#adopt(this.#state!);
  }
}

type WriteMember = (writer: ByteWriter, member: Member) => void;
type ReadMember = (reader: ByteReader) => Member;

function writeState(
  writer: ByteWriter,
  { members, shown, version, pending }: MembershipState,
  write: WriteMember,
): void {
  writeMembers(writer, members, write);
  writeMembers(writer, shown, write);
  writer.int64(version);
  writer.boolean(pending !== null);
  if (pending === null) return;
  writer.int64(pending.id);
  writeMembers(writer, pending.members, write);
}

function readState(reader: ByteReader, read: ReadMember): MembershipState {
  const members = readMembers(reader, read);
  const shown = readMembers(reader, read);
  const version = reader.counter();
  const pending = reader.boolean() ? { id: reader.counter(), members: readMembers(reader, read) } : null;
  return { members, shown, version, pending };
}

function writeMembers(writer: ByteWriter, members: readonly Member[], write: WriteMember): void {
  writer.uint8(members.length);
  for (const member of members) write(writer, member);
}

function readMembers(reader: ByteReader, read: ReadMember): readonly Member[] {
  const members: Member[] = [];
  for (let left = reader.uint8(); left > 0; left--) members.push(read(reader));
  if (new Set(members.map(({ id }) => id)).size < members.length) throw new MalformedError("a member that comes twice");
  return members;
}

function writeLine(writer: ByteWriter, member: Member): void {
  const line = describe(member, 0);
  writeMemberId(writer, member.id);
  writer.int32(line.length);
  writer.text(line);
}

function readLine(reader: ByteReader): Member {
  const id = readMemberId(reader);
  return memberDescribed(id, reader.text(reader.uint32()));
}
