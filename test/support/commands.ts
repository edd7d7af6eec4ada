// Runs other programs to their end, and says what they said when they fail. A runtime that is not on this machine is
// its own kind of trouble: suites skip by its name, and fail only where CI promises that it is there.
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const outputKeptMax = 64 * 1024; // enough for a compiler's complaint; a chatty installer must not fill memory

export class MissingRuntime extends Error {
  override readonly name = "MissingRuntime";
  readonly runtime: string;

  constructor(runtime: string) {
    super(`${runtime} is not on this machine`);
    this.runtime = runtime;
  }
}

export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
  /** What it wrote counts, not how it ended: a test runner says itself which tests failed. */
  readonly mayFail?: boolean;
}

/** Runs a command to its end and gives what it wrote on stdout; a failure carries the tail of everything it wrote. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let everything = "";
    const keep = (text: string) => {
      everything = (everything + text).slice(-outputKeptMax);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      keep(text);
    });
    child.stderr.setEncoding("utf8").on("data", keep);
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 300_000);
    child.stdin.on("error", () => {}); // a command may end without reading what it was given
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || options.mayFail === true) return resolve(stdout);
      reject(new Error(`${[command, ...args].join(" ")} ended with ${signal ?? code}\n${everything}`));
    });
  });
}

/** Where a command stands on PATH; throws MissingRuntime when it stands nowhere. */
export function locate(command: string, runtime: string = command): string {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  throw new MissingRuntime(runtime);
}
