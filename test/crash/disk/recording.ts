// A real member alone, whose calls to the kernel are written down over all its lives, under real clients; and the walk
// through what was written down, moment by moment.
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ensemble, type Member, startEnsemble } from "../../support/ensemble.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { type Contents, difference, readContents, writeContents } from "./contents.ts";
import { recording } from "./strace.ts";
import { type Step, stepsOf } from "./system-calls.ts";
import { TracedDisk } from "./traced-disk.ts";

const goneWithinMs = 20_000;
const endBytes = 4096;

export interface RecordingOptions {
  readonly config: readonly string[];
  readonly life?: LifeOptions;
  /** The disk that the member starts on; an empty one unless given. */
  readonly from?: Start;
}

/** What is done to the recorded process from its start to its end. */
export interface LifeOptions {
  /** Calls that strace makes fail or wait beside writing them down, as its `inject` has it. */
  readonly injections?: readonly string[];
  /** A module that Node loads before everything else. */
  readonly preload?: string;
}

/** A disk as power was lost, and what had been told until then. */
export interface Start {
  readonly root: string;
  readonly contents: Contents;
  readonly zxid: number;
  readonly sessions: readonly bigint[];
}

/** One life of the recorded process: its calls, and the files as they were when it was gone. */
interface Life {
  readonly trace: string;
  readonly left: Contents;
}

export class Recording {
  readonly folder: string;
  /** What is recorded. */
  readonly root: string;
  /** The member's own, below it: the member makes it. */
  readonly dataDirectory: string;
  readonly #before: Contents;
  readonly #from: Start | null;
  readonly #lives: Life[] = [];
  #ensemble: Ensemble | null = null;
  #life: LifeOptions;

  private constructor(folder: string, { life, from }: RecordingOptions) {
    this.folder = folder;
    this.#from = from ?? null;
    this.root = join(folder, "disk");
    if (from === undefined) mkdirSync(this.root);
    else writeContents(from.contents, from.root, this.root);
    this.dataDirectory = join(this.root, "member", "data");
    this.#before = readContents(this.root);
    this.#life = life ?? {};
  }

  /** Starts it, and waits until it serves. */
  static async begin(options: RecordingOptions): Promise<Recording> {
    const folder = mkdtempSync(join(tmpdir(), "cabildo-power-"));
    const recorded = new Recording(folder, options);
    try {
      recorded.#ensemble = await startEnsemble({
        flavour: "cabildo",
        members: 1,
        dataRoot: folder,
        config: [...options.config, `dataDir=${recorded.dataDirectory}`],
        environment: { UV_USE_IO_URING: "0" }, // where strace would not see the calls
        wrapperOf: () => recorded.#wrapper(),
      });
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return recorded;
  }

  get member(): Member {
    return this.#ensemble!.members[0]!;
  }

  /** Ends the process, or waits for its own end, and keeps what it left. */
  async end(signal: NodeJS.Signals | null): Promise<void> {
    if (signal !== null) await this.member.kill(signal);
    const trace = this.#nextTrace();
    const deadline = performance.now() + goneWithinMs;
    while (!isComplete(trace)) {
      if (performance.now() > deadline) throw new Error(`${trace} has no end\n${this.member.log().slice(-2000)}`);
      await sleep(5);
    }
    this.#lives.push({ trace, left: readContents(this.root) });
  }

  /** The next life, after `end`; it may not be ready. */
  async restart(life: LifeOptions = {}): Promise<void> {
    this.#life = life;
    await this.member.restart();
  }

  /** Until it serves; fails when it has ended. */
  ready(): Promise<void> {
    return this.#ensemble!.waitReady();
  }

  /** The steps of the last life that has ended. */
  lastSteps(): AsyncGenerator<Step> {
    return stepsOf(this.#lives.at(-1)!.trace);
  }

  /**
   * Goes through all lives once more: `onMoment` hears of each moment that a loss of power could fall on, with the disk and
   * what clients had been told as they were then. Throws unless what was written down explains the files that there are.
   */
  async walk(
    onMoment: (moment: string, disk: TracedDisk, told: Acknowledgements) => void | Promise<void>,
  ): Promise<void> {
    const neverHappened = await this.#findUnfinished();
    const disk = new TracedDisk(this.root, this.#before, neverHappened);
    const told = new Acknowledgements(this.#from ?? undefined);
    for (const { trace, left } of this.#lives) {
      for await (const step of stepsOf(trace)) {
        const changed = disk.apply(step);
        const moment = told.apply(step) ? "told a client" : changed;
        if (moment !== null) await onMoment(moment, disk, told);
      }
      disk.closeAll();
      told.closeAll();
      const unexplained = difference(disk.contents(), left);
      if (unexplained !== null) throw new Error(`what was recorded does not explain the files: ${unexplained}`);
    }
  }

  async stop(): Promise<void> {
    await this.#ensemble?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #wrapper(): string[] {
    const { injections = [], preload } = this.#life;
    const preloading = preload === undefined ? [] : ["env", `NODE_OPTIONS=--import ${preload}`];
    return [...recording(this.#nextTrace(), ...injections), ...preloading];
  }

  #nextTrace(): string {
    return join(this.folder, `calls-${this.#lives.length + 1}.txt`);
  }

  /** Calls in which the process died, and which left no trace in the files. */
  async #findUnfinished(): Promise<Set<string>> {
    const found = new Set<string>();
    const disk = new TracedDisk(this.root, this.#before);
    for (const { trace, left } of this.#lives) {
      for await (const step of stepsOf(trace)) disk.apply(step);
      const without = subsetsOf(disk.underWay).find((calls) => difference(disk.contents(calls), left) === null);
      disk.takeBack(without ?? []); // if there is none, the walk will say so
      for (const { id } of without ?? []) found.add(id);
      disk.closeAll();
    }
    return found;
  }
}

function subsetsOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((_, i) => ((bits >>> i) & 1) === 1));
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
    return new RegExp(`(^|\\n)${thread} +\\+\\+\\+ .*\\+\\+\\+\\n$`).test(end.toString("latin1"));
  } finally {
    closeSync(file);
  }
}
