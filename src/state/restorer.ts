// Reads a snapshot, pushed in pieces of any size. The machine keeps its state until all of it is there and agrees with
// itself. Throws `MalformedError` for what is no snapshot that this version can read: of format 2 or 3, of models that it
// has, and of a feature level that it understands.

import { assert } from "../base/assert.ts";
import { ByteReader, MalformedError } from "../base/bytes.ts";
import { readMemberIdOrNone } from "../base/member-id.ts";
import { LEADERS_OWN } from "./batch.ts";
import type { Producer } from "./deduplication.ts";
import { SECTION_LEVEL } from "./feature-level.ts";
import type { Model, RestoredSection, RestoredSections } from "./model.ts";
import type { ModelTable } from "./model-table.ts";
import { LENGTH_BYTES } from "./record-writer.ts";
import { FORMAT, HEADER_BYTES, isOlder, MAGIC, type Position, RECORD } from "./snapshot.ts";

/** What is the machine's own. */
export interface RestoredMachine extends Position {
  readonly level: number;
  readonly producers: readonly Producer[];
}

export class MachineRestorer {
  readonly #models: ModelTable;
  readonly #levelMax: number;
  readonly #adopt: (machine: RestoredMachine) => void;
  readonly #sections = new Map<object, RestoredSection>();
  readonly #reader = new ByteReader(new Uint8Array(0));
  readonly #producers: Producer[] = [];
  #position: Position | null = null;
  #format: number | null = null;
  #level = 0;
  /** What came of a record, or of the header, that is not all there yet. */
  #held = new Uint8Array(0);
  #ended = false;
  #isComplete = false;

  /** `adopt` is called once all is there; the models have their parts by then. */
  constructor(models: ModelTable, levelMax: number, adopt: (machine: RestoredMachine) => void) {
    this.#models = models;
    this.#levelMax = levelMax;
    this.#adopt = adopt;
    for (const model of models.all) this.#sections.set(model, model.restore());
  }

  push(chunk: Uint8Array): void {
    assert(!this.#isComplete, "a restoration that is finished");
    const bytes = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    const reader = this.#reader.reset(bytes, 0, bytes.length);
    let consumed = 0;
    if (this.#format === null && reader.remaining >= HEADER_BYTES) {
      this.#format = readFormat(reader);
      consumed = reader.offset;
    }
    while (this.#format !== null && bytes.length - consumed >= LENGTH_BYTES) {
      reader.reset(bytes, consumed, bytes.length);
      const end = consumed + LENGTH_BYTES + reader.uint32();
      if (end > bytes.length) break;
      reader.end = end;
      this.#readRecord(reader);
      consumed = end;
    }
    this.#held = bytes.slice(consumed);
  }

  /** All was pushed: the state is whole, and the machine still has its own. Returns what the snapshot stands for. */
  complete(): Position {
    const position = this.#position;
    if (!this.#ended || position === null || this.#held.length > 0) {
      throw new MalformedError("a snapshot that ends too early");
    }
    if (this.#isComplete) return position;
    if (this.#format === FORMAT.sections && this.#level < SECTION_LEVEL) {
      throw new MalformedError("a snapshot with sections and no feature level");
    }
    this.#isComplete = true;
    for (const section of this.#sections.values()) section.complete(this.#sectionOf);
    return position;
  }

  /** From now on the machine has this state. */
  finish(): void {
    const position = this.complete();
    for (const section of this.#sections.values()) section.adopt();
    this.#adopt({ ...position, level: this.#level, producers: this.#producers });
  }

  readonly #sectionOf: RestoredSections = <Section extends RestoredSection>(model: { restore(): Section }) => {
    const section = this.#sections.get(model);
    assert(section !== undefined, "a model that the machine does not have");
    return section as Section;
  };

  #readRecord(reader: ByteReader): void {
    if (this.#ended) throw new MalformedError("a snapshot with something after its end");
    const kind = reader.uint8();
    const model = this.#models.ofRecordKind(kind);
    if (model !== undefined) this.#sections.get(model)!.read(kind, reader);
    else this.#readOwn(kind, reader);
    if (reader.remaining > 0) throw new MalformedError(`a record of kind ${kind} is longer than its fields`);
  }

  #readOwn(kind: number, reader: ByteReader): void {
    switch (kind) {
      case RECORD.producer:
        this.#producers.push({
          member: readMemberIdOrNone(reader) ?? LEADERS_OWN,
          run: reader.natural(),
          sequence: reader.counter(),
        });
        return;
      case RECORD.position:
        this.#position = { sequence: reader.counter(), time: reader.natural(), appliedIndex: reader.counter() };
        return;
      case RECORD.end:
        this.#readEnd(reader);
        return;
      case RECORD.level:
        this.#readLevel(reader);
        return;
      case RECORD.section:
        this.#requireSections(kind);
        this.#modelOf(reader.uint8()).read(null, reader);
        return;
      default:
        throw new MalformedError(`record kind ${kind} in a snapshot`);
    }
  }

  #requireSections(kind: number): void {
    if (this.#format !== FORMAT.sections)
      throw new MalformedError(`record kind ${kind} in a snapshot without sections`);
  }

  #readLevel(reader: ByteReader): void {
    this.#requireSections(RECORD.level);
    this.#level = reader.int32();
    if (this.#level >= SECTION_LEVEL && this.#level <= this.#levelMax) return;
    throw new MalformedError(`a snapshot of feature level ${this.#level}, this version understands ${this.#levelMax}`);
  }

  #modelOf(number: number): RestoredSection {
    const model = this.#models.get(number);
    if (model === undefined) throw new MalformedError(`a section of model ${number}, which this version does not know`);
    return this.#sections.get(model)!;
  }

  #readEnd(reader: ByteReader): void {
    const counted = new Set<Model>();
    for (const model of this.#models.all.filter(isOlder)) {
      this.#compareCount(model, reader.natural());
      counted.add(model);
    }
    for (let left = this.#format === FORMAT.sections ? reader.uint8() : 0; left > 0; left--) {
      const number = reader.uint8();
      const model = this.#models.get(number);
      if (model === undefined)
        throw new MalformedError(`a snapshot of model ${number}, which this version does not know`);
      this.#compareCount(model, reader.natural());
      counted.add(model);
    }
    for (const model of this.#models.all) if (!counted.has(model)) this.#compareCount(model, 0);
    this.#ended = true;
  }

  #compareCount(model: Model, told: number): void {
    const { count } = this.#sections.get(model)!;
    if (count !== told) throw new MalformedError(`a snapshot of ${told} things of ${model.name} holds ${count}`);
  }
}

function readFormat(reader: ByteReader): number {
  if (reader.int32() !== MAGIC) throw new MalformedError("not a snapshot of the state");
  const format = reader.uint8();
  if (format === FORMAT.plain || format === FORMAT.sections) return format;
  throw new MalformedError(`state format ${format}, this version reads ${FORMAT.plain} and ${FORMAT.sections}`);
}

function joined(some: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(some.length + other.length);
  bytes.set(some);
  bytes.set(other, some.length);
  return bytes;
}
