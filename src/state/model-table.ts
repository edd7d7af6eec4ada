// The models of one machine, by number.

import { assert } from "../base/assert.ts";
import type { Model } from "./model.ts";

const NUMBERS_MAX = 128;
/** Kinds of snapshot records that are the machine's, or of sections. */
const RESERVED_KINDS: readonly number[] = [1, 2, 7, 8, 9];

/** Invariants: numbers, and kinds of snapshot records, are each of one model; the order is that of the list. */
export class ModelTable {
  readonly all: readonly Model[];
  /** One place for each first byte of a command. */
  readonly #byNumber: (Model | undefined)[] = new Array(256).fill(undefined);
  readonly #byRecordKind = new Map<number, Model>();

  constructor(models: readonly Model[]) {
    this.all = models;
    for (const model of models) {
      const { number, name, recordKinds = [] } = model;
      assert(number >= 0 && number < NUMBERS_MAX, `model number ${number} of ${name}`);
      assert(this.#byNumber[number] === undefined, `two models of the number ${number}`);
      this.#byNumber[number] = model;
      for (const kind of recordKinds) {
        const isFree = !RESERVED_KINDS.includes(kind) && !this.#byRecordKind.has(kind);
        assert(isFree, `record kind ${kind} of ${name} is another's`);
        this.#byRecordKind.set(kind, model);
      }
    }
  }

  /** The model whose commands begin with this byte. */
  get(number: number): Model | undefined {
    return this.#byNumber[number];
  }

  ofRecordKind(kind: number): Model | undefined {
    return this.#byRecordKind.get(kind);
  }

  /** The model of a class. */
  of<M extends Model>(kind: abstract new (...parts: never[]) => M): M {
    const found = this.all.find((model): model is M => model instanceof kind);
    assert(found !== undefined, `the machine has no ${kind.name}`);
    return found;
  }
}
