// The ensemble as ZooKeeper writes it: `server.N=host:peer:election:role;address:client`, one line a member. Reads the
// lines that a reconfiguration brings and works out the membership that it asks for.

import { formatServerLine, parseServerLine, placesOf, type ServerRole } from "../../base/server-line.ts";

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
  readonly revision: number;
  readonly members: readonly EnsembleMember[];
}

export interface MembershipRequest {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
}

const IDS = { least: 1, most: 255 } as const;

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
  return request.newMembers === null
    ? changedMembers(current, request.joining, request.leaving)
    : wholeMembership(request.newMembers);
}

export function isSameEnsemble(some: readonly EnsembleMember[], others: readonly EnsembleMember[]): boolean {
  if (some.length !== others.length) return false;
  return some.every(({ id, address }) => others.some((other) => other.id === id && other.address === address));
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
  let members = [...current];
  for (const text of listed(leaving)) {
    if (!/^[+-]?\d{1,18}$/.test(text)) return null;
    members = members.filter(({ id }) => id !== Number(text));
  }
  for (const line of listed(joining)) {
    const member = parseLine(line);
    if (member === null || !member.hasClientPort) return null;
    members = members.filter(({ id }) => id !== member.id);
    if (members.some((other) => shareAnEndpoint(other.address, member.address))) return null;
    members.push({ id: member.id, role: member.role, address: member.address });
  }
  return sorted(members);
}

function wholeMembership(text: string): readonly EnsembleMember[] | null {
  const members = new Map<number, EnsembleMember>();
  for (const line of text.split(/[,\n\r]/).map((part) => part.trim())) {
    if (line === "" || line.startsWith("#") || line.startsWith("!") || /^version\s*=/.test(line)) continue;
    const member = parseLine(line);
    if (member === null || !line.startsWith("server.")) return null;
    members.set(member.id, { id: member.id, role: member.role, address: member.address });
  }
  return sorted([...members.values()]);
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
  const id = /^\d{1,3}$/.test(number) ? Number(number) : 0;
  const server = parseServerLine(parts[1]!);
  if (id < IDS.least || id > IDS.most || typeof server === "string") return null;
  const hasClientPort = server.client !== null || server.secureClient !== null;
  return { id, role: server.role, address: formatServerLine(server), hasClientPort };
}

/** Two members cannot listen at one place; loopback and wildcard addresses are each machine's own. */
function shareAnEndpoint(some: string, other: string): boolean {
  const others = endpointsOf(other);
  return endpointsOf(some).some((endpoint) => others.includes(endpoint));
}

function endpointsOf(address: string): string[] {
  const line = parseServerLine(address);
  if (typeof line === "string") return [];
  return placesOf(line).filter((place) => !/^(127\.|localhost:|0\.0\.0\.0:|\[::1?\]:)/.test(place));
}
