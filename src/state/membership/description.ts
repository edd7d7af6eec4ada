// The description of a member: the text that Raft's configuration carries for each member, and does not read. Pure.
//
//   form 0: a `server.N=` line, as it was before feature level 1; empty for a member that stands alone
//   form 1: form u8 (1) · role u8 · name · peers u16 { host · port u16 · has u8 · { electionPort u16 }? }*
//           · doors u8 { door · has u8 · { host · port u16 }* }* · notes u8 { key · value }*
//
// Texts are a length (u16) and so many bytes. Both forms are read; the one that all members understand is written. A form
// from 1 on begins with its number, which is no printable character: Raft writes a configuration that holds one in a format
// which older programs refuse (consensus/raft/configuration.ts).

import { ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { type Endpoint, isHost } from "../../base/endpoint.ts";
import type { DoorEndpoints, Member, MemberNote, PeerEndpoint, WantedRole } from "../../base/member.ts";
import { formatServerLine, lineOfMember, memberOfLine, parseServerLine } from "../../base/server-line.ts";
import { byteString, bytesOf } from "../../base/text.ts";

/** From this feature level on descriptions are written in form 1. */
const DESCRIPTION_LEVEL = 1;
/** Of form 1. Two addresses, six doors and a note take some 300 bytes. */
const DESCRIPTION_BYTES_MAX = 16 * 1024;
/**
 * Of all members of an ensemble, as the log writes them. A snapshot's header holds a configuration with the members and the voters
 * that leave, in 4 MiB. Members of server lines never come to it: 255 of the longest, in their shortest addresses, are 1.4 MiB.
 */
const DESCRIPTIONS_BYTES_MAX = 1536 * 1024;

const FORM = 1;
const ROLES: readonly WantedRole[] = ["voter", "learner"];
const HAS = { plain: 1, secure: 2, plainHost: 4, secureHost: 8 } as const;
const UINT16_MAX = 2 ** 16 - 1;

/** As members of this feature level write it. */
export function describe(member: Member, level: number): string {
  if (level >= DESCRIPTION_LEVEL) return encode(member);
  return member.peers.length === 0 ? "" : formatServerLine(lineOfMember(member));
}

/** What is described is a text of a form that this feature level no longer writes. */
export function isOfOlderForm(description: string, level: number): boolean {
  return level >= DESCRIPTION_LEVEL && description.charCodeAt(0) !== FORM;
}

/** A member with this description. One that cannot be read describes a voter that nobody knows how to reach. */
export function memberDescribed(id: number, description: string): Member {
  if (description.charCodeAt(0) === FORM) return decode(id, description) ?? unreachable(id);
  const line = parseServerLine(description);
  return typeof line === "string" ? unreachable(id) : memberOfLine(id, line);
}

/** The members of a configuration. */
export function membersDescribed(records: readonly { readonly id: number; readonly description: string }[]): Member[] {
  return records.map(({ id, description }) => memberDescribed(id, description));
}

/** Equal members are described alike. */
function isSameMember(one: Member, other: Member): boolean {
  return one === other || (one.id === other.id && encode(one) === encode(other));
}

/** Whether these are the same members, in any order. */
export function areSameMembers(some: readonly Member[], others: readonly Member[]): boolean {
  if (some.length !== others.length) return false;
  const byId = new Map(others.map((member) => [member.id, member]));
  return some.every((member) => {
    const other = byId.get(member.id);
    return other !== undefined && isSameMember(member, other);
  });
}

/** What keeps a member from being one of an ensemble; null: nothing. Its lists are put in order by whoever makes it. */
export function flawOfMember(member: Member): string | null {
  return member.peers.length === 0 ? "no place where other members reach it" : flawOfFields(member);
}

/** Whether the descriptions of these members are longer than a configuration can hold. */
export function areTooLong(members: readonly Member[]): boolean {
  return members.reduce((sum, member) => sum + bytesInLog(encode(member)), 0) > DESCRIPTIONS_BYTES_MAX;
}

/** Whether an ensemble can have these members. */
export function canBeMembers(members: readonly Member[]): boolean {
  return members.every((member) => flawOfMember(member) === null) && !areTooLong(members);
}

/** Raft's configuration writes its texts as UTF-8: characters from 128 on take two bytes. */
function bytesInLog(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) count++;
  return count;
}

function flawOfFields(member: Member): string | null {
  const { peers, doors, notes } = member;
  if (doors.length > 255 || notes.length > 255) return "more doors or notes than a description holds";
  if (!peers.every(isPeerEndpoint)) return "a place for members that is no host and port";
  if (!doors.every(isDoor) || !isAscending(doors.map(({ door }) => door))) return "doors that are none";
  if (!isAscending(notes.map(({ key }) => key))) return "notes out of order";
  const texts = [member.name, ...notes.flatMap(({ key, value }) => [key, value]), ...doors.map(({ door }) => door)];
  if (texts.some((text) => text.length > UINT16_MAX || !isOfBytes(text)))
    return "a text that is too long, or not of bytes";
  const { length } = encode(member);
  return length <= DESCRIPTION_BYTES_MAX
    ? null
    : `${length} bytes, and a description has ${DESCRIPTION_BYTES_MAX} at most`;
}

function unreachable(id: number): Member {
  return { id, wantedRole: "voter", name: "", peers: [], doors: [], notes: [] };
}

function encode({ wantedRole, name, peers, doors, notes }: Member): string {
  const writer = new ByteWriter(128);
  writer.uint8(FORM);
  writer.uint8(ROLES.indexOf(wantedRole));
  writeText(writer, name);
  writer.uint16(peers.length);
  for (const { host, port, electionPort } of peers) {
    writeText(writer, host);
    writer.uint16(port);
    writer.boolean(electionPort !== null);
    if (electionPort !== null) writer.uint16(electionPort);
  }
  writer.uint8(doors.length);
  for (const { door, plain, secure } of doors) {
    writeText(writer, door);
    writer.uint8(flagsOf(plain, HAS.plain, HAS.plainHost) | flagsOf(secure, HAS.secure, HAS.secureHost));
    for (const endpoint of [plain, secure]) {
      if (endpoint === null) continue;
      if (endpoint.host !== null) writeText(writer, endpoint.host);
      writer.uint16(endpoint.port);
    }
  }
  writer.uint8(notes.length);
  for (const { key, value } of notes) {
    writeText(writer, key);
    writeText(writer, value);
  }
  return byteString(writer.bytes, 0, writer.length);
}

/** Null: it cannot be read. */
function decode(id: number, description: string): Member | null {
  const bytes = bytesOf(description);
  try {
    const member = readMember(id, new ByteReader(bytes, 1));
    return member !== null && flawOfFields(member) === null ? member : null;
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

function readMember(id: number, reader: ByteReader): Member | null {
  const wantedRole = ROLES[reader.uint8()];
  const name = readText(reader);
  const peers: PeerEndpoint[] = [];
  for (let left = reader.uint16(); left > 0; left--) {
    const host = readText(reader);
    const port = reader.uint16();
    peers.push({ host, port, electionPort: reader.boolean() ? reader.uint16() : null });
  }
  const doors: DoorEndpoints[] = [];
  for (let left = reader.uint8(); left > 0; left--) doors.push(readDoor(reader));
  const notes: MemberNote[] = [];
  for (let left = reader.uint8(); left > 0; left--) notes.push({ key: readText(reader), value: readText(reader) });
  if (wantedRole === undefined || reader.remaining > 0) return null;
  return { id, wantedRole, name, peers, doors, notes };
}

function readDoor(reader: ByteReader): DoorEndpoints {
  const door = readText(reader);
  const has = reader.uint8();
  const endpoint = (isThere: number, hasHost: number): Endpoint | null => {
    if ((has & isThere) === 0) return null;
    const host = (has & hasHost) === 0 ? null : readText(reader);
    return { host, port: reader.uint16() };
  };
  return { door, plain: endpoint(HAS.plain, HAS.plainHost), secure: endpoint(HAS.secure, HAS.secureHost) };
}

function flagsOf(endpoint: Endpoint | null, isThere: number, hasHost: number): number {
  if (endpoint === null) return 0;
  return endpoint.host === null ? isThere : isThere | hasHost;
}

function isPeerEndpoint({ host, port, electionPort }: PeerEndpoint): boolean {
  return isHost(host) && isPort(port) && (electionPort === null || isPort(electionPort));
}

function isDoor({ door, plain, secure }: DoorEndpoints): boolean {
  const isEndpoint = (each: Endpoint | null): boolean =>
    each === null || (isPort(each.port) && (each.host === null || each.host === "*" || isHost(each.host)));
  return isHost(door) && (plain !== null || secure !== null) && isEndpoint(plain) && isEndpoint(secure);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= UINT16_MAX;
}

function isAscending(texts: readonly string[]): boolean {
  return texts.every((text, i) => i === 0 || texts[i - 1]! < text);
}

function isOfBytes(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) return false;
  return true;
}

function writeText(writer: ByteWriter, text: string): void {
  writer.uint16(text.length);
  writer.text(text);
}

function readText(reader: ByteReader): string {
  return reader.text(reader.uint16());
}
