// The reference model of the echo door: a second, slow reading of its commands, which remembers every change of every key.

import type { ByteReader } from "../../../src/base/bytes.ts";
import type { ReferenceLeases, ReferenceTurn } from "../../../src/sim/kernel/reference-leases.ts";
import type { ReferenceModel } from "../../../src/sim/kernel/reference-machine.ts";
import type { Machine } from "../../../src/state/machine.ts";
import { ECHO_LEVEL, ECHO_MODEL, ECHO_OPERATION, EchoModel, readText } from "./model.ts";

export interface EchoChange {
  readonly sequence: number;
  /** Null: the key is gone from here on. */
  readonly value: string | null;
  readonly lease: number;
}

export class EchoReference implements ReferenceModel {
  readonly model = ECHO_MODEL;
  /** Every value that was ever put. */
  readonly values = new Set<string>();
  readonly #leases: ReferenceLeases;
  readonly #changes = new Map<string, EchoChange[]>();

  constructor(leases: ReferenceLeases) {
    this.#leases = leases;
  }

  apply(operation: number, reader: ByteReader, turn: ReferenceTurn): void {
    if (turn.level < ECHO_LEVEL) return;
    if (operation === ECHO_OPERATION.remove) {
      this.#remove(readText(reader), turn);
      return;
    }
    const lease = reader.int64();
    const key = readText(reader);
    const value = readText(reader);
    if (lease !== 0 && this.#leases.refusalOf(lease, turn) !== null) return;
    this.values.add(value);
    this.#note(key, { sequence: turn.sequence, value, lease });
  }

  onLeaseEnded(id: number, turn: ReferenceTurn): void {
    for (const [key, changes] of this.#changes) {
      if (changes.at(-1)!.lease === id && changes.at(-1)!.value !== null) this.#remove(key, turn);
    }
  }

  /** What the key held once the command of this sequence was applied. */
  valueAt(key: string, sequence: number): string | null {
    return this.changesOf(key).findLast((change) => change.sequence <= sequence)?.value ?? null;
  }

  /** The first change of the key after that sequence. */
  nextChange(key: string, after: number): EchoChange | undefined {
    return this.changesOf(key).find(({ sequence }) => sequence > after);
  }

  changesOf(key: string): readonly EchoChange[] {
    return this.#changes.get(key) ?? [];
  }

  differenceOf(machine: Machine): string | null {
    const { entries } = machine.model(EchoModel);
    let expected = 0;
    for (const [key, changes] of this.#changes) {
      const { value, lease } = changes.at(-1)!;
      const entry = entries.get(key);
      if (value !== null) expected++;
      if ((entry?.value ?? null) !== value) return `echo key ${key} is ${entry?.value ?? "missing"}, not ${value}`;
      if (entry !== undefined && entry.lease !== lease) return `echo key ${key} is attached to ${entry.lease}`;
    }
    return entries.size === expected ? null : `${entries.size} echo keys, not ${expected}`;
  }

  #remove(key: string, { sequence }: ReferenceTurn): void {
    if ((this.changesOf(key).at(-1)?.value ?? null) === null) return;
    this.#note(key, { sequence, value: null, lease: 0 });
  }

  #note(key: string, change: EchoChange): void {
    const changes = this.#changes.get(key);
    if (changes === undefined) this.#changes.set(key, [change]);
    else changes.push(change);
  }
}
