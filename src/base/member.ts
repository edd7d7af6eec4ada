// A member as the ensemble describes it: where others and clients reach it, and what it is to be. Which role it has at
// present, and the incarnation that counts, are Raft's to say. Pure data, whatever protocol brought it.

import { bracketed, type Endpoint, formatEndpoint } from "./endpoint.ts";

/** What a member is to be. A new voter has no vote until it has caught up: the role in Raft may lag behind. */
export type WantedRole = "voter" | "learner";

export interface Member {
  readonly id: number;
  readonly wantedRole: WantedRole;
  /** For people; empty where nobody gave one. */
  readonly name: string;
  /** Where other members reach it; none: nobody knows (a member that stands alone). In ascending order of their texts. */
  readonly peers: readonly PeerEndpoint[];
  /** Where clients come in: one entry a door, in ascending order of the doors' names. */
  readonly doors: readonly DoorEndpoints[];
  /** What operators and doors note about it, in ascending order of keys; each key stands once. */
  readonly notes: readonly MemberNote[];
}

export interface PeerEndpoint {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** ZooKeeper's second port: told to its clients, and nobody listens there. Null: none was given. */
  readonly electionPort: number | null;
}

export interface DoorEndpoints {
  /** As settings name it: `zookeeper`. */
  readonly door: string;
  readonly plain: Endpoint | null;
  readonly secure: Endpoint | null;
}

export interface MemberNote {
  readonly key: string;
  readonly value: string;
}

/** The door whose endpoints stand in `server.N=` lines. */
export const ZOOKEEPER_DOOR = "zookeeper";

export function formatPeerEndpoint({ host, port }: Pick<PeerEndpoint, "host" | "port">): string {
  return `${bracketed(host)}:${port}`;
}

/** Every place a member listens at, as `host:port`, for whoever must not listen there as well. */
function placesOf({ peers, doors }: Pick<Member, "peers" | "doors">): string[] {
  const places = peers.flatMap(({ host, port, electionPort }) => {
    return [port, ...(electionPort === null ? [] : [electionPort])].map((each) =>
      formatPeerEndpoint({ host, port: each }),
    );
  });
  const clients = doors.flatMap(({ plain, secure }) => [plain, secure]).filter((each) => each !== null);
  return [...places, ...clients.map(formatEndpoint)];
}

/** The places that no two members may share. Loopback and wildcard addresses are each machine's own. */
export function sharedPlacesOf(member: Pick<Member, "peers" | "doors">): string[] {
  return [...new Set(placesOf(member))].filter((place) => !OWN_HOSTS.some((host) => place.startsWith(host)));
}

const OWN_HOSTS = ["127.", "localhost:", "0.0.0.0:", "[::1]:", "[::]:"];

export function sortedMembers(members: Iterable<Member>): Member[] {
  return [...members].sort((some, other) => some.id - other.id);
}

export function wantedVoters(members: readonly Member[]): readonly Member[] {
  return members.filter(({ wantedRole }) => wantedRole === "voter");
}
