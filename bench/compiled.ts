// The two C programs of bench/load: compiled once for each state of their sources, run, their one line of JSON read.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../test/support/cache.ts";
import { locate, MissingRuntime, run } from "../test/support/commands.ts";

const sources = join(repository, "bench", "load");

export interface Latency {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What `load` prints; latencies in microseconds. */
export interface LoadResult {
  readonly op: string;
  readonly connections: number;
  readonly outstanding: number;
  readonly bytes: number;
  readonly root: string;
  readonly seconds: number;
  readonly operations: number;
  readonly perSecond: number;
  readonly errors: number;
  readonly generatorCpuSeconds: number;
  /** Of the processes named by `pids`, during the measurement. */
  readonly watchedCpuSeconds: number;
  readonly latencyUs: Latency;
}

export interface FloorResult {
  readonly bytes: number;
  readonly sync: boolean;
  readonly operations: number;
  readonly latencyUs: Latency;
}

/** The options of `load`, named as on its command line. */
export interface LoadOptions {
  readonly servers: string;
  readonly op: string;
  readonly connections?: number;
  readonly outstanding?: number;
  readonly seconds?: number;
  readonly warmup?: number;
  readonly bytes?: number;
  readonly "pace-ms"?: number;
  readonly count?: number;
  readonly root?: string;
  readonly pids?: string;
  readonly keep?: 0 | 1;
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  return JSON.parse(await run(await program("load"), flags(options))) as LoadResult;
}

export interface FloorOptions {
  readonly file: string;
  readonly bytes?: number;
  readonly seconds?: number;
  readonly sync?: 0 | 1;
}

/** One loopback round trip around one write and one fdatasync (or, with `sync: 0`, around nothing). */
export async function floor(options: FloorOptions): Promise<FloorResult> {
  return JSON.parse(await run(await program("floor"), flags(options))) as FloorResult;
}

function flags(options: object): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

async function program(name: "load" | "floor"): Promise<string> {
  const hash = createHash("sha256");
  for (const file of readdirSync(sources).sort()) hash.update(file).update(readFileSync(join(sources, file)));
  const folder = await cached(`bench-${hash.digest("hex").slice(0, 16)}`, async (folder) => {
    const compiler = compilerPath();
    for (const each of ["load", "floor"]) {
      await run(compiler, ["-O2", "-Wall", "-Wextra", "-o", join(folder, each), join(sources, `${each}.c`)]);
    }
  });
  return join(folder, name);
}

function compilerPath(): string {
  for (const command of ["cc", "gcc", "clang"]) {
    try {
      return locate(command);
    } catch {
      // the next one, perhaps
    }
  }
  throw new MissingRuntime("a C compiler (cc, gcc or clang)");
}
