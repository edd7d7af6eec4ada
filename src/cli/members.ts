// `cabildo member` and `cabildo leader`: who belongs to the ensemble, and who leads it.

import { CoordinationError } from "../base/errors.ts";
import type { MemberReport } from "../management/report.ts";
import { askMember, formatAddress } from "./ask-member.ts";
import { type AccessOptions, askOperation, jsonIn, memberAccess, memberAddress } from "./member-access.ts";
import { tellError } from "./operator-failure.ts";

const REPORT_WITHIN_MS = 5000;

export interface MemberOptions extends AccessOptions {
  readonly output: string;
}

export async function runMemberList(options: MemberOptions): Promise<number> {
  try {
    const address = memberAddress(options);
    const answer = await askMember(address, REPORT_WITHIN_MS);
    if (answer.kind === "failed") {
      const why = `${formatAddress(address)}: ${answer.reason}. --member says where a member's management port is`;
      throw new CoordinationError("connection-lost", "not-applied", why);
    }
    const { members, leader } = answer.report;
    if (options.output === "json") process.stdout.write(`${JSON.stringify({ leader, members }, null, 2)}\n`);
    else process.stdout.write(membersText(answer.report));
    return 0;
  } catch (error) {
    return tellError(error, options.output, { isChange: false });
  }
}

/** `server.4=host:2888:3888;2181`, or the same without `server.`. */
export async function runMemberAdd(server: string, options: MemberOptions): Promise<number> {
  const match = /^(?:server\.)?(\d{1,10})=(.+)$/.exec(server);
  if (match === null) {
    const why = `"${server}" is no member: write server.N=host:peerPort:electionPort[:observer];clientPort`;
    return tellError(new CoordinationError("configuration", "not-applied", why), options.output);
  }
  return change(`members/add?id=${match[1]}&server=${encodeURIComponent(match[2]!)}`, options);
}

export function runMemberRemove(id: number, options: MemberOptions): Promise<number> {
  return change(`members/remove?id=${id}`, options);
}

export function runMemberPromote(id: number, options: MemberOptions): Promise<number> {
  return change(`members/promote?id=${id}`, options);
}

async function change(path: string, options: MemberOptions): Promise<number> {
  try {
    const now = (await jsonIn(await askOperation(memberAccess(options), path))) as {
      readonly members: readonly string[];
    };
    if (options.output === "json") process.stdout.write(`${JSON.stringify(now, null, 2)}\n`);
    else process.stdout.write(`${now.members.join("\n")}\n`);
    return 0;
  } catch (error) {
    return tellError(error, options.output);
  }
}

export async function runLeaderTransfer(options: MemberOptions & { readonly to?: number }): Promise<number> {
  try {
    const path = options.to === undefined ? "transfer-leadership" : `transfer-leadership?to=${options.to}`;
    const now = (await jsonIn(await askOperation(memberAccess(options), path))) as { readonly leader: number };
    if (options.output === "json") process.stdout.write(`${JSON.stringify(now)}\n`);
    else process.stdout.write(`member ${now.leader} leads\n`);
    return 0;
  } catch (error) {
    return tellError(error, options.output);
  }
}

function membersText({ members, leader }: MemberReport): string {
  const rows = members.map(({ id, role, wantedRole, counts, peers, clients }) => {
    const standing =
      role !== wantedRole
        ? `${role}, to be ${wantedRole}`
        : role === "voter" && !counts
          ? "voter, not there yet"
          : role;
    const doors = clients.flatMap(({ plain, secure }) => [plain, secure]).filter((place) => place !== null);
    return [
      String(id),
      id === leader ? `${standing}, leads` : standing,
      peers.join(" ") || "-",
      doors.join(" ") || "-",
    ];
  });
  const all = [["MEMBER", "ROLE", "PEERS", "CLIENTS"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
