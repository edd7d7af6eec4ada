// The members as ZooKeeper writes them: `server.N=host:peer:election:role;address:client`, one line a member. Reads the
// lines that a reconfiguration brings and works out the members that it asks for, in one pass over them.

import { type Member, sharedPlacesOf, sortedMembers } from "../../base/member.ts";
import { MEMBERS_MAX, parseMemberId } from "../../base/member-id.ts";
import { isNumber } from "../../base/scan.ts";
import {
  canonicalLine,
  formatServerLine,
  lineOfMember,
  memberOfLine,
  parseServerLine,
  type ServerLine,
} from "../../base/server-line.ts";
import { RECONFIG_TEXT_BYTES_MAX } from "./limits.ts";

export interface MembershipRequest {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
}

/** The text of /zookeeper/config. */
export function ensembleText(members: readonly Member[], version: number): string {
  const lines = sortedMembers(members).map(
    (member) => `server.${member.id}=${formatServerLine(lineOfMember(member))}\n`,
  );
  return `${lines.join("")}version=${version.toString(16)}`;
}

/** The members that a request asks for, in order of ids; null where it cannot be understood. */
export function requestedMembers(current: readonly Member[], request: MembershipRequest): readonly Member[] | null {
  if (exceedsReconfigLimits(request)) return null;
  const members =
    request.newMembers === null
      ? changedMembers(current, request.joining, request.leaving)
      : wholeMembership(current, request.newMembers);
  return members === null || members.length > MEMBERS_MAX ? null : members;
}

/** Whether one of a request's texts is too long to be looked at. */
export function exceedsReconfigLimits({ joining, leaving, newMembers }: MembershipRequest): boolean {
  return [joining, leaving, newMembers].some((text) => text !== null && text.length > RECONFIG_TEXT_BYTES_MAX);
}

function changedMembers(
  current: readonly Member[],
  joining: string | null,
  leaving: string | null,
): readonly Member[] | null {
  const known = new Map(current.map((member) => [member.id, member]));
  const members = new Members(current);
  for (const text of listed(leaving)) {
    if (!isNumber(text, 18)) return null;
    members.remove(Number(text));
  }
  for (const text of listed(joining)) {
    const parsed = parseLine(text);
    if (parsed === null || (parsed.line.client === null && parsed.line.secureClient === null)) return null;
    const member = memberOfLine(parsed.id, parsed.line, known.get(parsed.id));
    members.remove(member.id);
    if (members.isTaken(member)) return null;
    members.add(member);
  }
  return sortedMembers(members.byId.values());
}

/** Members, and how many of them listen at each place. */
class Members {
  readonly byId = new Map<number, Member>();
  readonly #listening = new Map<string, number>();

  constructor(members: readonly Member[]) {
    for (const member of members) this.add(member);
  }

  add(member: Member): void {
    this.byId.set(member.id, member);
    this.#count(member, 1);
  }

  remove(id: number): void {
    const member = this.byId.get(id);
    if (member === undefined) return;
    this.byId.delete(id);
    this.#count(member, -1);
  }

  /** Two members cannot listen at one place. */
  isTaken(member: Member): boolean {
    return sharedPlacesOf(member).some((place) => (this.#listening.get(place) ?? 0) > 0);
  }

  #count(member: Member, one: number): void {
    for (const place of sharedPlacesOf(member)) this.#listening.set(place, (this.#listening.get(place) ?? 0) + one);
  }
}

function wholeMembership(current: readonly Member[], text: string): readonly Member[] | null {
  const known = new Map(current.map((member) => [member.id, member]));
  const members = new Map<number, Member>();
  const lines = text.replaceAll("\n", ",").replaceAll("\r", ",").split(",");
  for (const line of lines.map((part) => part.trim())) {
    if (line === "" || line.startsWith("#") || line.startsWith("!") || isVersion(line)) continue;
    const parsed = parseLine(line);
    if (parsed === null || !line.startsWith("server.")) return null;
    members.set(parsed.id, memberOfLine(parsed.id, parsed.line, known.get(parsed.id)));
  }
  return sortedMembers(members.values());
}

function isVersion(line: string): boolean {
  return line.startsWith("version") && line.slice("version".length).trimStart().startsWith("=");
}

function listed(text: string | null): string[] {
  if (text === null) return [];
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function parseLine(text: string): { readonly id: number; readonly line: ServerLine } | null {
  const parts = text.split("=").map((part) => part.trim());
  if (parts.length !== 2) return null;
  const number = parts[0]!.slice(parts[0]!.lastIndexOf(".") + 1);
  const id = parseMemberId(number);
  const line = parseServerLine(parts[1]!);
  return id === null || typeof line === "string" ? null : { id, line: canonicalLine(line) };
}
