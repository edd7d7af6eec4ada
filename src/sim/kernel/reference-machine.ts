// The reference machine: a second, slow and obvious implementation of what the committed log means. It hears each entry once,
// from the member that applies it first, and passes each command to the reference model of its kind. It knows no model itself.

import { ByteReader } from "../../base/bytes.ts";
import { readBatchHeader } from "../../state/batch.ts";
import { FEATURE_MODEL } from "../../state/feature-level.ts";
import { LEASE_MODEL } from "../../state/leases/commands.ts";
import { Leases } from "../../state/leases/leases.ts";
import type { Machine } from "../../state/machine.ts";
import { ReferenceLeases, type ReferenceTurn } from "./reference-leases.ts";

/** A second implementation of one model of the state. It forgets nothing, so that it can say what was true at any sequence number. */
export interface ReferenceModel {
  /** The number that its commands begin with. */
  readonly model: number;
  /** Applies one command; `reader` is positioned behind the operation's number. */
  apply(operation: number, reader: ByteReader, turn: ReferenceTurn): void;
  onLeaseEnded(id: number, turn: ReferenceTurn): void;
  /** How the state of a member that has applied as much differs; null: it does not. */
  differenceOf(machine: Machine): string | null;
}

/** Invariants: entries come in order, each once; every command that is applied consumes one sequence number. */
export class ReferenceMachine {
  sequence = 0;
  time = 0;
  /** Entries heard of so far. */
  index = 0;
  readonly leases = new ReferenceLeases((id, cause) => this.#onLeaseEnded(id, cause));
  /** Hears of every lease that ends, behind the models. */
  readonly leaseListeners: ((id: number, cause: "closed" | "expired") => void)[] = [];
  readonly #models = new Map<number, ReferenceModel>();
  /** For each member, the run and the sequence of the last applied batch. */
  readonly #producers = new Map<number, { readonly run: number; readonly sequence: number }>();
  /** The feature level. */
  #level = 0;
  #turn: ReferenceTurn = { sequence: 0, time: 0, member: 0, run: 0, level: 0 };

  add(model: ReferenceModel): void {
    this.#models.set(model.model, model);
  }

  /** An entry of commands was committed. */
  applyBatch(payload: Uint8Array): void {
    this.index++;
    const reader = new ByteReader(payload);
    const { time, member, run, sequence } = readBatchHeader(reader);
    if (!this.#isNext(member, run, sequence)) return;
    this.time = Math.max(this.time, time);
    while (reader.remaining > 0) {
      const length = reader.uint32();
      const start = reader.skip(length);
      this.sequence++;
      this.#turn = { sequence: this.sequence, time: this.time, member, run, level: this.#level };
      this.#apply(new ByteReader(payload, start, start + length));
    }
  }

  /** An entry that holds no commands; a change of the configuration may consume a sequence number. */
  applyOther(sequenceAfter: number): void {
    this.index++;
    this.sequence = sequenceAfter;
  }

  #isNext(member: number, run: number, sequence: number): boolean {
    const known = this.#producers.get(member);
    const last = known === undefined || run > known.run ? 0 : run === known.run ? known.sequence : -1;
    if (last === -1 || sequence !== last + 1) return false;
    this.#producers.set(member, { run, sequence });
    return true;
  }

  /** A model without a reference model is not checked. */
  #apply(reader: ByteReader): void {
    const model = reader.uint8();
    const operation = reader.uint8();
    if (model === LEASE_MODEL) this.leases.apply(operation, reader, this.#turn);
    else if (model === FEATURE_MODEL) this.#level = Math.max(this.#level, reader.int32());
    else this.#models.get(model)?.apply(operation, reader, this.#turn);
  }

  #onLeaseEnded(id: number, cause: "closed" | "expired"): void {
    for (const model of this.#models.values()) model.onLeaseEnded(id, this.#turn);
    for (const listener of this.leaseListeners) listener(id, cause);
  }

  /** How a member's state differs from the reference models; null: it does not. */
  differenceOf(machine: Machine): string | null {
    const { size } = machine.model(Leases);
    if (size !== this.leases.size) return `${size} leases, not ${this.leases.size}`;
    for (const model of this.#models.values()) {
      const difference = model.differenceOf(machine);
      if (difference !== null) return difference;
    }
    return null;
  }
}
