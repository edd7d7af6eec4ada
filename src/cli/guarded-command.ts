// Another program that may run only while something is held: signals are passed on to it, and it is made to end when that
// is over, with all that it started. It counts as ended when all of that has.
//
// Where stdin is a terminal the command shares it, and Ctrl-C reaches both by itself; elsewhere it is put into a session and
// a process group of its own. A guardian, a small shell that waits at a pipe, ends it also when this process is killed and
// cannot; one that is killed itself is replaced. The command begins only once the guardian has been told of it.

import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { accessSync, constants as constantsOfFiles, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandProcesses, MARK_VARIABLE, sessionOf } from "./command-processes.ts";
import { EXIT_NOT_FOUND, EXIT_NOT_RUNNABLE, EXIT_SIGNALLED } from "./exit.ts";
import { say } from "./servers.ts";

type Guardian = ChildProcessByStdio<Writable, null, null>;

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** From SIGTERM to SIGKILL, when it is made to end. */
  readonly graceMs: number;
  /** The same when this process is killed: what is held is then over when its session is. */
  readonly guardianGraceMs: number;
}

/** What a command leaves running has so long to end by itself: the other end of a pipe has, before it is asked to. */
const LEFT_BEHIND_MS = 500;
/** How often it is looked for, and how often it is told that it is there. */
const LOOK_MS = 25;
const TELL_MS = 10_000;
/** Before a guardian that ended at once is replaced. */
const GUARDIAN_PAUSE_MS = 1000;

/**
 * Hears first whom to end, then that it is not needed any more; where the pipe ends without that word, it does its duty. Given
 * the grace and the mark of those whom it looks for in their session, where the system lists them.
 */
const GUARDIAN = `
read -r target session || exit
read -r word && exit
send() {
  kill -s "$1" -- "$target" 2>/dev/null
  [ -n "$session" ] || return
  for file in $(grep -lsF "$mark" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    pid=\${pid%/environ}
    of=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d " " -f 4)
    [ "$of" = "$session" ] && kill -s "$1" "$pid" 2>/dev/null
  done
}
grace=$1 mark=$2
if [ "$grace" -gt 0 ]; then send TERM; sleep "$grace"; fi
send KILL
`;

/** Becomes the command when it is told to; where nobody is left to tell it, it never does. */
const STARTER = 'read -r go <&3 || exit; exec 3<&-; exec "$@"';

export class GuardedCommand {
  /** Its exit status, as a shell would tell it, when it and all that it started have ended. Never fails. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #processes: CommandProcesses | null;
  readonly #options: CommandOptions;
  readonly #mark = randomUUID();
  readonly #hasGroup = process.platform !== "win32" && process.stdin.isTTY !== true;
  #guardian: Guardian | null = null;
  /** Signals that somebody could not be sent, which is told once. */
  readonly #refused = new Set<NodeJS.Signals>();
  #isEnding = false;
  #isKilling = false;
  #hasEnded = false;

  constructor(options: CommandOptions) {
    const { argv, environment } = options;
    const [file, ...args] = argv;
    this.#options = options;
    const env: NodeJS.ProcessEnv = { ...process.env, ...environment, [MARK_VARIABLE]: this.#mark };
    this.#guardian = this.#startGuardian();
    this.#child =
      this.#guardian === null || !isThere(file!, env["PATH"])
        ? spawn(file!, args, { env, stdio: "inherit", detached: this.#hasGroup })
        : this.#startUnder(argv, env);
    const { pid } = this.#child;
    this.#processes = pid === undefined ? null : new CommandProcesses(pid, this.#hasGroup, this.#mark);
    this.ended = this.#untilEnded(file!);
  }

  async #untilEnded(file: string): Promise<number> {
    const status = await new Promise<number>((resolve) => {
      this.#child.once("error", (error: NodeJS.ErrnoException) => resolve(notStarted(file, error)));
      this.#child.once("exit", (code, signal) => resolve(statusOf(code, signal)));
    });
    await this.#endLeftBehind();
    this.#hasEnded = true;
    await dismiss(this.#guardian);
    return status;
  }

  #startUnder(argv: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn("/bin/sh", ["-c", STARTER, "sh", ...argv], {
      env,
      stdio: ["inherit", "inherit", "inherit", "pipe"],
      detached: this.#hasGroup,
    });
    if (child.pid !== undefined) this.#tellGuardian(child.pid);
    const go = child.stdio[3] as Writable;
    go.on("error", () => {}); // it was ended before it began
    go.end("go\n");
    return child;
  }

  /** Hands on a signal that this process was sent. */
  pass(signal: NodeJS.Signals): void {
    const isTerminals = signal === "SIGINT" || signal === "SIGQUIT";
    if (isTerminals && !this.#hasGroup) return; // the terminal has sent it to both
    this.#signal(signal);
  }

  /** SIGTERM, then SIGKILL when the grace is over; twice is once. */
  end(): void {
    if (this.#isEnding || this.#hasEnded) return;
    this.#isEnding = true;
    const { graceMs } = this.#options;
    if (graceMs === 0) {
      this.#killAll();
      return;
    }
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#killAll(), graceMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  #killAll(): void {
    this.#isKilling = true;
    this.#signal("SIGKILL");
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#hasEnded) return;
    const refused = this.#processes?.signal(signal) ?? [];
    if (refused.length === 0 || this.#refused.has(signal)) return;
    this.#refused.add(signal);
    say(`${signal} could not be sent to ${showPids(refused)}, of another user`);
  }

  /** The command is gone; what it started is given a moment, and then made to end. Whatever is held is held until then. */
  async #endLeftBehind(): Promise<void> {
    const since = performance.now();
    let toldAt = since;
    for (;;) {
      const running = this.#processes?.running() ?? [];
      if (running.length === 0) return;
      const now = performance.now();
      if (!this.#isEnding && now - since >= LEFT_BEHIND_MS) {
        const { graceMs } = this.#options;
        const how = graceMs === 0 ? "SIGKILL" : `SIGTERM, and SIGKILL in ${graceMs / 1000} s`;
        say(`the command has ended and left ${showPids(running)} running, sent ${how}`);
        this.end();
      } else if (now - toldAt >= TELL_MS) {
        say(`the command has ended, and ${showPids(running)} that it started still run: nothing is let go yet`);
        toldAt = now;
      }
      if (this.#isKilling) this.#signal("SIGKILL"); // also whoever was being started
      await sleep(LOOK_MS);
    }
  }

  // ---------------------------------------------------------------------------------------------------- its guardian

  #startGuardian(): Guardian | null {
    if (process.platform === "win32") return null;
    const grace = String(Math.ceil(this.#options.guardianGraceMs / 1000));
    const args = ["-c", GUARDIAN, "sh", grace, `${MARK_VARIABLE}=${this.#mark}`];
    const guardian = spawn("/bin/sh", args, { stdio: ["pipe", "ignore", "ignore"], detached: true });
    guardian.on("error", () => {}); // without it, a SIGKILL to this process leaves the command running
    guardian.stdin.on("error", () => {});
    const startedAt = performance.now();
    guardian.once("exit", () => {
      if (this.#hasEnded || this.#guardian !== guardian) return;
      const pause = performance.now() - startedAt < GUARDIAN_PAUSE_MS ? GUARDIAN_PAUSE_MS : 0;
      setTimeout(() => this.#replaceGuardian(), pause).unref();
    });
    return guardian;
  }

  #replaceGuardian(): void {
    if (this.#hasEnded) return;
    this.#guardian = this.#startGuardian();
    if (this.#child.pid !== undefined) this.#tellGuardian(this.#child.pid);
  }

  #tellGuardian(pid: number): void {
    const session = sessionOf(pid, this.#hasGroup) ?? "";
    this.#guardian?.stdin.write(`${this.#hasGroup ? -pid : pid} ${session}\n`);
  }
}

function showPids(pids: readonly number[]): string {
  const shown = pids.slice(0, 5).join(", ");
  return `${pids.length === 1 ? "process" : "processes"} ${shown}${pids.length > 5 ? ", …" : ""}`;
}

/** Whether it can be run. What cannot is left to `spawn`, which says why. */
function isThere(file: string, path = ""): boolean {
  const places = file.includes("/") ? [file] : path.split(delimiter).map((directory) => join(directory, file));
  return places.some((place) => {
    try {
      accessSync(place, constantsOfFiles.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}

function dismiss(guardian: Guardian | null): Promise<void> {
  return new Promise((resolve) => {
    if (guardian === null || guardian.pid === undefined || guardian.exitCode !== null) resolve();
    else {
      guardian.once("exit", () => resolve());
      guardian.stdin.end("dismissed\n");
    }
  });
}

function notStarted(file: string, { code, message }: NodeJS.ErrnoException): number {
  const isMissing = code === "ENOENT";
  say(
    isMissing ? `${file}: no such command. Is it installed, and on the PATH?` : `${file} could not be run: ${message}`,
  );
  return isMissing ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
}

function statusOf(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 0) : signalled(signal);
}

export function signalled(signal: NodeJS.Signals): number {
  return EXIT_SIGNALLED + constants.signals[signal];
}
