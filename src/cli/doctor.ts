// `cabildo doctor`: asks every member how it is, and tells what is wrong with the cluster, each with a remedy.

import { get } from "node:http";
import { connect } from "node:net";
import { type Address, formatAddress } from "./ask-member.ts";
import { type Checkup, type Finding, findingsOf } from "./findings.ts";
import { type Asked, askCluster } from "./follow-members.ts";
import { tellError } from "./operator-failure.ts";
import { type StatusOptions, startOf } from "./status.ts";

const PAGE_BYTES_MAX = 4 << 20;
const SYNC_BUCKET = /^etcd_disk_wal_fsync_duration_seconds_bucket\{.*le="([^"]+)".*\} (\S+)$/;
const EVERY_ADDRESS = /^(0\.0\.0\.0|\[::\]):/;

/** 0: nothing was found, or only warnings. 1: problems. 2: asked for what cannot be. */
export async function runDoctor(texts: readonly string[], options: StatusOptions): Promise<number> {
  try {
    const { addresses, isGuess } = startOf(texts, options);
    const asked = await askCluster(addresses, options.timeoutMs);
    const isSomebodyThere = asked.some(({ answer }) => answer.kind === "report");
    const meant = asked.filter(
      ({ answer, expected }) => !isGuess || !isSomebodyThere || expected !== null || answer.kind === "report",
    );
    const findings = findingsOf(await Promise.all(meant.map((one) => checkup(one, options.timeoutMs))));
    const members = meant.filter(({ answer }) => answer.kind === "report").length;
    if (options.output === "json") process.stdout.write(`${JSON.stringify({ members, findings }, null, 2)}\n`);
    else process.stdout.write(findingsText(findings, members));
    return findings.some(({ severity }) => severity === "problem") ? 1 : 0;
  } catch (error) {
    return tellError(error, options.output, { isChange: false });
  }
}

function findingsText(findings: readonly Finding[], members: number): string {
  const lines = findings.map(({ severity, member, what, remedy }) => {
    return `${severity}: ${member === null ? "the cluster" : `member ${member}`}: ${what}\n  ${remedy}\n`;
  });
  const verdict = findings.length === 0 ? "nothing is wrong" : `${findings.length} found`;
  return `${lines.join("")}${members} members asked: ${verdict}\n`;
}

async function checkup({ address, answer, expected }: Asked, timeoutMs: number): Promise<Checkup> {
  const report = answer.kind === "report" ? answer.report : null;
  const reason = answer.kind === "failed" ? answer.reason : "";
  const page = report === null ? null : await metricsPage(address, timeoutMs);
  const own = report?.members.find(({ id }) => id === report.id);
  const places = own?.clients.flatMap(({ plain, secure }) => [plain, secure]) ?? [];
  const named = places.filter((place) => place !== null && !EVERY_ADDRESS.test(place)) as string[];
  const open = await Promise.all(named.map((place) => canConnect(place, timeoutMs)));
  return {
    address: formatAddress(address),
    expected,
    report,
    reason,
    metrics: metricsIn(page?.text ?? ""),
    syncSeconds: syncSecondsIn(page?.text ?? ""),
    clockSeconds: page === null || Number.isNaN(page.date) ? null : (page.date - page.at) / 1000,
    closedPorts: named.filter((_, i) => open[i] === false),
  };
}

interface Page {
  readonly text: string;
  /** By the member's clock, to the second; and by ours, in the middle of the request. */
  readonly date: number;
  readonly at: number;
}

/** Null where it cannot be had. */
function metricsPage({ host, port }: Address, timeoutMs: number): Promise<Page | null> {
  return new Promise((resolve) => {
    const begun = Date.now();
    const asked = get({ host, port, path: "/metrics", headers: { host: "localhost" }, agent: false }, (response) => {
      const at = (begun + Date.now()) / 2;
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.length > PAGE_BYTES_MAX) asked.destroy();
      });
      response.on("end", () => resolve({ text, date: Date.parse(response.headers.date ?? ""), at }));
    });
    const timer = setTimeout(() => asked.destroy(), timeoutMs);
    asked.on("error", () => resolve(null));
    asked.on("close", () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}

export function metricsIn(text: string): ReadonlyMap<string, number> {
  const metrics = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([a-z_]\w*)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined) metrics.set(name, Math.max(Number(value), metrics.get(name) ?? Number.NEGATIVE_INFINITY));
  }
  return metrics;
}

/** The upper bound of the bucket that the 99th of 100 syncs lies in; null without syncs. */
export function syncSecondsIn(text: string): number | null {
  const buckets = text.split("\n").flatMap((line) => {
    const [, bound, count] = SYNC_BUCKET.exec(line) ?? [];
    return bound === undefined
      ? []
      : [{ bound: bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound), count: Number(count) }];
  });
  const all = buckets.at(-1)?.count ?? 0;
  return all === 0 ? null : (buckets.find(({ count }) => count >= 0.99 * all)?.bound ?? null);
}

function canConnect(place: string, timeoutMs: number): Promise<boolean> {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(place) ?? [];
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
