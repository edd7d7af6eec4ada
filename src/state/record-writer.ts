// The records of a snapshot as they are written: `length u32 · kind u8 · fields`. A model's records are of kinds of its
// own that are older than sections, or records of its section: kind 9, the model's number, then whatever the model writes.

import { assert } from "../base/assert.ts";
import { ByteWriter } from "../base/bytes.ts";

export const LENGTH_BYTES = 4;
/** A record of a model's section. */
export const SECTION_RECORD = 9;

/** Invariant: at most one record is open. */
export class RecordWriter {
  readonly bytes = new ByteWriter(64 * 1024);
  readonly hasSections: boolean;
  #mark = -1;

  constructor(hasSections: boolean) {
    this.hasSections = hasSections;
  }

  /** Begins a record; its fields are written to `bytes`, then it is ended. */
  begin(kind: number): ByteWriter {
    assert(this.#mark < 0, "a record within a record");
    this.#mark = this.bytes.reserve(LENGTH_BYTES);
    this.bytes.uint8(kind);
    return this.bytes;
  }

  /** Begins a record of a model's section. */
  beginSection(model: number): ByteWriter {
    assert(this.hasSections, `a section of model ${model} below the feature level of sections`);
    this.begin(SECTION_RECORD);
    this.bytes.uint8(model);
    return this.bytes;
  }

  end(): void {
    assert(this.#mark >= 0, "no record was begun");
    this.bytes.setInt32(this.#mark, this.bytes.length - this.#mark - LENGTH_BYTES);
    this.#mark = -1;
  }
}
