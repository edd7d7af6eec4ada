// What stands behind `server.N=`, in ZooKeeper's files, in reconfigurations and in /zookeeper/config: where a member is
// reached, and as what it belongs. The one place that reads and writes it; pure, and it throws nothing.
//
//   host:peer:election[:role] { | host:peer:election[:role] } [;[[host:]clientPort] [;[host:]secureClientPort]]
//
// An IPv6 host stands in brackets. A member with a secure port alone has an empty place for the other: `…;;2281`.

import { consistsOf, isDigits, isPrintable } from "./scan.ts";

export type ServerRole = "participant" | "observer";

export interface ServerLine {
  readonly role: ServerRole;
  /** At least one. */
  readonly addresses: readonly ServerAddress[];
  readonly client: ServerEndpoint | null;
  readonly secureClient: ServerEndpoint | null;
}

interface ServerAddress {
  /** Without brackets. */
  readonly host: string;
  readonly peerPort: number;
  /** ZooKeeper's second port. Raft needs one port only: this one is told to others, and nobody listens there. */
  readonly electionPort: number;
}

/** Where clients come in. `host` null: nothing was said of it, which is every address. */
export interface ServerEndpoint {
  readonly host: string | null;
  readonly port: number;
}

/** In its canonical form, as the log keeps it: a name of 253 characters and more addresses than a machine has. */
export const SERVER_LINE_CHARACTERS_MAX = 4096;

const FORM = "host:peerPort:electionPort[:participant|observer][;[address:]clientPort][;[address:]secureClientPort]";
const PORT_MAX = 65_535;
const EVERY_ADDRESS = "0.0.0.0";

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

/** The canonical form, which all members agree on and ZooKeeper writes: addresses sorted, the role once. */
export function formatServerLine({ role, addresses, client, secureClient }: ServerLine): string {
  const places = addresses.map(({ host, peerPort, electionPort }) => `${bracketed(host)}:${peerPort}:${electionPort}`);
  const plain = client === null ? "" : formatServerEndpoint(client);
  const secure = secureClient === null ? "" : `;${formatServerEndpoint(secureClient)}`;
  const clients = plain === "" && secure === "" ? "" : `;${plain}${secure}`;
  return `${places.sort().join("|")}:${role}${clients}`;
}

/** `port`, or `host:port`. A string says what is wrong. */
export function parseServerEndpoint(text: string): ServerEndpoint | string {
  const parts = hostAndPorts(text);
  if (parts === null || parts.length > 2 || (parts.length === 2 && !isHost(parts[0]!) && parts[0] !== "*")) {
    return `must be a port or host:port, not "${shortened(text)}"`;
  }
  const port = parsePort(parts.at(-1)!);
  if (port === null) return portsOf(parts.at(-1)!);
  return { host: parts.length === 2 ? parts[0]! : null, port };
}

export function formatServerEndpoint({ host, port }: ServerEndpoint): string {
  return `${bracketed(host ?? EVERY_ADDRESS)}:${port}`;
}

/** Every place a member listens at, as `host:port`, for whoever must not listen there as well. */
export function placesOf({ addresses, client, secureClient }: ServerLine): string[] {
  const peers = addresses.flatMap(({ host, peerPort, electionPort }) => [
    `${bracketed(host)}:${peerPort}`,
    `${bracketed(host)}:${electionPort}`,
  ]);
  return [...peers, ...[client, secureClient].filter((each) => each !== null).map(formatServerEndpoint)];
}

export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Null: not a port. */
export function parsePort(text: string): number | null {
  return isDigits(text, 5) && Number(text) <= PORT_MAX ? Number(text) : null;
}

function portsOf(text: string): string {
  return `must have ports up to ${PORT_MAX}, not "${shortened(text)}"`;
}

function parseRole(text: string): ServerRole | null {
  const role = text.toLowerCase();
  return role === "participant" || role === "observer" ? role : null;
}

/** Printable, and nothing that separates: such a name comes back from its text as it went in. */
function isHost(text: string): boolean {
  return text !== "" && isPrintable(text) && ![...SEPARATORS].some((separator) => text.includes(separator));
}

const SEPARATORS = "[]|;,=*";
const DIGITS = "0123456789";
const ADDRESS = `${DIGITS}abcdefABCDEF:.`;
/** Of an interface, behind an address of the link. */
const ZONE = `${DIGITS}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-`;

function isAddress6(text: string): boolean {
  const percent = text.indexOf("%");
  if (percent === -1) return text !== "" && consistsOf(text, ADDRESS);
  const zone = text.slice(percent + 1);
  return percent > 0 && zone !== "" && consistsOf(text.slice(0, percent), ADDRESS) && consistsOf(zone, ZONE);
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
