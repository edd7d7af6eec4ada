// `cabildo status`: asks each member and shows them side by side.

import { CoordinationError } from "../base/errors.ts";
import type { MemberReport } from "../management/report.ts";
import { type Address, type Answer, formatAddress, MANAGEMENT_PORT, parseAddress } from "./ask-member.ts";
import { type ClusterOptions, chosenCluster, managementOfContext, managementOfUrl } from "./chosen-cluster.ts";
import { type Asked, askCluster } from "./follow-members.ts";
import { tellError } from "./operator-failure.ts";

const DEFAULT_PORTS = [MANAGEMENT_PORT, MANAGEMENT_PORT + 1, MANAGEMENT_PORT + 2];

/** Where to ask, as commander gives it. */
export interface StatusOptions extends ClusterOptions {
  readonly output: string;
  /** For each member. */
  readonly timeoutMs: number;
}

/** Prints the table or JSON; returns the exit status: 0 with a quorum, 1 without, 2 if asked for what cannot be. */
export async function runStatus(texts: readonly string[], options: StatusOptions): Promise<number> {
  const { output, timeoutMs } = options;
  try {
    const { addresses, isGuess } = startOf(texts, options);
    const asked = await askCluster(addresses, timeoutMs);
    const isSomebodyThere = asked.some(({ answer }) => answer.kind === "report");
    const told = isGuess && isSomebodyThere ? asked.filter((one) => !isNobody(one)) : asked;
    const view = clusterView(
      told.map(({ address }) => address),
      told.map(({ answer }) => answer),
      told.map(({ expected }) => expected),
    );
    process.stdout.write(output === "json" ? `${JSON.stringify(view, null, 2)}\n` : statusText(view));
    return view.hasQuorum ? 0 : 1;
  } catch (error) {
    return tellError(error, output, { isChange: false });
  }
}

/** A place that was only tried, and has no member. */
function isNobody({ answer, expected }: Asked): boolean {
  return expected === null && answer.kind === "failed";
}

/** The addresses given; else those of the cluster that is chosen; else the usual ones of this machine. */
export function startOf(texts: readonly string[], options: StatusOptions) {
  if (texts.length > 0) {
    const addresses = texts.map((text) => {
      const address = parseAddress(text);
      if (address !== null) return address;
      throw new CoordinationError("configuration", "not-applied", `"${text}" is no address: write host:port`);
    });
    return { addresses, isGuess: false };
  }
  const cluster = chosenCluster(options);
  if (cluster.kind === "url") return { addresses: managementOfUrl(cluster.connect), isGuess: false };
  if (cluster.kind === "context") return { addresses: managementOfContext(cluster.context), isGuess: false };
  return { addresses: DEFAULT_PORTS.map((port) => ({ host: "127.0.0.1", port })), isGuess: true };
}

export interface ClusterView {
  readonly hasQuorum: boolean;
  /** The one that leads the highest term, if any does. */
  readonly leader: number | null;
  readonly members: readonly (
    | (MemberReport & { readonly address: string; readonly lag: number | null })
    /** `id` where another member told of it; `known` what the leader knows of it. */
    | {
        readonly address: string;
        readonly error: string;
        readonly id?: number;
        readonly known?: { readonly active: boolean; readonly lag: number };
      }
  )[];
}

/**
 * There is a quorum where a member leads with one behind it, or others know such a leader: each member says so of
 * itself, from what it last heard. The highest term counts: a leader of an older one is a leader no more.
 */
export function clusterView(
  addresses: readonly Address[],
  answers: readonly Answer[],
  expected: readonly (number | null)[] = [],
): ClusterView {
  const reports = answers.flatMap((answer) => (answer.kind === "report" ? [answer.report] : []));
  const term = Math.max(0, ...reports.map((report) => report.term));
  const current = reports.filter((report) => report.term === term && report.hasQuorum);
  const leader = current.find((report) => report.role === "leader") ?? null;
  const commitIndex = Math.max(0, ...reports.map((report) => report.commitIndex));
  return {
    hasQuorum: current.length > 0,
    leader: leader?.id ?? current.find((report) => report.leader !== null)?.leader ?? null,
    members: answers.map((answer, position) => {
      const address = formatAddress(addresses[position]!);
      if (answer.kind === "failed") {
        const id = expected[position] ?? null;
        const seen = leader?.followers.find((follower) => follower.id === id);
        const known = seen && { active: seen.active, lag: Math.max(0, commitIndex - seen.matchIndex) };
        return { address, error: answer.reason, ...(id === null ? {} : { id }), ...(known ? { known } : {}) };
      }
      const { report } = answer;
      return { address, ...report, lag: Math.max(0, commitIndex - report.appliedIndex) };
    }),
  };
}

const COLUMNS = [
  "MEMBER",
  "ADDRESS",
  "ROLE",
  "TERM",
  "COMMIT",
  "APPLIED",
  "LAG",
  "SESSIONS",
  "WATCHES",
  "ZNODES",
  "DISK",
  "VERSION",
] as const;
const LEFT_ALIGNED: ReadonlySet<string> = new Set(["MEMBER", "ADDRESS", "ROLE", "VERSION"]);

export function statusText(view: ClusterView): string {
  const rows = view.members.map((member): readonly string[] => {
    if ("error" in member) return [String(member.id ?? "?"), member.address, absenceText(member)];
    return [
      String(member.id),
      member.address,
      roleText(member),
      String(member.term),
      String(member.commitIndex),
      String(member.appliedIndex),
      String(member.lag ?? ""),
      countOf(member, "sessions"),
      countOf(member, "watches"),
      countOf(member, "znodes"),
      `${bytesText(member.diskBytes)}${member.diskFull ? " FULL" : ""}`,
      member.version,
    ];
  });
  const leader = view.leader === null ? "a leader is not known" : `member ${view.leader} leads`;
  const verdict = view.hasQuorum ? leader : "no quorum: nothing can be written";
  return `${table(rows)}\n${verdict}\n`;
}

/** The leader may hear a member whose management port is not reached from here. */
function absenceText({
  error,
  known,
}: {
  readonly error: string;
  readonly known?: { active: boolean; lag: number };
}): string {
  if (known?.active !== true) return `down: ${error}`;
  return `the leader hears it, ${known.lag} entries behind; its management port: ${error}`;
}

/** A number of the first door that counts such things; nothing where none does. */
function countOf({ doors }: MemberReport, name: string): string {
  const count = doors.map(({ counts }) => counts[name]).find((one) => one !== undefined);
  return count === undefined ? "" : String(count);
}

function roleText(member: MemberReport): string {
  if (member.doors.some(({ readOnly }) => readOnly)) return "read-only";
  if (!member.hasQuorum) return `${member.role}, alone`;
  return member.mode === "standalone" ? "standalone" : member.role;
}

/** A row shorter than the others, that of a member which is down, ends with its last cell and stretches no column. */
function table(rows: readonly (readonly string[])[]): string {
  const full = rows.filter((row) => row.length === COLUMNS.length);
  const widths = COLUMNS.map((name, column) => {
    const measured = column < 2 ? rows : full;
    return Math.max(name.length, ...measured.map((row) => row[column]!.length));
  });
  return [COLUMNS, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          LEFT_ALIGNED.has(COLUMNS[column]!) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
