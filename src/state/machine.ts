// What the log means: numbers each command of a batch, exactly once, and routes it to its model. Synchronous and
// deterministic: members that applied the same entries hold the same state, give the same outcomes and fire the same
// events. It reads no clock: time is what the leader stamped into the batches.
//
// A command that cannot be read changes nothing, on every member alike (flaws.ts): a bug of a member's encoder, or a forger,
// must not end all of them, now and at each restart. What cannot be read of a batch as a whole makes all of it nothing.

import { assert } from "../base/assert.ts";
import { ByteReader } from "../base/bytes.ts";
import { BATCH_HEADER_BYTES } from "./batch.ts";
import { Deduplication } from "./deduplication.ts";
import { MachineEventHub } from "./event-hub.ts";
import { FEATURE_LEVEL } from "./feature-level.ts";
import { canAllBeRead, flawOfCommand, flawOfLengths, flawOfProposal, headerOf } from "./flaws.ts";
import { HashSum } from "./hash-sum.ts";
import type { ChangeEnd, ConfiguredMember, Model, Turn } from "./model.ts";
import { ModelTable } from "./model-table.ts";
import { rejected } from "./outcomes.ts";
import { MachineRestorer, type RestoredMachine } from "./restorer.ts";
import { MachineSnapshot } from "./snapshot.ts";

export type { MachineRestorer } from "./restorer.ts";
export type { MachineSnapshot } from "./snapshot.ts";

export type Application = "applied" | "duplicate" | "gap" | "unreadable";

/** Hears the outcome of each command: of the type that the command's model gives. */
type Outcomes = (outcome: unknown, sequence: number) => void;

/** Invariants: an entry is applied once, in the order of the log; `sequence`, `time` and `level` never go back. */
export class Machine {
  readonly events = new MachineEventHub();
  /** The highest feature level that this version understands, its models included. */
  readonly levelMax: number;
  /** The lowest feature level at which all models of this machine take part. */
  readonly levelWanted: number;
  readonly #models: ModelTable;
  readonly #deduplication = new Deduplication();
  readonly #turn: MachineTurn;
  readonly #reader = new ByteReader(new Uint8Array(0));
  #appliedIndex = 0;
  #snapshot: MachineSnapshot | null = null;

  /**
   * The models of this machine alone; `models.ts` lists those of a server. `levelMax`: for the simulator, which runs older
   * programs as well, what such a program understands.
   */
  constructor(models: readonly Model[], levelMax = Number.POSITIVE_INFINITY) {
    this.#models = new ModelTable(models);
    this.levelWanted = Math.min(levelMax, Math.max(...models.map(({ level }) => level)));
    this.levelMax = Math.min(levelMax, Math.max(this.levelWanted, FEATURE_LEVEL));
    this.#turn = new MachineTurn(models, (level) => {
      assert(level <= this.levelMax, `the log has feature level ${level}, this version understands ${this.levelMax}`);
      this.events.onLevelRaised(level);
    });
  }

  /** This machine's model of a class: for its state, and its events. The same object for ever. */
  model<M extends Model>(kind: abstract new (...parts: never[]) => M): M {
    return this.#models.of(kind);
  }

  /**
   * ZooKeeper's zxid. Every command consumes one, failed or not, and so does a change that a model sees in a new
   * configuration: whoever has seen a sequence has seen all that came before it.
   */
  get sequence(): number {
    return this.#turn.sequence;
  }

  /** The latest time stamped into an applied batch: never goes back. */
  get time(): number {
    return this.#turn.time;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** What every member understands (feature-level.ts). */
  get level(): number {
    return this.#turn.level;
  }

  /** The last batch sequence applied of this run of this member; -1 when a later run of it is known. */
  lastSequence(member: number, run: number): number {
    return this.#deduplication.lastSequence(member, run);
  }

  /** The latest run of this member whose batches were applied; 0 if none were. A run with a lower number is not heard. */
  latestRun(member: number): number {
    return this.#deduplication.latestRun(member);
  }

  /** Why a batch that member `from` passed on may not be put into the log; null: it may. */
  flawOfProposal(batch: Uint8Array, from: number): string | null {
    return flawOfProposal(this.#models, batch, from, this.latestRun(from));
  }

  /**
   * Applies one `commands` entry. For each command `outcomes` (if given) hears, in order, in the middle of it all.
   * Returns whether the batch was new: "applied", "duplicate" (seen before), "gap" (an earlier one of its member is
   * missing: nothing was applied, the member sends again from there), or "unreadable" (it counts, and did nothing).
   */
  apply(index: number, batch: Uint8Array, outcomes: Outcomes | null): Application {
    this.#advance(index);
    const header = headerOf(batch);
    if (header === null) return this.#tellUnreadable(index, "a batch without a header");
    const { time, member, run, sequence } = header;
    const admission = this.#deduplication.admit(member, run, sequence);
    if (admission !== "applied") return admission;
    const turn = this.#turn;
    if (time > turn.time) turn.time = time;
    const reader = this.#reader.reset(batch, BATCH_HEADER_BYTES, batch.length);
    // All before the first is applied: one walk over a batch costs less than a check before each of its commands.
    const areReadable = canAllBeRead(this.#models, batch, reader.offset, reader.end);
    const flaw = areReadable ? null : flawOfLengths(reader);
    if (flaw !== null) return this.#tellUnreadable(index, flaw);
    turn.member = member;
    turn.run = run;
    this.#applyCommands(index, reader, areReadable, outcomes);
    return "applied";
  }

  /** An operator had this entry left out: its batch counts as seen, and none of its commands is carried out. */
  skip(index: number, batch: Uint8Array): void {
    this.#advance(index);
    const header = headerOf(batch);
    if (header !== null) this.#deduplication.admit(header.member, header.run, header.sequence);
  }

  /** A configuration entry was committed. `joint`: one more follows by itself. */
  applyConfiguration(index: number, members: readonly ConfiguredMember[], joint: boolean): void {
    this.#advance(index);
    if (joint) return;
    const turn = this.#turn;
    if (this.#models.all.some((model) => model.isChangedByMembership?.(members) === true)) turn.sequence++;
    for (const model of this.#models.all) model.onMembership?.(members, turn);
  }

  /** An entry without effect was committed. */
  applyNothing(index: number): void {
    this.#advance(index);
  }

  /**
   * The state as it is now, to be pulled in slices while commands go on being applied. One at a time; `end` it, whole or
   * not. No cost is paid up front but for what models copy: the list of leases.
   */
  beginSnapshot(): MachineSnapshot {
    assert(this.#snapshot === null, "one snapshot at a time");
    const { sequence, time, appliedIndex, level } = this;
    const source = {
      position: { sequence, time, appliedIndex },
      level,
      deduplication: this.#deduplication,
      models: this.#models.all,
    };
    this.#snapshot = new MachineSnapshot(source, () => {
      this.#snapshot = null;
    });
    return this.#snapshot;
  }

  /** Reads a snapshot; this machine keeps its state until all of it is there, then has the other. */
  restore(): MachineRestorer {
    return new MachineRestorer(this.#models, this.levelMax, (restored) => this.#adopt(restored));
  }

  /**
   * Offline: this state becomes the first of another ensemble (refounding.ts). Of what was proposed to the old one nothing is
   * known any more, and the sequence goes on from here.
   */
  beginAnew(sequence: number): void {
    assert(this.#snapshot === null, "the state begins anew while a snapshot of it is taken");
    assert(sequence >= this.sequence && Number.isSafeInteger(sequence), "a sequence that goes back");
    this.#turn.sequence = sequence;
    this.#deduplication.clear();
    for (const model of this.#models.all) model.beginAnew?.();
  }

  /** A hash of the whole state: equal on members that applied the same entries. Reads everything: for tests. */
  hash(): string {
    const sum = new HashSum();
    sum.add(`${this.sequence} ${this.time} ${this.appliedIndex}${this.level === 0 ? "" : ` level ${this.level}`}`);
    for (const { member, run, sequence } of this.#deduplication) sum.add(`producer ${member} ${run} ${sequence}`);
    for (const model of this.#models.all) model.addToHash(sum);
    return sum.toString();
  }

  /** Asserts the invariants of the whole state. Reads everything: for simulators and tests. */
  checkInvariants(): void {
    assert(this.level >= 0 && this.level <= this.levelMax, `feature level ${this.level}`);
    for (const model of this.#models.all) model.checkInvariants();
  }

  #adopt({ sequence, time, appliedIndex, level, producers }: RestoredMachine): void {
    assert(this.#snapshot === null, "the state is replaced while a snapshot of it is taken");
    const turn = this.#turn;
    turn.sequence = sequence;
    turn.time = time;
    turn.level = level;
    this.#appliedIndex = appliedIndex;
    this.#deduplication.clear();
    for (const producer of producers) this.#deduplication.set(producer);
    this.events.onRestored();
  }

  #advance(index: number): void {
    assert(index === this.#appliedIndex + 1, `entry ${index} after entry ${this.#appliedIndex}`);
    this.#appliedIndex = index;
  }

  #applyCommands(index: number, reader: ByteReader, areReadable: boolean, outcomes: Outcomes | null): void {
    const batchEnd = reader.end;
    const turn = this.#turn;
    while (reader.offset < batchEnd) {
      const length = reader.uint32();
      const end = reader.offset + length;
      reader.end = end;
      turn.sequence++;
      const model = this.#models.get(reader.bytes[reader.offset]!);
      const flaw = areReadable ? null : flawOfCommand(this.#models, reader);
      let outcome: unknown;
      if (flaw !== null) {
        reader.offset = end;
        this.#tellUnreadable(index, flaw);
        outcome = model === undefined || length === 0 ? UNREADABLE : model.refused("unreadable");
      } else if (model!.level > turn.level) {
        reader.offset = end;
        outcome = model!.refused("feature-level");
      } else {
        reader.offset += 2;
        outcome = model!.apply(reader.bytes[reader.offset - 1]!, reader, turn);
      }
      assert(reader.offset === end, "a command longer than its fields");
      reader.end = batchEnd;
      this.events.onCommandEnd(turn.sequence);
      if (outcomes !== null) outcomes(outcome, turn.sequence);
      if (turn.isUnsettled) turn.settle(model!);
    }
  }

  #tellUnreadable(index: number, why: string): "unreadable" {
    this.events.onUnreadable(index, why);
    return "unreadable";
  }
}

/** Of a command that is no model's. */
const UNREADABLE = rejected("bad-arguments");

/** The command that is being carried out. The machine's counters live here, so that a command costs no object. */
class MachineTurn implements Turn {
  sequence = 0;
  time = 0;
  member = 0;
  run = 0;
  level = 0;
  isUnsettled = false;
  readonly #endedWithLease: readonly Model[];
  readonly #all: readonly Model[];
  readonly #onLevelRaised: (level: number) => void;

  constructor(models: readonly Model[], onLevelRaised: (level: number) => void) {
    this.#endedWithLease = models.filter(({ onLeaseEnded }) => onLeaseEnded !== undefined);
    this.#all = models;
    this.#onLevelRaised = onLevelRaised;
  }

  settleLater(): void {
    this.isUnsettled = true;
  }

  settle(model: Model): void {
    this.isUnsettled = false;
    model.settle?.(this);
  }

  tellLeaseEnded(id: number): void {
    for (const model of this.#endedWithLease) model.onLeaseEnded!(id, this);
  }

  tellMembersShown(): void {
    for (const model of this.#all) model.onMembersShown?.(this);
  }

  tellChangeEnded(id: number, end: ChangeEnd): void {
    for (const model of this.#all) model.onChangeEnded?.(id, end, this);
  }

  raiseLevel(level: number): void {
    assert(level > this.level, `feature level ${level} after ${this.level}`);
    this.level = level;
    this.#onLevelRaised(level);
  }
}
