// The value of a `server.N` line:
//
//   host:peer:election[:role] { | host:peer:election[:role] } [;[host:]clientPort] [;[host:]secureClientPort]
//
// An IPv6 host stands in brackets. Also how a member is written back, in the one form that all members agree on.

import type { ConfiguredMember, Endpoint, PeerAddress } from "./configuration.ts";

/** What is wrong with a text; the caller adds where it stands. */
export class Complaint extends Error {
  override readonly name = "Complaint";
}

const FORM = "host:peerPort:electionPort[:participant|observer][;[address:]clientPort][;[address:]secureClientPort]";

export function parseServer(id: number, text: string): ConfiguredMember {
  const [servers = "", client = "", secureClient = "", ...rest] = text.split(";").map((part) => part.trim());
  if (rest.length > 0) throw new Complaint(`must have the form ${FORM}, not "${text}"`);
  let role: ConfiguredMember["role"] | null = null;
  const addresses: PeerAddress[] = [];
  for (const server of servers.split("|")) {
    const [host = "", peerPort = "", electionPort = "", roleName, ...more] = splitHostAndPorts(server.trim());
    if (host === "" || electionPort === "" || more.length > 0) {
      throw new Complaint(`must have the form ${FORM}, not "${text}"`);
    }
    addresses.push({ host, peerPort: parsePort(peerPort), electionPort: parsePort(electionPort) });
    if (peerPort === electionPort) throw new Complaint(`must have two different ports, not ${peerPort} twice`);
    if (roleName === undefined) continue;
    const named = parseRole(roleName);
    if (role !== null && role !== named) throw new Complaint("must have the same role at each of its addresses");
    role = named;
  }
  return {
    id,
    role: role ?? "participant",
    addresses,
    client: client === "" ? null : parseEndpoint(client),
    secureClient: secureClient === "" ? null : parseEndpoint(secureClient),
  };
}

/** The canonical text of a member: what `/zookeeper/config` shows after `server.N=`, and what Raft carries as address. */
export function formatServer(member: ConfiguredMember): string {
  const servers = member.addresses.map(
    ({ host, peerPort, electionPort }) => `${bracketed(host)}:${peerPort}:${electionPort}:${member.role}`,
  );
  let text = servers.join("|");
  if (member.client) text += `;${formatEndpoint(member.client)}`;
  else if (member.secureClient) text += ";";
  if (member.secureClient) text += `;${formatEndpoint(member.secureClient)}`;
  return text;
}

/** `port`, or `host:port`; no host, 0.0.0.0 and :: all mean every address. */
export function parseEndpoint(text: string): Endpoint {
  const parts = splitHostAndPorts(text);
  if (parts.length > 2) throw new Complaint(`must be a port or host:port, not "${text}"`);
  const port = parsePort(parts.at(-1)!);
  return { host: parts.length === 2 ? listenHost(parts[0]!) : null, port };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return `${host === null ? "0.0.0.0" : bracketed(host)}:${port}`;
}

/** The names of "all addresses" are one: null. */
export function listenHost(host: string): string | null {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return bare === "0.0.0.0" || bare === "::" || bare === "*" || bare === "" ? null : bare;
}

export function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) {
    throw new Complaint(`must have ports from 1 to 65535, not "${text}"`);
  }
  return Number(text);
}

function parseRole(text: string): ConfiguredMember["role"] {
  const role = text.trim().toLowerCase();
  if (role === "participant" || role === "observer") return role;
  throw new Complaint(`must have the role participant or observer, not "${text}"`);
}

function splitHostAndPorts(text: string): string[] {
  if (!text.startsWith("[")) return text.split(":").map((part) => part.trim());
  const close = text.indexOf("]");
  const after = text.slice(close + 1);
  if (close < 0 || (after !== "" && !after.startsWith(":"))) throw new Complaint(`has a broken [address] in "${text}"`);
  const host = text.slice(1, close);
  return after === "" ? [host] : [host, ...after.slice(1).split(":")];
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
