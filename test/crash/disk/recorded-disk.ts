// The disk of one recorded process: what stood there before, what the process called in each of its lives, and what it left.
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Contents, difference, readContents, writeContents } from "./contents.ts";
import { recording } from "./strace.ts";
import { type Step, stepsOf } from "./system-calls.ts";
import { TracedDisk } from "./traced-disk.ts";

const goneWithinMs = 20_000;
const endBytes = 4096;

/** What is done to the recorded process from its start to its end. */
export interface LifeOptions {
  /** Calls that strace makes fail or wait beside writing them down, as its `inject` has it. */
  readonly injections?: readonly string[];
  /** A module that Node loads before everything else. */
  readonly preload?: string;
}

/** One life of the recorded process: its calls, and the files as they were when it was gone. */
interface Life {
  readonly trace: string;
  readonly left: Contents;
}

export class RecordedDisk {
  /** What is recorded. */
  readonly root: string;
  /** The member's own, below it. */
  readonly dataDirectory: string;
  life: LifeOptions = {};
  readonly #traces: string;
  readonly #before: Contents;
  readonly #lives: Life[] = [];
  /** Found once for all walks. */
  #unfinished: Promise<ReadonlySet<string>> | null = null;

  private constructor(root: string) {
    this.root = root;
    this.dataDirectory = dataDirectoryBelow(root);
    this.#traces = `${root}-calls`;
    this.#before = readContents(root);
  }

  /** For a member that makes its directory itself. */
  static empty(root: string): RecordedDisk {
    mkdirSync(root);
    return new RecordedDisk(root);
  }

  /** For a member of several, which reads its number there. */
  static numbered(root: string, id: number): RecordedDisk {
    mkdirSync(dataDirectoryBelow(root), { recursive: true });
    writeFileSync(join(dataDirectoryBelow(root), "myid"), `${id}\n`);
    return new RecordedDisk(root);
  }

  /** With what stood below another root. */
  static from(root: string, contents: Contents, otherRoot: string): RecordedDisk {
    writeContents(contents, otherRoot, root);
    return new RecordedDisk(root);
  }

  /** What stands before the command of the next life. */
  wrapper(): string[] {
    const { injections = [], preload } = this.life;
    const preloading = preload === undefined ? [] : ["env", `NODE_OPTIONS=--import ${preload}`];
    return [...recording(this.#nextTrace(), ...injections), ...preloading];
  }

  /** The process has ended: waits until all is written down, and keeps what it left. */
  async ended(): Promise<void> {
    const trace = this.#nextTrace();
    await untilComplete(trace);
    this.#unfinished = null;
    this.#lives.push({ trace, left: readContents(this.root) });
  }

  /** The steps of the last life that has ended. */
  lastSteps(): AsyncGenerator<Step> {
    return stepsOf(this.#lives.at(-1)!.trace);
  }

  /** The steps of all lives, each life followed by what it left. */
  async *steps(): AsyncGenerator<Step | { readonly kind: "left"; readonly at: number; readonly contents: Contents }> {
    for (const { trace, left } of this.#lives) {
      let at = 0;
      for await (const step of stepsOf(trace)) {
        yield step;
        at = step.at;
      }
      yield { kind: "left", at, contents: left };
    }
  }

  /** As it was before the first life. */
  async disk(): Promise<TracedDisk> {
    this.#unfinished ??= this.#findUnfinished();
    return new TracedDisk(this.root, this.#before, await this.#unfinished);
  }

  #nextTrace(): string {
    return `${this.#traces}-${this.#lives.length + 1}.txt`;
  }

  /** Calls in which the process died, and which left no trace in the files. */
  async #findUnfinished(): Promise<Set<string>> {
    const found = new Set<string>();
    const disk = new TracedDisk(this.root, this.#before);
    for await (const step of this.steps()) {
      if (step.kind !== "left") {
        disk.apply(step);
        continue;
      }
      const without = subsetsOf(disk.underWay).find(
        (calls) => difference(disk.contents(calls), step.contents) === null,
      );
      disk.takeBack(without ?? []); // if there is none, the walk will say so
      for (const { id } of without ?? []) found.add(id);
      disk.closeAll();
    }
    return found;
  }
}

function dataDirectoryBelow(root: string): string {
  return join(root, "member", "data");
}

function subsetsOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((_, i) => ((bits >>> i) & 1) === 1));
}

/** Until strace has written down the end of the process. */
export async function untilComplete(trace: string): Promise<void> {
  const deadline = performance.now() + goneWithinMs;
  while (!isComplete(trace)) {
    if (performance.now() > deadline) throw new Error(`${trace} has no end`);
    await sleep(5);
  }
}

/** The thread that began it all ends last. */
function isComplete(trace: string): boolean {
  if (!existsSync(trace)) return false;
  const { size } = statSync(trace);
  const file = openSync(trace, "r");
  try {
    const begin = Buffer.alloc(16);
    readSync(file, begin, 0, begin.length, 0);
    const end = Buffer.alloc(Math.min(endBytes, size));
    readSync(file, end, 0, end.length, size - end.length);
    const [thread] = begin.toString("latin1").split(" ");
    return new RegExp(`(^|\\n)${thread} +[\\d.]+ \\+\\+\\+ .*\\+\\+\\+\\n$`).test(end.toString("latin1"));
  } finally {
    closeSync(file);
  }
}
