// A directory as a disk may have it, from the calls that a process made: what was synced is durable; what was not may be
// there or not, sector by sector, torn, in any order; a name that was made, changed or removed counts only once its
// directory was synced. It trusts nothing between the process and the kernel, and refuses a call that it does not know.
import { basename, dirname } from "node:path";
import type { Random } from "../../../src/base/random.ts";
import type { Contents } from "./contents.ts";
import type { Step, SystemCall } from "./system-calls.ts";
import { type Change, changed, choose, TracedFile, type Unit, unitApplied, unitsOf } from "./traced-file.ts";

type Entry = TracedFile | "directory";
type Names = Map<string, Entry>;

interface NameChange {
  readonly number: number;
  readonly call: SystemCall;
  readonly directory: string;
  readonly apply: (names: Names) => void;
  isDone: boolean;
}

type Descriptor = { readonly path: string; readonly entry: Entry };

/** What a sync that has begun will have made durable when it ends. */
interface Sync {
  readonly changes: readonly Change[];
  readonly names: readonly NameChange[];
  readonly file: TracedFile | null;
}

const isKnown: Readonly<Record<string, true>> = Object.fromEntries(
  ["open", "openat", "close", "write", "pwrite64", "writev", "pwritev", "ftruncate", "fdatasync", "fsync"]
    .concat(["rename", "unlink", "mkdir"])
    .map((name) => [name, true]),
);

export class TracedDisk {
  readonly root: string;
  #durableNames: Names = new Map();
  #pendingNames: NameChange[] = [];
  #open = new Map<number, Descriptor>();
  readonly #syncs = new Map<SystemCall, Sync>();
  /** Of calls that have begun and not ended. */
  #underWay: (Change | NameChange)[] = [];
  /** Calls that the process did not live to see the end of, and that never happened. */
  readonly #neverHappened: ReadonlySet<string>;
  #count = 0;

  /** Begins with what stands there now, all of it durable. */
  constructor(root: string, contents: Contents, neverHappened: ReadonlySet<string> = new Set()) {
    this.root = root;
    this.#neverHappened = neverHappened;
    this.#durableNames.set(root, "directory");
    for (const [path, bytes] of contents) {
      const file = new TracedFile();
      if (bytes !== null) file.durable = Buffer.from(bytes);
      this.#durableNames.set(path, bytes === null ? "directory" : file);
    }
  }

  /** What it was about, as a moment at which power may be lost; null: nothing changed. */
  apply(step: Step): string | null {
    if (step.kind === "death") return null;
    const { call } = step;
    return step.kind === "begin" ? this.#begin(call) : this.#end(call);
  }

  /** The process is gone, and its descriptors with it. */
  closeAll(): void {
    this.#open = new Map();
    for (const change of this.#underWay) change.isDone = true;
    this.#underWay = [];
    this.#syncs.clear();
  }

  // ------------------------------------------------------------------------------------------------------- calls

  #begin(call: SystemCall): string | null {
    const { name, args } = call;
    switch (name) {
      case "open":
      case "openat":
        return this.#onOpen(call);
      case "close":
        this.#open.delete(Number(args[0]));
        return null;
      case "write":
      case "pwrite64":
      case "writev":
      case "pwritev":
        return this.#onWrite(call);
      case "ftruncate":
        return this.#onTruncate(call);
      case "fdatasync":
      case "fsync":
        return this.#onSync(call);
      case "rename": {
        const [from, to] = [pathOf(call, 0), pathOf(call, 1)];
        if (!this.#isInside(from) && !this.#isInside(to)) return null;
        const entry = this.#names().get(from);
        if (entry === undefined) return null; // it fails
        if (entry === "directory") throw unknown(call, "of a directory");
        return this.#rename(call, to, (names) => {
          names.delete(from);
          names.set(to, entry);
        });
      }
      case "unlink": {
        const path = pathOf(call, 0);
        if (!this.#names().has(path)) return null;
        return this.#rename(call, path, (names) => names.delete(path));
      }
      case "mkdir": {
        const path = pathOf(call, 0);
        if (!this.#isInside(path) || this.#names().has(path) || !this.#names().has(dirname(path))) return null;
        return this.#rename(call, path, (names) => names.set(path, "directory"));
      }
      default:
        this.#refuseUnknown(call);
        return null;
    }
  }

  #end(call: SystemCall): string | null {
    const { name, result, error } = call;
    if (result === undefined && error === null) return null; // the process ended in it: it may have happened or not
    const succeeded = error === null && result !== undefined && result >= 0;
    if (succeeded) this.#done(call);
    else this.#undo(call);
    if ((name === "open" || name === "openat") && succeeded) this.#opened(call);
    const sync = this.#syncs.get(call);
    if (sync === undefined) return null;
    this.#syncs.delete(call);
    if (!succeeded) {
      for (const change of sync.changes) change.isForgotten = true;
      return `${name} failed`;
    }
    if (call.isInjected) return null; // a sync that the kernel never saw
    this.#harden(sync);
    return `${name} ended`;
  }

  #onOpen(call: SystemCall): string | null {
    const path = pathOf(call, call.name === "open" ? 0 : 1);
    if (!this.#isInside(path)) return null;
    const flags = String(call.args[call.name === "open" ? 1 : 2]).split("|");
    const cutsOff = flags.includes("O_TRUNC") && !flags.includes("O_EXCL");
    if (cutsOff || flags.includes("O_APPEND")) throw unknown(call, flags.join("|"));
    if (!flags.includes("O_CREAT") || this.#names().has(path) || !this.#names().has(dirname(path))) return null;
    const file = new TracedFile();
    return this.#rename(call, path, (names) => names.set(path, file));
  }

  #opened(call: SystemCall): void {
    const path = pathOf(call, call.name === "open" ? 0 : 1);
    const entry = this.#isInside(path) ? this.#names().get(path) : undefined;
    if (entry === undefined) this.#open.delete(call.result!);
    else this.#open.set(call.result!, { path, entry });
  }

  #onWrite(call: SystemCall): string | null {
    const opened = this.#open.get(Number(call.args[0]));
    if (opened === undefined) return null;
    if (opened.entry === "directory" || call.name === "write" || call.name === "writev") throw unknown(call, "");
    // pwrite64(file, bytes, count, offset); pwritev(file, [{bytes, length}, …], count, offset)
    const bytes = payloadOf(call);
    if (call.name === "pwrite64" && bytes.length !== Number(call.args[2]))
      throw unknown(call, "with bytes not recorded");
    this.#change(call, opened.entry, Number(call.args.at(-1)), bytes);
    return this.#moment(call, opened.path);
  }

  #onTruncate(call: SystemCall): string | null {
    const opened = this.#open.get(Number(call.args[0]));
    if (opened === undefined) return null;
    if (opened.entry === "directory") throw unknown(call, "of a directory");
    this.#change(call, opened.entry, Number(call.args[1]), null);
    return this.#moment(call, opened.path);
  }

  #onSync(call: SystemCall): string | null {
    const opened = this.#open.get(Number(call.args[0]));
    if (opened === undefined) return null;
    const { path, entry } = opened;
    if (entry === "directory") {
      const names = this.#pendingNames.filter(({ directory, isDone }) => directory === path && isDone);
      this.#syncs.set(call, { file: null, changes: [], names });
    } else {
      const changes = entry.pending.filter(({ isDone, isForgotten }) => isDone && !isForgotten);
      this.#syncs.set(call, { file: entry, changes, names: [] });
    }
    return this.#moment(call, path);
  }

  #refuseUnknown(call: SystemCall): void {
    if (isKnown[call.name] || call.name.startsWith("accept")) return;
    const written = call.name === "copy_file_range" || call.name === "splice" ? call.args[2] : call.args[0];
    const concerned =
      this.#open.has(Number(written)) ||
      call.args.some((argument) => argument instanceof Uint8Array && this.#isInside(Buffer.from(argument).toString()));
    if (concerned || call.name === "io_uring_setup") throw unknown(call, "on a recorded file");
  }

  // ----------------------------------------------------------------------------------------------------- changes

  #change(call: SystemCall, file: TracedFile, offset: number, bytes: Uint8Array | null): void {
    if (this.#neverHappened.has(call.id)) return;
    const change = { number: ++this.#count, call, file, offset, bytes, isDone: false, isForgotten: false };
    file.pending.push(change);
    this.#underWay.push(change);
  }

  #rename(call: SystemCall, path: string, apply: (names: Names) => void): string {
    if (!this.#neverHappened.has(call.id)) {
      const change = { number: ++this.#count, call, directory: dirname(path), apply, isDone: false };
      this.#pendingNames.push(change);
      this.#underWay.push(change);
    }
    return this.#moment(call, path);
  }

  #moment(call: SystemCall, path: string): string {
    return `${call.name} ${basename(path).replaceAll(/\d+/g, "N")}`;
  }

  #done(call: SystemCall): void {
    for (const change of this.#underWay) {
      if (change.call !== call) continue;
      change.isDone = true;
      if ("bytes" in change && change.bytes) change.bytes = change.bytes.subarray(0, call.result); // it may be cut short
    }
    this.#underWay = this.#underWay.filter((change) => change.call !== call);
  }

  #undo(call: SystemCall): void {
    for (const change of this.#underWay) {
      if (change.call !== call) continue;
      if ("file" in change) change.file.pending.splice(change.file.pending.indexOf(change), 1);
      else this.#pendingNames.splice(this.#pendingNames.indexOf(change), 1);
    }
    this.#underWay = this.#underWay.filter((change) => change.call !== call);
  }

  #harden({ file, changes, names }: Sync): void {
    if (file !== null) {
      const hardened = new Set(changes);
      for (const change of file.pending) if (hardened.has(change)) file.durable = changed(file.durable, change);
      file.pending = file.pending.filter((change) => !hardened.has(change));
    }
    const settled = new Set(names);
    for (const change of this.#pendingNames) if (settled.has(change)) change.apply(this.#durableNames);
    this.#pendingNames = this.#pendingNames.filter((change) => !settled.has(change));
  }

  // ----------------------------------------------------------------------------------------------------- contents

  /** What the process sees; as if some calls had never been, if told which. */
  contents(without: readonly SystemCall[] = []): Map<string, Buffer | null> {
    return contentsOf(this.root, this.#names(without), (file) =>
      file.pending.filter(({ call }) => !without.includes(call)).reduce(changed, Buffer.from(file.durable)),
    );
  }

  /** What may be on the disk if power is lost now: one of many ways, by chance. */
  crash(random: Random): Crash {
    const names = this.#crashedNames(random);
    const files = new Set([...names.entry.values()].filter((entry) => entry instanceof TracedFile));
    const units = [...files].flatMap((file) => file.pending.flatMap((change) => unitsOf(file, change)));
    units.sort((a, b) => a.number - b.number);
    const kept = choose(units, random);
    const byFile = new Map<TracedFile, Unit[]>([...files].map((file) => [file, []]));
    for (const unit of kept.units) byFile.get(unit.file)!.push(unit);
    const contents = contentsOf(this.root, names.entry, (file) =>
      byFile.get(file)!.reduce(unitApplied, Buffer.from(file.durable)),
    );
    return { contents, how: `${kept.how}, ${names.how}` };
  }

  /** Calls that were under way when the process died, and changed something: each happened or not. */
  get underWay(): SystemCall[] {
    return [...new Set(this.#underWay.map(({ call }) => call))];
  }

  takeBack(calls: readonly SystemCall[]): void {
    for (const call of calls) this.#undo(call);
  }

  #crashedNames(random: Random): { entry: Names; how: string } {
    const entry = new Map(this.#durableNames);
    const count = this.#pendingNames.length;
    if (count === 0) return { entry, how: "all names synced" };
    if (random.chance(0.4)) {
      const missing = random.below(count);
      for (const { apply } of this.#pendingNames.toSpliced(missing, 1)) apply(entry);
      return { entry, how: `all of ${count} changes of names but number ${missing + 1}` };
    }
    if (random.chance(0.3)) {
      const kept = this.#pendingNames.filter(() => random.chance(0.5));
      for (const { apply } of kept) apply(entry);
      return { entry, how: `any ${kept.length} of ${count} changes of names` };
    }
    const kept = random.below(count + 1);
    for (const { apply } of this.#pendingNames.slice(0, kept)) apply(entry);
    return { entry, how: `the first ${kept} of ${count} changes of names` };
  }

  #names(without: readonly SystemCall[] = []): Names {
    if (this.#pendingNames.length === 0) return this.#durableNames;
    const names = new Map(this.#durableNames);
    for (const { apply, call } of this.#pendingNames) if (!without.includes(call)) apply(names);
    return names;
  }

  #isInside(path: string): boolean {
    return path === this.root || path.startsWith(`${this.root}/`);
  }
}

export interface Crash {
  readonly contents: Contents;
  /** How it came about, for people. */
  readonly how: string;
}

function contentsOf(root: string, names: Names, bytesOf: (file: TracedFile) => Buffer): Map<string, Buffer | null> {
  const contents = new Map<string, Buffer | null>();
  for (const [path, entry] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parent = dirname(path);
    if (path === root || (parent !== root && contents.get(parent) !== null)) continue; // its directory is not there
    contents.set(path, entry === "directory" ? null : bytesOf(entry));
  }
  return contents;
}

function pathOf(call: SystemCall, position: number): string {
  const argument = call.args[position];
  if (!(argument instanceof Uint8Array)) throw unknown(call, "without a path");
  return Buffer.from(argument).toString();
}

function payloadOf(call: SystemCall): Uint8Array {
  return Buffer.concat(call.args.filter((argument) => argument instanceof Uint8Array));
}

function unknown({ name }: SystemCall, why: string): Error {
  return new Error(`the recorded process called ${name} ${why}, which this disk has no model of`);
}
