// What `cabildo doctor` finds: pure rules over what the members tell. Each finding names what is wrong, where, and the remedy.

import type { MemberReport } from "../management/report.ts";

export interface Finding {
  /** "problem": something does not work, or will not survive the next loss. "warning": it may come to that. */
  readonly severity: "problem" | "warning";
  /** Null: the cluster as a whole. */
  readonly member: number | null;
  readonly what: string;
  readonly remedy: string;
}

/** What was learnt of one member. */
export interface Checkup {
  readonly address: string;
  /** Where another member told of it. */
  readonly expected: number | null;
  /** Null: its management port was not reached, for this reason. */
  readonly report: MemberReport | null;
  readonly reason: string;
  /** Its metrics by name, without labels; of several samples the largest. */
  readonly metrics: ReadonlyMap<string, number>;
  /** 99 of 100 syncs of the log took at most so many seconds; null: not known. */
  readonly syncSeconds: number | null;
  /** Its clock, less this machine's, in seconds; null: not known. */
  readonly clockSeconds: number | null;
  /** Client ports that it names and that do not answer here. */
  readonly closedPorts: readonly string[];
}

const LAG_MAX = 1000;
const SYNC_SECONDS_MAX = 0.1;
const EVENT_LOOP_SECONDS_MAX = 0.1;
const CLOCK_SECONDS_MAX = 5;
const NEARLY = 0.8;

export function findingsOf(checkups: readonly Checkup[]): readonly Finding[] {
  const reports = checkups.flatMap(({ report }) => report ?? []);
  if (reports.length === 0) {
    const where = checkups.map(({ address, reason }) => `${address}: ${reason}`).join("; ");
    const remedy = "name a member's management port (admin.serverPort): cabildo doctor HOST:PORT";
    return [{ severity: "problem", member: null, what: `no member is reached (${where})`, remedy }];
  }
  return [...ofCluster(reports), ...checkups.flatMap((checkup) => ofMember(checkup, reports))];
}

function ofCluster(reports: readonly MemberReport[]): Finding[] {
  const found: Finding[] = [];
  const add = (severity: Finding["severity"], what: string, remedy: string) =>
    found.push({ severity, member: null, what, remedy });
  const newest = reports.reduce((one, other) => (other.term > one.term ? other : one));
  if (!reports.some(({ term, hasQuorum }) => term === newest.term && hasQuorum)) {
    add(
      "problem",
      "no quorum: nothing can be written",
      "start the members that are down; if their disks are lost for good, see `cabildo help recover`",
    );
  }
  const voters = newest.members.filter(({ role }) => role === "voter");
  if (newest.mode === "ensemble" && voters.length % 2 === 0) {
    const what = `${voters.length} voters survive no more losses than ${voters.length - 1}`;
    add("warning", what, "have an odd number of voters: `cabildo member add`, or make one an observer");
  }
  if (newest.joint)
    add("warning", "a change of the members is under way", "wait; `cabildo member list` shows whether it ends");
  const versions = [...new Set(reports.map(({ version }) => version))].sort();
  if (versions.length > 1) {
    add(
      "warning",
      `versions ${versions.join(" and ")} run side by side`,
      "finish the upgrade, one member at a time (docs/upgrade.md)",
    );
  }
  return found;
}

function ofMember(checkup: Checkup, reports: readonly MemberReport[]): Finding[] {
  const { report, address, reason, expected } = checkup;
  if (report === null) {
    const what = `its management port ${address} is not reached: ${reason}`;
    const hears = reports.some(({ followers }) => followers.some(({ id, active }) => id === expected && active));
    const remedy = hears
      ? "the leader hears it: let this machine reach its management port (admin.serverAddress), or name the port"
      : "start it; its log's last line says why it ended";
    return [{ severity: hears ? "warning" : "problem", member: expected, what, remedy }];
  }
  return [...ofStanding(report, reports), ...ofMachine(report.id, checkup)];
}

function ofStanding(report: MemberReport, reports: readonly MemberReport[]): Finding[] {
  const found: Finding[] = [];
  const { id: member } = report;
  const commitIndex = Math.max(...reports.map((each) => each.commitIndex));
  const lag = commitIndex - report.appliedIndex;
  if (!report.hasQuorum) {
    found.push({
      severity: "problem",
      member,
      what: "it hears no leader",
      remedy: "its log says whom it cannot reach: look at the peer ports, the secret, the certificates",
    });
  }
  if (lag > LAG_MAX) {
    found.push({
      severity: "warning",
      member,
      what: `it is ${lag} entries behind`,
      remedy: "look again in a minute; if it does not catch up, compare its disk, CPU and network with the others'",
    });
  }
  if (report.diskFull) {
    found.push({
      severity: "problem",
      member,
      what: "its disk is full: it refuses writes",
      remedy: "make room; it goes on by itself",
    });
  }
  for (const other of report.role === "leader" ? report.followers : []) {
    if (other.active) continue;
    found.push({
      severity: "problem",
      member: other.id,
      what: "the leader does not hear it",
      remedy: "start it, or look at its peer port",
    });
  }
  for (const { id, role, counts } of report.role === "leader" ? report.members : []) {
    if (role !== "voter" || counts) continue;
    found.push({
      severity: "problem",
      member: id,
      what: "it is a voter that does not count: it was never there, or lost its data",
      remedy: "start it, and let it catch up",
    });
  }
  return found;
}

function ofMachine(member: number, { metrics, syncSeconds, clockSeconds, closedPorts }: Checkup): Finding[] {
  const found: Finding[] = [];
  const warn = (what: string, remedy: string) => found.push({ severity: "warning", member, what, remedy });
  if (syncSeconds !== null && syncSeconds > SYNC_SECONDS_MAX) {
    warn(
      `1 sync of its log in 100 takes more than ${SYNC_SECONDS_MAX} s (since its start)`,
      "give the log a disk of its own (dataLogDir), and look at what else writes there",
    );
  }
  const lag = metrics.get("nodejs_eventloop_lag_p99_seconds") ?? 0;
  if (lag > EVENT_LOOP_SECONDS_MAX) {
    warn(`its event loop is held up by ${lag.toFixed(2)} s`, "look at the CPU and memory that the process may use");
  }
  const [open, limit] = [metrics.get("process_open_fds"), metrics.get("process_max_fds")];
  if (open !== undefined && limit !== undefined && open > NEARLY * limit) {
    warn(
      `${open} of ${limit} file descriptors are open`,
      "raise the limit (ulimit -n, LimitNOFILE), or find who opens so many connections",
    );
  }
  if (clockSeconds !== null && Math.abs(clockSeconds) > CLOCK_SECONDS_MAX) {
    warn(
      `its clock is ${Math.round(Math.abs(clockSeconds))} s ${clockSeconds > 0 ? "ahead of" : "behind"} this machine's`,
      "synchronise the clocks (NTP): times of nodes and TTL nodes rest on them; sessions and locks do not",
    );
  }
  for (const place of closedPorts) {
    warn(
      `clients cannot connect to ${place} from here`,
      "look at firewalls and clientPortAddress; the ensemble tells clients this address",
    );
  }
  return found;
}
