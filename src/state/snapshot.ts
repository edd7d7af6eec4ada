// The whole state as a stream of bytes. It is a consistent view: the state at the moment of `beginSnapshot`, whatever is
// applied while it is pulled. What is small is written at once; each model writes its section in slices.
//
//   "CBST" · format u8 · { length u32 · kind u8 · fields }*
//
// The last record is the end, with counts of what came before it. Whole files are checksummed by who stores them. Below
// feature level 1 the format is 2, which has no sections: members of the version before read it.

import { assert } from "../base/assert.ts";
import type { ByteWriter } from "../base/bytes.ts";
import { writeMemberId } from "../base/member-id.ts";
import { LEADERS_OWN } from "./batch.ts";
import type { Deduplication, Producer } from "./deduplication.ts";
import { SECTION_LEVEL } from "./feature-level.ts";
import type { Model, SnapshotSection } from "./model.ts";
import { RecordWriter, SECTION_RECORD } from "./record-writer.ts";

export const MAGIC = 0x43425354;
export const HEADER_BYTES = 5;
/** Without sections, and with them. */
export const FORMAT = { plain: 2, sections: 3 } as const;
/** The machine's own kinds of records; models have others. */
export const RECORD = { position: 1, producer: 2, end: 7, level: 8, section: SECTION_RECORD } as const;

/** What a state stands for. */
export interface Position {
  /** Commands applied, failed ones too: ZooKeeper's zxid. */
  readonly sequence: number;
  readonly time: number;
  readonly appliedIndex: number;
}

export interface SnapshotSource {
  readonly position: Position;
  readonly level: number;
  readonly deduplication: Deduplication;
  readonly models: readonly Model[];
}

interface Part {
  readonly model: Model;
  readonly section: SnapshotSection;
}

export class MachineSnapshot {
  readonly position: Position;
  readonly #records: RecordWriter;
  readonly #onEnd: () => void;
  readonly #parts: readonly Part[];
  /** Models that had records before there were sections come first in the end's counts, without their numbers. */
  readonly #hasSections: boolean;
  #part = 0;
  #state: "open" | "written" | "ended" = "open";

  constructor({ position, level, deduplication, models }: SnapshotSource, onEnd: () => void) {
    this.position = position;
    this.#onEnd = onEnd;
    this.#hasSections = level >= SECTION_LEVEL;
    const records = new RecordWriter(this.#hasSections);
    this.#records = records;
    records.bytes.int32(MAGIC);
    records.bytes.uint8(this.#hasSections ? FORMAT.sections : FORMAT.plain);
    const writer = records.begin(RECORD.position);
    writer.int64(position.sequence);
    writer.int64(position.time);
    writer.int64(position.appliedIndex);
    records.end();
    if (this.#hasSections) {
      records.begin(RECORD.level).int32(level);
      records.end();
    }
    for (const producer of deduplication) {
      writeProducer(records.begin(RECORD.producer), producer);
      records.end();
    }
    const written = models.filter((model) => model.level <= level || hasOlderRecords(model));
    this.#parts = written.map((model) => ({ model, section: model.beginSnapshot(records) }));
  }

  /** The next bytes, about `bytesTarget` of them and more only if much changed meanwhile; null at the end. */
  next(bytesTarget: number): Uint8Array | null {
    assert(this.#state !== "ended", "a snapshot that was ended");
    const { bytes } = this.#records;
    while (this.#state === "open" && bytes.length < bytesTarget) this.#writeMore();
    if (bytes.length === 0) return null;
    const slice = bytes.copy();
    bytes.clear();
    return slice;
  }

  /** To be called in the end, whether all was pulled or not. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    for (const { section } of this.#parts) section.end();
    this.#onEnd();
  }

  #writeMore(): void {
    const part = this.#parts[this.#part];
    if (part !== undefined) {
      if (!part.section.writeMore()) this.#part++;
      return;
    }
    const writer = this.#records.begin(RECORD.end);
    writeCounts(writer, this.#parts, this.#hasSections);
    this.#records.end();
    this.#state = "written";
  }
}

/** The counts of older models one by one; then, with sections, how many others there are, and the count of each. */
function writeCounts(writer: ByteWriter, parts: readonly Part[], hasSections: boolean): void {
  for (const { section } of parts.filter(({ model }) => isOlder(model))) writer.int64(section.count);
  if (!hasSections) return;
  const others = parts.filter(({ model }) => !isOlder(model));
  writer.uint8(others.length);
  for (const { model, section } of others) {
    writer.uint8(model.number);
    writer.int64(section.count);
  }
}

/** Whether a model is as old as snapshots: its things are counted in every format. */
export function isOlder(model: Model): boolean {
  return hasOlderRecords(model) && model.level === 0;
}

/** Whether what a model holds had records before there were sections. */
function hasOlderRecords({ recordKinds = [] }: Model): boolean {
  return recordKinds.length > 0;
}

function writeProducer(writer: ByteWriter, { member, run, sequence }: Producer): void {
  writeMemberId(writer, member === LEADERS_OWN ? null : member);
  writer.int64(run);
  writer.int64(sequence);
}
