// Where the time of each hot path goes: V8's own CPU profile of every member while one kind of load runs, cut to the
// time of the load, as a table of the functions that ran longest themselves.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ensemble, startEnsemble } from "../test/support/ensemble.ts";
import { load } from "./compiled.ts";
import { table, thousands } from "./tables.ts";
import type { Operation } from "./throughput.ts";

export interface ProfileOptions {
  readonly members: number;
  readonly operations: readonly Operation[];
  readonly outstanding: number;
  readonly connections: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly config: readonly string[];
  readonly say: (line: string) => void;
}

export interface HotPath {
  readonly op: Operation;
  readonly outstanding: number;
  readonly perSecond: number;
  readonly members: readonly MemberProfile[];
}

interface MemberProfile {
  readonly role: string;
  /** Share of the load's time that the member's thread was at work, 0 to 1. */
  readonly busy: number;
  /** Shares of the busy time, largest first. */
  readonly functions: readonly Share[];
  readonly files: readonly Share[];
}

interface Share {
  readonly name: string;
  readonly share: number;
}

const functionsShown = 16;
const filesShown = 10;

export async function profile(options: ProfileOptions): Promise<HotPath[]> {
  const paths: HotPath[] = [];
  for (const op of options.operations) {
    options.say(`profiling ${op}`);
    paths.push(await hotPath(op, options));
  }
  return paths;
}

async function hotPath(op: Operation, options: ProfileOptions): Promise<HotPath> {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-profile-"));
  // The interval is in microseconds: fine enough to see single functions, coarse enough to cost little.
  const runtimeOptions = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=500"];
  const config = ["maxClientCnxns=0", ...options.config];
  const ensemble = await startEnsemble({ flavour: "cabildo", members: options.members, config, runtimeOptions });
  try {
    const { connections, outstanding, bytes, seconds } = options;
    const servers = ensemble.connectString;
    await load({ servers, op, connections, outstanding, bytes, seconds: 2, keep: 1 }); // compiles the path
    const from = monotonicUs();
    const result = await load({ servers, op, connections, outstanding, bytes, seconds, keep: 1 });
    const to = from + (result.seconds + 0.5) * 1e6; // the generator warms up for half a second
    const roles = await rolesByPid(ensemble);
    for (const member of ensemble.members) await member.kill("SIGTERM"); // V8 writes the profile as the process ends
    const members = readdirSync(folder).map((name) => {
      const pid = Number(/^CPU\.\d+\.\d+\.(\d+)\./.exec(name)?.[1]);
      return summarise(JSON.parse(readFileSync(join(folder, name), "utf8")), roles.get(pid) ?? "?", from, to);
    });
    if (members.length < options.members) throw new Error(`a profile is missing\n${ensemble.lastWords()}`);
    return {
      op,
      outstanding,
      perSecond: result.perSecond,
      members: members.sort((a, b) => (a.role < b.role ? 1 : -1)),
    };
  } finally {
    await ensemble.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n); // the clock of V8's samples
}

async function rolesByPid(ensemble: Ensemble): Promise<Map<number, string>> {
  const roles = new Map<number, string>();
  for (const member of ensemble.members) roles.set(member.pid!, (await member.mode()) ?? "?");
  return roles;
}

// ---- reading a profile ----

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function summarise(profile: CpuProfile, role: string, from: number, to: number): MemberProfile {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const byFunction = new Map<string, number>();
  const byFile = new Map<string, number>();
  let [busy, total, at] = [0, 0, profile.startTime];
  profile.samples.forEach((id, i) => {
    at += profile.timeDeltas[i]!;
    const lasted = profile.timeDeltas[i + 1] ?? 0; // a sample stands until the next one
    if (at < from || at > to) return;
    total += lasted;
    const { functionName, url, lineNumber } = frames.get(id)!;
    if (functionName === "(idle)") return;
    busy += lasted;
    const file = fileOf(url, functionName);
    const name = url === "" ? functionName : `${functionName || "(anonymous)"} ${file}:${lineNumber + 1}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + lasted);
    byFile.set(file, (byFile.get(file) ?? 0) + lasted);
  });
  const shares = (times: Map<string, number>, shown: number): Share[] =>
    [...times]
      .map(([name, time]) => ({ name, share: time / busy }))
      .sort((a, b) => b.share - a.share)
      .slice(0, shown);
  return { role, busy: busy / total, functions: shares(byFunction, functionsShown), files: shares(byFile, filesShown) };
}

/** Ours: the path below dist/; Node's: its own name; what has no file is native. */
function fileOf(url: string, functionName: string): string {
  if (url.startsWith("node:")) return url;
  if (url === "") return functionName.startsWith("(") ? functionName : "native";
  return url.replace(/^.*\/(dist|src|node_modules)\//, (_, folder) =>
    folder === "node_modules" ? "node_modules/" : "",
  );
}

export function report(paths: readonly HotPath[]): string {
  return paths.flatMap((path) => path.members.map((member) => section(path, member))).join("\n\n");
}

function section(path: HotPath, member: MemberProfile): string {
  const title = `### ${path.op} × ${path.outstanding}, ${member.role}: ${thousands(path.perSecond)}/s, busy ${percent(member.busy)}`;
  const rows = (shares: readonly Share[]) => shares.map(({ name, share }) => [percent(share), name]);
  return [
    title,
    "",
    table(["self", "function"], rows(member.functions)),
    "",
    table(["self", "file"], rows(member.files)),
  ].join("\n");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
