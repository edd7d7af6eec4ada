// The commands that this member proposed and has not yet seen applied, in order. Commands of one turn share a batch; a
// batch stays here until the state has applied it, and is sent again whenever its way to the log may have been cut.

import { assert } from "../base/assert.ts";
import { ByteWriter } from "../base/bytes.ts";
import type { CoordinationError } from "../base/errors.ts";
import { BATCH_HEADER_BYTES, beginCommand, endCommand, modelOf, writeBatchHeader } from "../state/batch.ts";
import type { Model } from "../state/model.ts";
import type { AnyWaiter, Waiter } from "./replica-port.ts";

/**
 * The longest command. It is in one entry of the log, and crosses the port between members in one frame (64 MiB at most),
 * with what else is in its batch; two of them fit between a member and one that takes nothing for a moment.
 */
export const COMMAND_BYTES_MAX = 33 * 1024 * 1024;
/** A batch is closed beyond this, so that one entry of the log stays small against a frame and a disk write. */
const BATCH_BYTES_MAX = 256 * 1024;
/** Beyond this much unapplied, clients are no longer read from: memory stays bounded while there is no leader. */
const OUTSTANDING_BYTES_MAX = 32 * 1024 * 1024;

export interface OutstandingBatch {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly waiters: readonly AnyWaiter[];
}

/** Invariants: `outstanding` is contiguous in sequence; a waiter is in exactly one batch, in the order of its command. */
export class OutstandingBatches {
  readonly #member: number;
  #run: number;
  readonly #writer = new ByteWriter(64 * 1024);
  #waiters: AnyWaiter[] = [];
  #mark = -1;
  #nextSequence = 1;
  #outstanding: OutstandingBatch[] = [];
  #outstandingBytes = 0;

  constructor(member: number, run: number) {
    this.#member = member;
    this.#run = run;
    this.#openBatch();
  }

  get run(): number {
    return this.#run;
  }

  /** Bytes that wait to be applied, the open batch included. */
  get bytes(): number {
    return this.#outstandingBytes + this.#writer.length;
  }

  get isFull(): boolean {
    return this.bytes > OUTSTANDING_BYTES_MAX;
  }

  get isEmpty(): boolean {
    return this.#outstanding.length === 0 && this.#waiters.length === 0;
  }

  get oldestSequence(): number | null {
    return this.#outstanding[0]?.sequence ?? null;
  }

  begin(): ByteWriter {
    assert(this.#mark < 0, "a command was begun while another is open");
    this.#mark = beginCommand(this.#writer);
    return this.#writer;
  }

  /** Takes the open command back, if there is one. */
  abandon(): void {
    if (this.#mark < 0) return;
    this.#writer.length = this.#mark;
    this.#mark = -1;
  }

  /** Of the open command, so far. */
  get commandBytes(): number {
    return this.#mark < 0 ? 0 : this.#writer.length - this.#mark;
  }

  /** Ends the open command, which is the model's. Returns a batch if that closed one, to be sent at once. */
  commit<Outcome>(model: Model<Outcome>, waiter: Waiter<Outcome>): OutstandingBatch | null {
    assert(this.#mark >= 0, "no command was begun");
    assert(modelOf(this.#writer.bytes, this.#mark) === model.number, "a command of another model than its waiter's");
    assert(this.commandBytes <= COMMAND_BYTES_MAX, "a command that no member could be sent");
    endCommand(this.#writer, this.#mark);
    this.#mark = -1;
    this.#waiters.push(waiter);
    return this.#writer.length >= BATCH_BYTES_MAX ? this.closeBatch() : null;
  }

  /** Closes the open batch, if it holds anything. */
  closeBatch(): OutstandingBatch | null {
    assert(this.#mark < 0, "a batch was closed in the middle of a command");
    if (this.#waiters.length === 0) return null;
    const batch = { sequence: this.#nextSequence++, bytes: this.#writer.copy(), waiters: this.#waiters };
    const last = this.#outstanding.at(-1);
    assert(last === undefined || last.sequence + 1 === batch.sequence, "a gap between a member's batches");
    this.#outstanding.push(batch);
    this.#outstandingBytes += batch.bytes.length;
    this.#waiters = [];
    this.#openBatch();
    return batch;
  }

  /** The batch of this sequence, about to be applied: it can only be the oldest. */
  take(sequence: number): OutstandingBatch {
    const oldest = this.#outstanding.shift();
    assert(oldest?.sequence === sequence, `batch ${sequence} is not the oldest`);
    this.#outstandingBytes -= oldest.bytes.length;
    return oldest;
  }

  /** Everything closed and not yet applied, oldest first, to be sent again. */
  outstanding(): readonly OutstandingBatch[] {
    return this.#outstanding;
  }

  /** Takes another number for this run, when the ensemble already knows a later one: everything is numbered anew. */
  restartAs(run: number): void {
    assert(run > this.#run, "a run's number only grows");
    this.#run = run;
    this.#nextSequence = 1;
    const old = this.#outstanding;
    this.#outstanding = old.map((batch) => {
      const writer = new ByteWriter(batch.bytes.length);
      writeBatchHeader(writer, this.#member, run, this.#nextSequence);
      writer.raw(batch.bytes, BATCH_HEADER_BYTES);
      return { sequence: this.#nextSequence++, bytes: writer.view(), waiters: batch.waiters };
    });
    this.#numberOpenBatch();
  }

  /** Lets everyone who waits know that no answer will come. */
  refuseAll(error: CoordinationError): void {
    const batches = this.#outstanding;
    const open = this.#waiters;
    this.#outstanding = [];
    this.#outstandingBytes = 0;
    this.#waiters = [];
    this.#openBatch();
    for (const batch of batches) for (const waiter of batch.waiters) waiter.onRefused(error);
    for (const waiter of open) waiter.onRefused(error);
  }

  #openBatch(): void {
    this.#writer.clear();
    this.#writer.reserve(BATCH_HEADER_BYTES);
    this.#numberOpenBatch();
  }

  /** (Re)writes the header of the open batch, leaving the commands behind it as they are. */
  #numberOpenBatch(): void {
    const { length } = this.#writer;
    this.#writer.clear();
    writeBatchHeader(this.#writer, this.#member, this.#run, this.#nextSequence);
    this.#writer.length = length;
  }
}
