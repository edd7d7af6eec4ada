// What stands behind `server.N=`, in ZooKeeper's files, in its reconfigurations and in /zookeeper/config: where a member is
// reached, and as what it belongs. The one place that reads and writes it; pure, and it throws nothing. It is ZooKeeper's
// text: whoever speaks no ZooKeeper goes by `Member` (member.ts), as `test/architecture.test.ts` checks.
//
//   host:peer:election[:role] { | host:peer:election[:role] } [;[[host:]clientPort] [;[host:]secureClientPort]]
//
// An IPv6 host stands in brackets. A member with a secure port alone has an empty place for the other: `…;;2281`.

import {
  bracketed,
  type Endpoint,
  EVERY_ADDRESS,
  formatEndpoint,
  isAddress6,
  isHost,
  PORT_MAX,
  parsePort,
} from "./endpoint.ts";
import { type DoorEndpoints, type Member, ZOOKEEPER_DOOR } from "./member.ts";

type ServerRole = "participant" | "observer";

export interface ServerLine {
  readonly role: ServerRole;
  /** At least one. */
  readonly addresses: readonly ServerAddress[];
  readonly client: Endpoint | null;
  readonly secureClient: Endpoint | null;
}

interface ServerAddress {
  /** Without brackets. */
  readonly host: string;
  readonly peerPort: number;
  /** ZooKeeper's second port. Raft needs one port only: this one is told to others, and nobody listens there. */
  readonly electionPort: number;
}

/** In its canonical form, as the log keeps it: a name of 253 characters and more addresses than a machine has. */
export const SERVER_LINE_CHARACTERS_MAX = 4096;

const FORM = "host:peerPort:electionPort[:participant|observer][;[address:]clientPort][;[address:]secureClientPort]";

/** A string says what is wrong with the text, as in "must have the form …". */
export function parseServerLine(text: string): ServerLine | string {
  const [servers = "", client = "", secureClient = "", ...more] = text.split(";").map((part) => part.trim());
  if (more.length > 0) return `must have the form ${FORM}, not "${shortened(text)}"`;
  let role: ServerRole | null = null;
  const addresses: ServerAddress[] = [];
  for (const server of servers.split("|")) {
    const [host = "", peer = "", election = "", roleName, ...rest] = hostAndPorts(server) ?? [];
    if (!isHost(host) || election === "" || rest.length > 0) {
      return `must have the form ${FORM}, not "${shortened(text)}"`;
    }
    const [peerPort, electionPort] = [parsePort(peer), parsePort(election)];
    if (peerPort === null || electionPort === null) return portsOf(peerPort === null ? peer : election);
    if (peerPort === electionPort) return `must have two different ports, not ${peerPort} twice`;
    addresses.push({ host, peerPort, electionPort });
    if (roleName === undefined) continue;
    const named = parseRole(roleName);
    if (named === null) return `must have the role participant or observer, not "${shortened(roleName)}"`;
    if (role !== null && role !== named) return "must have the same role at each of its addresses";
    role = named;
  }
  const plain = client === "" ? null : parseServerEndpoint(client);
  const secure = secureClient === "" ? null : parseServerEndpoint(secureClient);
  if (typeof plain === "string") return plain;
  if (typeof secure === "string") return secure;
  const line: ServerLine = { role: role ?? "participant", addresses, client: plain, secureClient: secure };
  if (formatServerLine(line).length <= SERVER_LINE_CHARACTERS_MAX) return line;
  return `must not be longer than ${SERVER_LINE_CHARACTERS_MAX} characters`;
}

/** Its addresses in the order of the canonical form. */
export function canonicalLine(line: ServerLine): ServerLine {
  const addresses = [...line.addresses].sort((some, other) => (formatAddress(some) < formatAddress(other) ? -1 : 1));
  return { ...line, addresses };
}

/** The canonical form, which all members agree on and ZooKeeper writes: addresses sorted, the role once. */
export function formatServerLine({ role, addresses, client, secureClient }: ServerLine): string {
  const places = addresses.map(formatAddress).sort();
  const plain = client === null ? "" : formatEndpoint(client);
  const secure = secureClient === null ? "" : `;${formatEndpoint(secureClient)}`;
  const clients = plain === "" && secure === "" ? "" : `;${plain}${secure}`;
  return `${places.join("|")}:${role}${clients}`;
}

function formatAddress({ host, peerPort, electionPort }: ServerAddress): string {
  return `${bracketed(host)}:${peerPort}:${electionPort}`;
}

/** `port`, or `host:port`. A string says what is wrong. */
export function parseServerEndpoint(text: string): Endpoint | string {
  const parts = hostAndPorts(text);
  if (parts === null || parts.length > 2 || (parts.length === 2 && !isHost(parts[0]!) && parts[0] !== "*")) {
    return `must be a port or host:port, not "${shortened(text)}"`;
  }
  const port = parsePort(parts.at(-1)!);
  if (port === null) return portsOf(parts.at(-1)!);
  return { host: parts.length === 2 ? parts[0]! : null, port };
}

/** A member as its line says it. What a line cannot say stays as `known` has it: name, notes, the doors that are not ZooKeeper's. */
export function memberOfLine(id: number, line: ServerLine, known: Member | null = null): Member {
  const { role, addresses, client, secureClient } = line;
  const hasDoor = client !== null || secureClient !== null;
  const own = { door: ZOOKEEPER_DOOR, plain: onEvery(client), secure: onEvery(secureClient) };
  const others = known === null ? [] : known.doors.filter(({ door }) => door !== ZOOKEEPER_DOOR);
  const doors: DoorEndpoints[] = hasDoor ? [...others, own] : others;
  return {
    id,
    wantedRole: role === "participant" ? "voter" : "learner",
    name: known === null ? "" : known.name,
    peers: addresses.map(({ host, peerPort, electionPort }) => ({ host, port: peerPort, electionPort })),
    doors: doors.sort((some, other) => (some.door < other.door ? -1 : 1)),
    notes: known === null ? [] : known.notes,
  };
}

/** One way to say "every address", as there is one way to write it: equal lines are equal members. */
function onEvery(endpoint: Endpoint | null): Endpoint | null {
  return endpoint?.host === EVERY_ADDRESS ? { ...endpoint, host: null } : endpoint;
}

/** The line of a member that is reached somewhere. */
export function lineOfMember({ wantedRole, peers, doors }: Member): ServerLine {
  const own = doors.find(({ door }) => door === ZOOKEEPER_DOOR);
  return {
    role: wantedRole === "voter" ? "participant" : "observer",
    addresses: peers.map(({ host, port, electionPort }) => {
      return { host, peerPort: port, electionPort: electionPort ?? usualElectionPort(port) };
    }),
    client: own?.plain ?? null,
    secureClient: own?.secure ?? null,
  };
}

/** What stands in a line where no second port was given: as far from the first as 3888 is from 2888. */
function usualElectionPort(port: number): number {
  return port + 1000 <= PORT_MAX ? port + 1000 : port - 1000;
}

function portsOf(text: string): string {
  return `must have ports up to ${PORT_MAX}, not "${shortened(text)}"`;
}

function parseRole(text: string): ServerRole | null {
  const role = text.toLowerCase();
  return role === "participant" || role === "observer" ? role : null;
}

/** Splits at colons, but not inside the brackets of an IPv6 address. Null: broken brackets. */
function hostAndPorts(text: string): string[] | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith("[")) return trimmed.split(":").map((part) => part.trim());
  const close = trimmed.indexOf("]");
  const after = trimmed.slice(close + 1);
  if (close < 0 || (after !== "" && !after.startsWith(":"))) return null;
  const host = trimmed.slice(1, close);
  if (!isAddress6(host)) return null;
  return after === ""
    ? [host]
    : [
        host,
        ...after
          .slice(1)
          .split(":")
          .map((part) => part.trim()),
      ];
}

function shortened(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
