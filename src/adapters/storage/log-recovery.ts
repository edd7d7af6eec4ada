// The recovery of Raft's log from its journal: where each entry is, the last hard state, and the configurations.

import { assert } from "../../base/assert.ts";
import { MalformedError } from "../../base/bytes.ts";
import { decodeConfiguration } from "../../consensus/raft/configuration.ts";
import type { Configuration, EntryKind, HardState } from "../../consensus/raft/types.ts";
import { DamageError } from "./damage.ts";
import type { Files } from "./files.ts";
import { type JournalReader, type RecoveredJournal, recoverJournal, untouchedContext } from "./journal/recovery.ts";
import type { Owner, Segment } from "./journal/segment.ts";
import { decodeContext, type RecordVisitor, visitRecords } from "./log-records.ts";
import { Positions } from "./positions.ts";

export interface RecoveredLog {
  readonly journal: RecoveredJournal;
  readonly positions: Positions;
  readonly hardState: HardState;
  readonly configurations: readonly { readonly index: number; readonly configuration: Configuration }[];
}

/** Null: there is no log here at all. Throws a DamageError at the first byte that is not as it was written. */
export async function recoverLog(files: Files, directory: string, owner: Owner): Promise<RecoveredLog | null> {
  const collector = new Collector();
  const journal = await recoverJournal(files, directory, owner, collector);
  if (journal === null) return null;
  const { positions, hardState, configurations } = collector;
  return { journal, positions, hardState, configurations };
}

/** Whether these files are all that a very first start left, cut short before it had given the directory an identity. */
export async function isUnfinishedBirth(files: Files, directory: string, names: readonly string[]): Promise<boolean> {
  const context = await untouchedContext(files, directory, names);
  if (context === null) return false;
  try {
    return decodeContext(context).base.index === 0;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

/** Gathers what the log as a whole amounts to, commit by commit; only a short payload is ever kept. */
class Collector implements JournalReader, RecordVisitor {
  readonly configurations: { index: number; configuration: Configuration }[] = [];
  #positions: Positions | null = null;
  #hardState: HardState | null = null;
  #segment: Segment | null = null;
  #commitAt = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #first = 0;
  #last = 0;

  get positions(): Positions {
    assert(this.#positions !== null, "a log has a first segment");
    return this.#positions;
  }

  get hardState(): HardState {
    assert(this.#hardState !== null, "a log has a first segment");
    return this.#hardState;
  }

  checkContext(context: Uint8Array): void {
    decodeContext(context);
  }

  onSegment(segment: Segment): void {
    this.#segment = segment;
    if (this.#positions !== null) return;
    const { base, hardState } = decodeContext(segment.context);
    this.#positions = new Positions(base);
    this.#hardState = hardState;
  }

  onCommit(bytes: Uint8Array, start: number, end: number, offset: number): boolean {
    this.#commitAt = offset;
    this.#bytes = bytes;
    this.#first = 0;
    const isSound = visitRecords(bytes, start, end, this);
    if (this.#first !== 0) this.positions.append(this.#segment!, offset, this.#first, this.#last);
    return isSound;
  }

  onTruncate(from: number): void {
    if (this.#first !== 0) this.#contradiction("drops entries after it has added some");
    this.positions.truncate(from);
    while (this.configurations.length > 0 && this.configurations.at(-1)!.index >= from) this.configurations.pop();
  }

  onHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  onEntry(index: number, term: number, kind: EntryKind, start: number, end: number): void {
    const expected = this.#first === 0 ? this.positions.lastIndex + 1 : this.#last + 1;
    if (index !== expected) this.#contradiction(`holds entry ${index} where entry ${expected} should be`);
    if (this.#first === 0) this.#first = index;
    this.#last = index;
    const { term: before } = this.positions.last;
    if (term < before) this.#contradiction(`holds entry ${index} of term ${term} after one of term ${before}`);
    this.positions.noteTerm(index, term);
    if (kind === "configuration") this.#onConfiguration(index, this.#bytes.slice(start, end));
  }

  #onConfiguration(index: number, payload: Uint8Array): void {
    try {
      this.configurations.push({ index, configuration: decodeConfiguration(payload) });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#contradiction(`holds entry ${index}, a configuration that cannot be read: ${error.message}`);
    }
  }

  #contradiction(what: string): never {
    throw new DamageError(this.#segment!.path, this.#commitAt, `the commit here ${what}`);
  }
}
