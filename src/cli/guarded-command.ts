// Another program that may run only while something is held: signals are passed on to it, and it is made to end when that
// is over, with all that it started.
//
// Where stdin is a terminal the command shares it, and Ctrl-C reaches both by itself; elsewhere it is put into a process
// group of its own, so that what it started ends with it. A guardian, a small shell that waits at a pipe, ends it also when
// this process is killed and cannot. The command begins only once the guardian has been told of it.

import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { accessSync, constants as constantsOfFiles, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import type { Writable } from "node:stream";
import { EXIT_NOT_FOUND, EXIT_NOT_RUNNABLE, EXIT_SIGNALLED } from "./exit.ts";
import { say } from "./servers.ts";

type Guardian = ChildProcessByStdio<Writable, null, null>;

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** From SIGTERM to SIGKILL, when it is made to end. */
  readonly graceMs: number;
}

/** Hears first whom to end, then that it is not needed any more; where the pipe ends without that word, it does its duty. */
const GUARDIAN = `
read -r target || exit
read -r word && exit
[ "$1" -gt 0 ] && kill -s TERM -- "$target" 2>/dev/null && sleep "$1"
kill -s KILL -- "$target" 2>/dev/null
`;

/** Becomes the command when it is told to; where nobody is left to tell it, it never does. */
const STARTER = 'read -r go <&3 || exit; exec 3<&-; exec "$@"';

export class GuardedCommand {
  /** Its exit status, as a shell would tell it. Never fails. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  readonly #hasGroup = process.platform !== "win32" && process.stdin.isTTY !== true;
  #isEnding = false;
  #hasEnded = false;

  constructor({ argv, environment, graceMs }: CommandOptions) {
    const [file, ...args] = argv;
    this.#graceMs = graceMs;
    const env = { ...process.env, ...environment };
    const guardian = startGuardian(graceMs);
    this.#child =
      guardian === null || !isThere(file!, env.PATH)
        ? spawn(file!, args, { env, stdio: "inherit", detached: this.#hasGroup })
        : this.#startUnder(guardian, argv, env);
    this.ended = new Promise<number>((resolve) => {
      this.#child.once("error", (error: NodeJS.ErrnoException) => resolve(notStarted(file!, error)));
      this.#child.once("exit", (code, signal) => resolve(statusOf(code, signal)));
    }).then(async (status) => {
      this.#hasEnded = true;
      await dismiss(guardian);
      return status;
    });
  }

  #startUnder(guardian: Guardian, argv: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn("/bin/sh", ["-c", STARTER, "sh", ...argv], {
      env,
      stdio: ["inherit", "inherit", "inherit", "pipe"],
      detached: this.#hasGroup,
    });
    const { pid } = child;
    if (pid !== undefined) guardian.stdin.write(`${this.#hasGroup ? -pid : pid}\n`);
    const go = child.stdio[3] as Writable;
    go.on("error", () => {}); // it was ended before it began
    go.end("go\n");
    return child;
  }

  /** Hands on a signal that this process was sent. */
  pass(signal: NodeJS.Signals): void {
    const isTerminals = signal === "SIGINT" || signal === "SIGQUIT";
    if (isTerminals && !this.#hasGroup) return; // the terminal has sent it to both
    this.#kill(signal);
  }

  /** SIGTERM, then SIGKILL when the grace is over; twice is once. */
  end(): void {
    if (this.#isEnding || this.#hasEnded) return;
    this.#isEnding = true;
    if (this.#graceMs === 0) {
      this.#kill("SIGKILL");
      return;
    }
    this.#kill("SIGTERM");
    const timer = setTimeout(() => this.#kill("SIGKILL"), this.#graceMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.#hasEnded || this.#child.pid === undefined) return;
    try {
      process.kill(this.#hasGroup ? -this.#child.pid : this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has just ended
    }
  }
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

function startGuardian(graceMs: number): Guardian | null {
  if (process.platform === "win32") return null;
  const args = ["-c", GUARDIAN, "sh", String(Math.ceil(graceMs / 1000))];
  const guardian = spawn("/bin/sh", args, { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guardian.on("error", () => {}); // without it, a SIGKILL to this process leaves the command running
  guardian.stdin.on("error", () => {});
  return guardian;
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
