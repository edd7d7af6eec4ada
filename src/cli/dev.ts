// `cabildo dev`: a cluster on loopback. Starts the members, waits until clients are served, says how to reach it, and
// then tells who leads, as that changes, until Ctrl-C. A member that ended stays so until its key is pressed.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { CABILDO_VERSION } from "../base/version.ts";
import type { MemberReport } from "../management/report.ts";
import { askMember } from "./ask-member.ts";
import {
  type DevCluster,
  type DevMember,
  type DevOptions,
  DevProblem,
  HOST,
  prepareCluster,
  removeCluster,
} from "./dev-cluster.ts";
import { isInForeground, listenForKeys } from "./dev-keys.ts";
import { clusterLines, paint } from "./dev-text.ts";

const READY_WITHIN_MS = 30_000;
const ASK_WHILE_STARTING_MS = 40;
const ASK_WHILE_RUNNING_MS = 400;
const ANSWER_WITHIN_MS = 1000;
/** A member drains for up to five seconds when asked to end. */
const END_WITHIN_MS = 6000;

export async function runDev(options: DevOptions): Promise<void> {
  const begun = performance.now();
  let cluster: DevCluster;
  try {
    cluster = await prepareCluster(options);
  } catch (error) {
    if (!(error instanceof DevProblem)) throw error;
    process.stderr.write(`cabildo: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  const dev = new Dev(cluster);
  try {
    await dev.run(begun);
  } finally {
    removeCluster(cluster);
  }
  const { directory, isTemporary } = cluster;
  process.stdout.write(
    isTemporary
      ? `  all members have ended; their data was temporary, and is removed\n`
      : `  all members have ended; their data is kept in ${directory}\n`,
  );
}

class Dev {
  readonly #cluster: DevCluster;
  readonly #running = new Map<number, ChildProcess>();
  /** Aborted by Ctrl-C, or when no member is left. */
  readonly #ending = new AbortController();
  #isReady = false;
  #giveBackKeys: (() => void) | null = null;

  constructor(cluster: DevCluster) {
    this.#cluster = cluster;
  }

  async run(begun: number): Promise<void> {
    this.#listenForSignals();
    for (const member of this.#cluster.members) this.#start(member);
    const reports = await this.#ready();
    if (reports !== null) {
      this.#isReady = true;
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      const actions = { onMember: (id: number) => this.#onKey(id), onEnd: () => this.#askToEnd() };
      this.#giveBackKeys = isInForeground() ? listenForKeys(process.stdin, actions) : null;
      const pids = new Map([...this.#running].map(([id, { pid = 0 }]) => [id, pid]));
      const hasKeys = this.#giveBackKeys !== null;
      process.stdout.write(clusterLines(this.#cluster, { version: CABILDO_VERSION, seconds, pids, hasKeys }));
      await this.#tellOfLeaders(reports);
    }
    await this.#end();
    this.#giveBackKeys?.();
  }

  /** Kills the member, or starts it again. */
  #onKey(id: number): void {
    const member = this.#cluster.members.find((each) => each.id === id);
    if (member === undefined || this.#ending.signal.aborted) return;
    const child = this.#running.get(id);
    if (child === undefined) {
      this.#start(member);
      this.#tell(`member ${id} is started again (pid ${this.#running.get(id)?.pid})`);
    } else {
      child.kill("SIGKILL");
    }
  }

  #start(member: DevMember): void {
    const log = openSync(member.logFile, "a");
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, "server", member.configurationFile], {
      // The channel tells a member that this process is gone, even if it was killed: then it ends as well.
      stdio: ["ignore", log, log, "ipc"],
      // Ctrl-C reaches this process alone, which ends the members in order.
      detached: true,
      // Settings of the shell that are meant for one server would hit all of them alike.
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CABILDO_(?!LOG)|ZOO_)/.test(name))),
    });
    closeSync(log);
    this.#running.set(member.id, child);
    child.on("exit", (code, signal) => this.#onExit(member, code, signal));
  }

  #onExit(member: DevMember, code: number | null, signal: NodeJS.Signals | null): void {
    this.#running.delete(member.id);
    if (this.#ending.signal.aborted) return;
    const how = signal === null ? `ended with exit status ${code}` : `was killed (${signal})`;
    if (!this.#isReady) {
      const last = readFileSync(member.logFile, "utf8").trimEnd().split("\n").slice(-15).join("\n");
      process.stderr.write(`cabildo: member ${member.id} ${how} before the cluster was ready:\n${last}\n`);
      process.exitCode = 1;
      this.#ending.abort();
      return;
    }
    const next = this.#giveBackKeys === null ? `cabildo server ${member.configurationFile}` : `key ${member.id}`;
    this.#tell(`${paint.red(`member ${member.id} ${how}`)}; ${next} starts it again`);
    if (this.#running.size > 0 || this.#giveBackKeys !== null) return;
    this.#tell("no member is left");
    process.exitCode = 1;
    this.#ending.abort();
  }

  /** Waits until every member serves clients and a leader is known; null if it came to an end before. */
  async #ready(): Promise<readonly MemberReport[] | null> {
    const deadline = performance.now() + READY_WITHIN_MS;
    while (!this.#ending.signal.aborted) {
      const reports = await this.#ask();
      const isServed = ({ doors, leader }: MemberReport): boolean =>
        leader !== null && doors.every(({ serving, readOnly }) => serving && !readOnly);
      if (reports.length === this.#cluster.members.length && reports.every(isServed)) return reports;
      if (performance.now() > deadline) {
        process.stderr.write(
          `cabildo: the cluster was not ready within ${READY_WITHIN_MS / 1000} s. ` +
            `The members' logs are ${this.#cluster.members.map(({ logFile }) => logFile).join(", ")}\n`,
        );
        process.exitCode = 1;
        this.#ending.abort();
      }
      await this.#pause(ASK_WHILE_STARTING_MS);
    }
    return null;
  }

  async #tellOfLeaders(first: readonly MemberReport[]): Promise<void> {
    let told = "";
    let reports = first;
    while (!this.#ending.signal.aborted) {
      const now = leadership(reports);
      if (now !== told) this.#tell(now);
      told = now;
      await this.#pause(ASK_WHILE_RUNNING_MS);
      reports = await this.#ask();
    }
  }

  async #ask(): Promise<readonly MemberReport[]> {
    const answers = await Promise.all(
      this.#cluster.members.map(({ adminPort }) => askMember({ host: HOST, port: adminPort }, ANSWER_WITHIN_MS)),
    );
    return answers.flatMap((answer) => (answer.kind === "report" ? [answer.report] : []));
  }

  #listenForSignals(): void {
    const onSignal = (): void => this.#askToEnd();
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    process.on("SIGHUP", onSignal);
  }

  /** The second time, by force. */
  #askToEnd(): void {
    if (this.#ending.signal.aborted) {
      this.#kill();
      return;
    }
    const { size } = this.#running;
    if (size > 0)
      this.#tell(
        `ending ${size === 1 ? "1 member; Ctrl-C again kills it" : `${size} members; Ctrl-C again kills them`}`,
      );
    this.#ending.abort();
  }

  /** In good order, and by force where that takes too long. */
  async #end(): Promise<void> {
    const timer = setTimeout(() => this.#kill(), END_WITHIN_MS);
    const ended = [...this.#running.values()].map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of this.#running.values()) child.kill("SIGTERM");
    await Promise.all(ended);
    clearTimeout(timer);
  }

  #kill(): void {
    for (const child of this.#running.values()) child.kill("SIGKILL");
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#ending.signal }).catch(() => {});
  }

  #tell(line: string): void {
    const time = new Date().toTimeString().slice(0, 8);
    process.stdout.write(`  ${paint.dim(time)}  ${line}\n`);
  }
}

/** Who leads, from what the members say; the highest term counts. */
function leadership(reports: readonly MemberReport[]): string {
  const term = Math.max(0, ...reports.map((report) => report.term));
  const current = reports.filter((report) => report.term === term && report.hasQuorum && report.leader !== null);
  const leader = current[0]?.leader;
  return leader === undefined || leader === null
    ? "nobody leads"
    : `member ${leader} leads ${paint.dim(`(term ${term})`)}`;
}
