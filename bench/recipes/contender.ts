// Who is measured: our recipes in a process of their own, or Curator in Java; both hear the same orders.
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Java } from "../../test/interop/java.ts";
import { builtServer } from "../../test/support/built-server.ts";
import { Program } from "../../test/support/program.ts";

export type Library = "cabildo" | "Curator";

export interface Result {
  readonly perSecond: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Watch notifications for each hand-over; of ours alone. */
  readonly wakeUps: number | null;
}

export class Contender {
  readonly library: Library;
  readonly #program: Program;

  private constructor(library: Library, program: Program) {
    this.library = library;
    this.#program = program;
  }

  static async start(library: Library, servers: string, java: Java): Promise<Contender> {
    const build = join(dirname(await builtServer()), "..", "index.js");
    const ours = { command: process.execPath, args: ["--import", "tsx", "bench/recipes/ours.ts", servers, build] };
    const program = new Program(library === "cabildo" ? ours : java.measured("CuratorBench", servers), []);
    await program.line("ready");
    return new Contender(library, program);
  }

  acquire(path: string, tasks: number, milliseconds: number): Promise<Result> {
    return this.#order(`acquire ${path} ${tasks} ${milliseconds}`);
  }

  /** Of ours alone: a node made and removed. */
  floor(path: string, tasks: number, milliseconds: number): Promise<Result> {
    return this.#order(`floor ${path} ${tasks} ${milliseconds}`);
  }

  handOver(path: string, waiters: number, rounds: number): Promise<Result> {
    return this.#order(`hand-over ${path} ${waiters} ${rounds}`);
  }

  async #order(order: string): Promise<Result> {
    const from = this.#program.lines.length;
    this.#program.say(order);
    const line = await this.#program.line(/^result /, { from, withinMs: 300_000 });
    const [perSecond, p50, p99, max, wakeUps] = line.split(" ").slice(1).map(Number);
    await sleep(100); // what it left behind is the servers' to clear
    return { perSecond: perSecond!, p50: p50!, p99: p99!, max: max!, wakeUps: wakeUps ?? null };
  }

  async stop(): Promise<void> {
    this.#program.say("end");
    await this.#program.ended;
  }
}
