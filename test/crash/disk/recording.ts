// Real members, whose calls to the kernel are written down over all their lives, under real clients; and the walk through
// what was written down, moment by moment, as all of them went through it together.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ensemble, type Member, startEnsemble } from "../../support/ensemble.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { difference } from "./contents.ts";
import { type LifeOptions, RecordedDisk } from "./recorded-disk.ts";
import type { Crash, TracedDisk } from "./traced-disk.ts";

export interface RecordingOptions {
  /** One stands alone. */
  readonly members?: number;
  readonly config: readonly string[];
  readonly life?: LifeOptions;
  /** The disks that the members start on; empty ones unless given. */
  readonly from?: Start;
}

/** Disks as power was lost, and what had been told until then. */
interface Start extends Told {
  readonly roots: readonly string[];
  readonly disks: readonly Pick<Crash, "contents">[];
}

/** The latest change, and the sessions, that clients have been told of: nothing of it may be forgotten. */
export interface Told {
  readonly zxid: number;
  readonly sessions: readonly bigint[];
}

export class Recording {
  readonly folder: string;
  readonly disks: readonly RecordedDisk[];
  readonly #before: Told;
  #ensemble: Ensemble | null = null;

  private constructor(folder: string, { members = 1, life = {}, from }: RecordingOptions) {
    this.folder = folder;
    this.#before = from ?? { zxid: 0, sessions: [] };
    this.disks = Array.from({ length: members }, (_, i) => {
      const root = join(folder, `disk-${i + 1}`);
      if (from !== undefined) return RecordedDisk.from(root, from.disks[i]!.contents, from.roots[i]!);
      return members === 1 ? RecordedDisk.empty(root) : RecordedDisk.numbered(root, i + 1);
    });
    for (const disk of this.disks) disk.life = life;
  }

  /** Starts them, and waits until they serve. */
  static async begin(options: RecordingOptions): Promise<Recording> {
    const folder = mkdtempSync(join(tmpdir(), "cabildo-power-"));
    try {
      const recording = new Recording(folder, options);
      const diskOf = (id: number) => recording.disks[id - 1]!;
      recording.#ensemble = await startEnsemble({
        flavour: "cabildo",
        members: recording.disks.length,
        dataRoot: folder,
        config: options.config,
        configOf: (id) => [`dataDir=${diskOf(id).dataDirectory}`],
        environment: { UV_USE_IO_URING: "0" }, // where strace would not see the calls
        wrapperOf: (id) => diskOf(id).wrapper(),
      });
      return recording;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get ensemble(): Ensemble {
    return this.#ensemble!;
  }

  /** The one that stands alone. */
  get member(): Member {
    return this.ensemble.members[0]!;
  }

  get roots(): string[] {
    return this.disks.map(({ root }) => root);
  }

  /** Ends the process, or finds that it has ended, and keeps what it left. */
  async end(signal: NodeJS.Signals | null, member = this.member): Promise<void> {
    if (signal !== null) await member.kill(signal);
    await this.disks[member.id - 1]!.ended();
  }

  /** The next life, after `end`; it may not be ready. */
  async restart(life: LifeOptions = {}, member = this.member): Promise<void> {
    this.disks[member.id - 1]!.life = life;
    await member.restart();
  }

  /** Until all serve; fails when one has ended. */
  ready(): Promise<void> {
    return this.ensemble.waitReady();
  }

  /**
   * Goes through all lives once more: `onMoment` hears of each moment that a loss of power could fall on, with the disks and
   * what clients had been told as they were then. Throws unless what was written down explains the files that there are.
   */
  async walk(
    onMoment: (moment: string, disks: readonly TracedDisk[], told: Told) => void | Promise<void>,
  ): Promise<void> {
    const disks = await Promise.all(this.disks.map((recorded) => recorded.disk()));
    const heard = disks.map(() => new Acknowledgements(this.#before));
    let told = this.#before;
    for await (const [number, step] of merged(this.disks.map((recorded) => recorded.steps()))) {
      const disk = disks[number]!;
      if (step.kind === "left") {
        disk.closeAll();
        heard[number]!.closeAll();
        const unexplained = difference(disk.contents(), step.contents);
        if (unexplained !== null) throw new Error(`what was recorded does not explain the files: ${unexplained}`);
        continue;
      }
      const changed = disk.apply(step);
      const isNew = heard[number]!.apply(step);
      if (isNew) told = all(heard);
      if (isNew || changed !== null) await onMoment(isNew ? "told a client" : changed!, disks, told);
    }
  }

  async stop(): Promise<void> {
    await this.#ensemble?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function all(heard: readonly Acknowledgements[]): Told {
  return {
    zxid: Math.max(...heard.map(({ zxid }) => zxid)),
    sessions: [...new Set(heard.flatMap(({ sessions }) => [...sessions]))],
  };
}

/** Several sequences as one, in the order of their times, each with the number of the one it came from. */
async function* merged<T extends { readonly at: number }>(
  sources: readonly AsyncGenerator<T>[],
): AsyncGenerator<[number, T]> {
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    let first = -1;
    for (const [number, { done, value }] of heads.entries()) {
      if (!done && (first < 0 || value.at < heads[first]!.value.at)) first = number;
    }
    if (first < 0) return;
    yield [first, heads[first]!.value];
    heads[first] = await sources[first]!.next();
  }
}
