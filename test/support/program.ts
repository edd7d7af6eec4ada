// A foreign program that speaks in lines: what it prints is kept and can be waited for, and it hears lines in return.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { reap } from "./reaper.ts";

const lineWithinMs = 60_000;
const errorsKeptMax = 16 * 1024;

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

interface Waiting {
  readonly from: number;
  readonly matches: (line: string) => boolean;
  readonly resolve: (line: string) => void;
}

export class Program {
  /** Every line that it printed on stdout. */
  readonly lines: string[] = [];
  /** Resolves when the program is gone and all that it printed has been read. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<Waiting>();
  #errors = "";
  #hasEnded = false;

  constructor(command: Command, args: readonly string[]) {
    const child = spawn(command.command, [...command.args, ...args], {
      cwd: command.cwd,
      env: { ...process.env, ...command.environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process = child;
    reap(child);
    child.stdin.on("error", () => {}); // it may end without listening
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-errorsKeptMax);
    });
    createInterface({ input: child.stdout }).on("line", (line) => this.#onLine(line));
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        this.#hasEnded = true;
        resolve(signal ?? code ?? -1);
      });
    });
    this.ended.catch(() => {}); // whoever waits for it hears of it
  }

  /** The first line that matches, of those printed after the first `from` lines, past ones included. */
  async line(match: string | RegExp, options: { from?: number; withinMs?: number } = {}): Promise<string> {
    const matches = (line: string) => (typeof match === "string" ? line === match : match.test(line));
    const from = options.from ?? 0;
    const past = this.lines.slice(from).find(matches);
    if (past !== undefined) return past;
    const withinMs = options.withinMs ?? lineWithinMs;
    let waiting: Waiting | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        new Promise<string>((resolve) => {
          waiting = { from, matches, resolve };
          this.#waiting.add(waiting);
        }),
        this.ended.then((how) => Promise.reject(new Error(`it ended with ${how} before it said ${match}`))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`it did not say ${match} within ${withinMs} ms`)), withinMs);
        }),
      ]);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.transcript()}`);
    } finally {
      clearTimeout(timer);
      if (waiting !== undefined) this.#waiting.delete(waiting);
    }
  }

  say(line: string): void {
    this.#process.stdin!.write(`${line}\n`);
  }

  /** What it says last, and that there is no more. */
  endInput(text = ""): void {
    this.#process.stdin!.end(text);
  }

  /** The end of what it printed on stderr. */
  get errors(): string {
    return this.#errors;
  }

  /** Sends it a signal, and does not wait. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#process.kill(signal);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.#hasEnded) this.#process.kill(signal);
    await this.ended.catch(() => {});
  }

  transcript(): string {
    return `it printed:\n${this.lines.map((line) => `  ${line}`).join("\n")}\nand on stderr:\n${this.#errors}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
  }

  #onLine(line: string): void {
    this.lines.push(line);
    for (const waiting of [...this.#waiting]) {
      if (this.lines.length > waiting.from && waiting.matches(line)) waiting.resolve(line);
    }
  }
}
