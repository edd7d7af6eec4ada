// The ensemble as ZooKeeper writes it: `server.N=host:peer:election:role;address:client`, one line a member. Reads the
// lines that a reconfiguration brings and works out the membership that it asks for, in one pass over them.

import { MEMBERS_MAX, parseMemberId } from "../../base/member-id.ts";
import { isNumber } from "../../base/scan.ts";
import { formatServerLine, parseServerLine, placesOf, type ServerRole } from "../../base/server-line.ts";
import { RECONFIG_TEXT_BYTES_MAX } from "./limits.ts";

/** Declared, which the role in Raft may lag behind: a new participant has no vote until it has caught up. */
export type DeclaredRole = ServerRole;

export interface EnsembleMember {
  readonly id: number;
  readonly role: DeclaredRole;
  /** What stands behind `server.N=`, the role included. */
  readonly address: string;
}

/** A reconfiguration taken up, until the ensemble is what it asked for. */
export interface PendingReconfiguration {
  /** The command's: what the wait for its end is known by. */
  readonly zxid: number;
  readonly members: readonly EnsembleMember[];
}

export interface MembershipRequest {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
}

/** The text of /zookeeper/config. */
export function ensembleText(members: readonly EnsembleMember[], version: number): string {
  const lines = sorted(members).map(({ id, address }) => `server.${id}=${address}\n`);
  return `${lines.join("")}version=${version.toString(16)}`;
}

/** The membership that a request asks for, in order of ids; null where it cannot be understood. */
export function requestedMembers(
  current: readonly EnsembleMember[],
  request: MembershipRequest,
): readonly EnsembleMember[] | null {
  if (exceedsReconfigLimits(request)) return null;
  const members =
    request.newMembers === null
      ? changedMembers(current, request.joining, request.leaving)
      : wholeMembership(request.newMembers);
  return members === null || members.length > MEMBERS_MAX ? null : members;
}

/** Whether one of a request's texts is too long to be looked at. */
export function exceedsReconfigLimits({ joining, leaving, newMembers }: MembershipRequest): boolean {
  return [joining, leaving, newMembers].some((text) => text !== null && text.length > RECONFIG_TEXT_BYTES_MAX);
}

export function isSameEnsemble(some: readonly EnsembleMember[], others: readonly EnsembleMember[]): boolean {
  if (some.length !== others.length) return false;
  const addresses = new Map(others.map(({ id, address }) => [id, address]));
  return some.every(({ id, address }) => addresses.get(id) === address);
}

/** What an address declares; nothing said is a participant. */
export function declaredRole(address: string): DeclaredRole {
  const line = parseServerLine(address);
  return typeof line === "string" ? "participant" : line.role;
}

function changedMembers(
  current: readonly EnsembleMember[],
  joining: string | null,
  leaving: string | null,
): readonly EnsembleMember[] | null {
  const members = new Members(current);
  for (const text of listed(leaving)) {
    if (!isNumber(text, 18)) return null;
    members.remove(Number(text));
  }
  for (const line of listed(joining)) {
    const member = parseLine(line);
    if (member === null || !member.hasClientPort) return null;
    members.remove(member.id);
    if (members.isTaken(member.address)) return null;
    members.add({ id: member.id, role: member.role, address: member.address });
  }
  return sorted([...members.byId.values()]);
}

/** Members, and how many of them listen at each endpoint. */
class Members {
  readonly byId = new Map<number, EnsembleMember>();
  readonly #listening = new Map<string, number>();

  constructor(members: readonly EnsembleMember[]) {
    for (const member of members) this.add(member);
  }

  add(member: EnsembleMember): void {
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
  isTaken(address: string): boolean {
    return endpointsOf(address).some((endpoint) => (this.#listening.get(endpoint) ?? 0) > 0);
  }

  #count({ address }: EnsembleMember, one: number): void {
    for (const endpoint of endpointsOf(address)) {
      this.#listening.set(endpoint, (this.#listening.get(endpoint) ?? 0) + one);
    }
  }
}

function wholeMembership(text: string): readonly EnsembleMember[] | null {
  const members = new Map<number, EnsembleMember>();
  const lines = text.replaceAll("\n", ",").replaceAll("\r", ",").split(",");
  for (const line of lines.map((part) => part.trim())) {
    if (line === "" || line.startsWith("#") || line.startsWith("!") || isVersion(line)) continue;
    const member = parseLine(line);
    if (member === null || !line.startsWith("server.")) return null;
    members.set(member.id, { id: member.id, role: member.role, address: member.address });
  }
  return sorted([...members.values()]);
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

function sorted(members: readonly EnsembleMember[]): EnsembleMember[] {
  return [...members].sort((some, other) => some.id - other.id);
}

function parseLine(line: string): (EnsembleMember & { readonly hasClientPort: boolean }) | null {
  const parts = line.split("=").map((part) => part.trim());
  if (parts.length !== 2) return null;
  const number = parts[0]!.slice(parts[0]!.lastIndexOf(".") + 1);
  const id = parseMemberId(number);
  const server = parseServerLine(parts[1]!);
  if (id === null || typeof server === "string") return null;
  const hasClientPort = server.client !== null || server.secureClient !== null;
  return { id, role: server.role, address: formatServerLine(server), hasClientPort };
}

/** Each once; but for loopback and wildcard addresses, which are each machine's own. */
function endpointsOf(address: string): string[] {
  const line = parseServerLine(address);
  if (typeof line === "string") return [];
  return [...new Set(placesOf(line))].filter((place) => !OWN_HOSTS.some((host) => place.startsWith(host)));
}

const OWN_HOSTS = ["127.", "localhost:", "0.0.0.0:", "[::1]:", "[::]:"];
