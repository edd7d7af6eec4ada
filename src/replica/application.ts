// Committed entries become state, in the order of the log, each once. They come from memory, or from the disk where
// they have left it, and in slices of time, so that heartbeats and clients are heard while a member catches up.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { decodeConfiguration } from "../consensus/raft/configuration.ts";
import type { Entry } from "../consensus/raft/types.ts";
import type { BatchHeader } from "../state/batch.ts";
import { headerOf } from "../state/flaws.ts";
import type { Machine } from "../state/machine.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { ReplicaStats } from "./replica-stats.ts";

/** The loop applies at most this long at a stretch. */
const APPLY_SLICE_MS = 15;
const APPLY_BYTES = 1024 * 1024;

export interface ApplicationParts {
  readonly machine: Machine;
  readonly loop: ConsensusLoop;
  readonly log: Log;
  readonly proposals: Proposals;
  readonly clock: Clock;
  readonly stats: ReplicaStats;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  /** Indexes of entries that are not carried out, for no member can; the same on all of them. */
  readonly skipEntries?: ReadonlySet<number> | undefined;
  /** The state has moved on. */
  readonly onApplied: () => void;
}

/** Invariant: applied ≤ committed ≤ last, and the state has applied every entry up to `machine.appliedIndex`. */
export class Application {
  readonly #parts: ApplicationParts;
  readonly #machine: Machine;
  #isPaused = false;
  #isReading = false;
  #isDeferred = false;

  constructor(parts: ApplicationParts) {
    this.#parts = parts;
    this.#machine = parts.machine;
  }

  /** The state is being replaced by a snapshot's: nothing is applied to what it was before. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Applies what is committed and not applied yet. */
  advance(): void {
    if (this.#isPaused || this.#isReading || this.#isDeferred) return; // goes on when that is done
    const { raft } = this.#parts.loop;
    const { clock } = this.#parts;
    const machine = this.#machine;
    const until = clock.now() + APPLY_SLICE_MS;
    const from = machine.appliedIndex;
    while (machine.appliedIndex < raft.commitIndex) {
      const entries = raft.entriesInMemory(machine.appliedIndex + 1, raft.commitIndex, APPLY_BYTES);
      if (entries.length === 0) {
        this.#readFromDisk();
        break;
      }
      for (const entry of entries) this.#apply(entry);
      if (clock.now() > until && machine.appliedIndex < raft.commitIndex) {
        this.#goOnLater();
        break;
      }
    }
    if (machine.appliedIndex > from) this.#tellApplied();
  }

  #tellApplied(): void {
    assert(
      this.#machine.appliedIndex <= this.#parts.loop.raft.commitIndex,
      "an entry was applied that is not committed",
    );
    this.#parts.onApplied();
  }

  #goOnLater(): void {
    this.#isDeferred = true;
    this.#parts.clock.defer(() => {
      this.#isDeferred = false;
      this.#parts.lifecycle.guarded(() => this.advance());
    });
  }

  #readFromDisk(): void {
    const { log, loop, lifecycle } = this.#parts;
    this.#isReading = true;
    const from = this.#machine.appliedIndex + 1;
    log.read(from, loop.raft.commitIndex, 4 * APPLY_BYTES).then(
      (entries) => {
        this.#isReading = false;
        lifecycle.guarded(() => this.#applyRead(from, entries));
      },
      (error) => lifecycle.fail(error),
    );
  }

  #applyRead(from: number, entries: readonly Entry[]): void {
    if (this.#isPaused) return; // it goes on from there
    const { raft } = this.#parts.loop;
    for (const entry of entries) {
      if (entry.index !== this.#machine.appliedIndex + 1) continue; // a snapshot came in between
      // What the leader has overwritten stays on the disk until that is durable; the leader's own is in memory.
      if (raft.termAt(entry.index) !== entry.term) break;
      this.#apply(entry);
    }
    if (this.#machine.appliedIndex >= from) this.#tellApplied();
    else assert(this.#canGoOnFrom(from), `entry ${from} is committed, and neither in memory nor on the disk`);
    this.advance();
  }

  /** What was read was of no use: a snapshot took its place, or the leader's own entry is in memory by now. */
  #canGoOnFrom(index: number): boolean {
    return this.#parts.loop.raft.entriesInMemory(index, index, 1).length > 0;
  }

  #apply(entry: Entry): void {
    if (this.#parts.skipEntries?.has(entry.index) === true) {
      this.#skip(entry);
      return;
    }
    try {
      this.#applyEntry(entry);
    } catch (error) {
      throw inapplicable(entry.index, error);
    }
  }

  #applyEntry(entry: Entry): void {
    switch (entry.kind) {
      case "commands":
        this.#applyBatch(entry);
        break;
      case "configuration": {
        const { members, outgoing } = decodeConfiguration(entry.payload);
        this.#machine.applyConfiguration(entry.index, members, outgoing.length > 0);
        break;
      }
      case "noop":
        this.#machine.applyNothing(entry.index);
        break;
    }
  }

  #applyBatch(entry: Entry): void {
    const { proposals, stats } = this.#parts;
    const header = headerOf(entry.payload);
    if (header !== null && proposals.isOwn(header)) this.#applyOwn(entry, header);
    else this.#machine.apply(entry.index, entry.payload, null);
    assert(this.#machine.appliedIndex === entry.index, "the state is not where its entry put it");
    if (header !== null) stats.noteApplied(header.time);
  }

  #applyOwn(entry: Entry, { sequence }: BatchHeader): void {
    const { proposals } = this.#parts;
    const last = proposals.lastApplied;
    if (sequence === last + 1) {
      proposals.beginAnswers(sequence);
      const result = this.#machine.apply(entry.index, entry.payload, proposals.answer);
      const isTaken = result === "applied" || result === "unreadable";
      assert(isTaken, `own batch ${sequence} was ${result} although it is the next`);
      proposals.endAnswers(result === "applied");
      return;
    }
    const result = this.#machine.apply(entry.index, entry.payload, null);
    assert(result !== "applied", `own batch ${sequence} was applied out of order`);
    if (last === -1) proposals.takeLaterRun();
    else if (result === "gap") proposals.sendAgain();
  }

  /** As an operator has it, on all members: an entry that none of them can apply. Of a configuration there is no leaving out. */
  #skip(entry: Entry): void {
    const { logger, proposals } = this.#parts;
    if (entry.kind !== "commands") {
      logger.error(`entry ${entry.index} is no commands, and is not skipped (skipEntries)`);
      this.#applyEntry(entry);
      return;
    }
    logger.error(`entry ${entry.index} is skipped, as skipEntries says: every member must skip it`);
    const header = headerOf(entry.payload);
    const isNextOwn = header !== null && proposals.isOwn(header) && header.sequence === proposals.lastApplied + 1;
    this.#machine.skip(entry.index, entry.payload);
    if (!isNextOwn) return;
    proposals.beginAnswers(header.sequence);
    proposals.endAnswers(false);
  }
}

/** What ends a member that cannot apply an entry: each start would meet it again, and so would the other members. */
function inapplicable(index: number, error: unknown): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  const message =
    `entry ${index} of the log cannot be applied: ${cause.message}. This is a bug: please report it. If every member ends at ` +
    `this entry, start each of them with --skip-entry ${index} (docs/operations.md says what that costs)`;
  const told = new Error(message, { cause });
  if (cause.stack !== undefined) told.stack = cause.stack;
  return told;
}
