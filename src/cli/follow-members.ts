// From one member to all: each tells which members there are, and where its clients and the others' come in. A member's management
// port is taken to be as far from its client port as that of the member that was asked is from its own.

import type { MemberReport } from "../management/report.ts";
import { type Address, type Answer, askMember, formatAddress, MANAGEMENT_PORT } from "./ask-member.ts";

/** ZooKeeper's client port. */
const CLIENT_PORT = 2181;
const PORT_MAX = 65_535;
const EVERY_ADDRESS = /^(0\.0\.0\.0|\[?::\]?)$/;

export interface Asked {
  readonly address: Address;
  readonly answer: Answer;
  /** The member that is expected there, where another member told of it. */
  readonly expected: number | null;
}

/** Where a member is managed whose clients come in there, if it is as usual. */
export function managementOf({ host, port }: Address): Address | null {
  return shifted(host, MANAGEMENT_PORT + port - CLIENT_PORT);
}

/** Asks these, and then every member that they tell of. */
export async function askCluster(start: readonly Address[], deadlineMs: number): Promise<readonly Asked[]> {
  const first = await askAll(
    start.map((address) => ({ address, expected: null })),
    deadlineMs,
  );
  const known = new Set(first.flatMap(({ answer }) => (answer.kind === "report" ? [answer.report.id] : [])));
  const places = new Set(start.map(formatAddress));
  const others: { readonly address: Address; readonly expected: number }[] = [];
  for (const { address, answer } of first) {
    if (answer.kind !== "report") continue;
    for (const other of othersOf(address, answer.report)) {
      if (known.has(other.expected) || places.has(formatAddress(other.address))) continue;
      known.add(other.expected);
      others.push(other);
    }
  }
  return [...first, ...(await askAll(others, deadlineMs))];
}

function askAll(
  places: readonly { readonly address: Address; readonly expected: number | null }[],
  deadlineMs: number,
): Promise<Asked[]> {
  return Promise.all(
    places.map(async ({ address, expected }) => ({ address, expected, answer: await askMember(address, deadlineMs) })),
  );
}

/** The other members that a report tells of, and where they should be managed. */
export function othersOf(asked: Address, { id, members }: MemberReport): { address: Address; expected: number }[] {
  const own = clientsOf(members.find((member) => member.id === id));
  return members.flatMap((member) => {
    if (member.id === id) return [];
    const clients = clientsOf(member);
    const peer = parseEndpoint(member.peers[0] ?? "");
    const host = clients === null || EVERY_ADDRESS.test(clients.host) ? peer?.host : clients.host;
    if (host === undefined) return [];
    const shift = own === null || clients === null ? 0 : clients.port - own.port;
    const address = shifted(host, asked.port + shift);
    return address === null ? [] : [{ address, expected: member.id }];
  });
}

function clientsOf(member: MemberReport["members"][number] | undefined): Address | null {
  const places = member?.clients.flatMap(({ plain, secure }) => [plain, secure]) ?? [];
  const first = places.find((place) => place !== null);
  return first === undefined || first === null ? null : parseEndpoint(first);
}

function parseEndpoint(text: string): Address | null {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  return match === null ? null : { host: match[1] ?? match[2]!, port: Number(match[3]) };
}

function shifted(host: string, port: number): Address | null {
  return port >= 1 && port <= PORT_MAX ? { host, port } : null;
}
