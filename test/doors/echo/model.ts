// The model of the echo door: keys and values. A key may be attached to a lease, and goes with it.

import { assert } from "../../../src/base/assert.ts";
import { type ByteReader, type ByteWriter, MalformedError } from "../../../src/base/bytes.ts";
import { EventHub } from "../../../src/state/event-hub.ts";
import { endOfFields, NOWHERE, natural, text } from "../../../src/state/fields.ts";
import type { HashSum } from "../../../src/state/hash-sum.ts";
import type { LeaseTable, Model, Refusal, RestoredSection, SnapshotSection, Turn } from "../../../src/state/model.ts";
import type { ModelFactory } from "../../../src/state/models.ts";
import type { RecordWriter } from "../../../src/state/record-writer.ts";

export const ECHO_MODEL = 101;
export const ECHO_LEVEL = 1;
/** The operation byte. */
export const ECHO_OPERATION = { put: 1, remove: 2 } as const;

export interface EchoEntry {
  readonly value: string;
  /** 0: it is attached to none. */
  readonly lease: number;
}

export type EchoOutcome = { readonly kind: "done" } | { readonly kind: "refused"; readonly why: string };

const DONE: EchoOutcome = { kind: "done" };

interface EchoEvents {
  /** `value` null: the key is gone. */
  onChanged(key: string, value: string | null, sequence: number): void;
}

class EchoEventHub extends EventHub<EchoEvents> implements EchoEvents {
  onChanged(key: string, value: string | null, sequence: number): void {
    for (const listener of this.listeners) listener.onChanged?.(key, value, sequence);
  }
}

/** Outcome: `done`, or `refused` where the lease (0: none) is over. */
export function encodePut(writer: ByteWriter, key: string, value: string, lease: number): void {
  writer.uint8(ECHO_MODEL);
  writer.uint8(ECHO_OPERATION.put);
  writer.int64(lease);
  writeText(writer, key);
  writeText(writer, value);
}

/** Outcome: `done`, whether it was there or not. */
export function encodeRemove(writer: ByteWriter, key: string): void {
  writer.uint8(ECHO_MODEL);
  writer.uint8(ECHO_OPERATION.remove);
  writeText(writer, key);
}

/** Invariant: whatever a key is attached to is a lease that lives. */
export class EchoModel implements Model<EchoOutcome> {
  readonly number = ECHO_MODEL;
  readonly name = "echo";
  readonly level = ECHO_LEVEL;
  readonly events = new EchoEventHub();
  readonly #leases: LeaseTable;
  #entries = new Map<string, EchoEntry>();

  constructor(leases: LeaseTable) {
    this.#leases = leases;
  }

  get entries(): ReadonlyMap<string, EchoEntry> {
    return this.#entries;
  }

  apply(operation: number, reader: ByteReader, turn: Turn): EchoOutcome {
    if (operation === ECHO_OPERATION.remove) {
      this.#remove(readText(reader), turn);
      return DONE;
    }
    const lease = reader.int64();
    const key = readText(reader);
    const value = readText(reader);
    const refusal = lease === 0 ? null : this.#leases.refusal(lease, turn);
    if (refusal !== null) return { kind: "refused", why: refusal };
    this.#entries.set(key, { value, lease });
    this.events.onChanged(key, value, turn.sequence);
    return DONE;
  }

  refused(why: Refusal): EchoOutcome {
    return { kind: "refused", why };
  }

  endOfCommand(bytes: Uint8Array, at: number, end: number): number {
    switch (bytes[at + 1]) {
      case ECHO_OPERATION.put:
        return endOfFields([natural, text, text], bytes, at + 2, end);
      case ECHO_OPERATION.remove:
        return endOfFields([text], bytes, at + 2, end);
      default:
        return NOWHERE;
    }
  }

  isLeadersOwn(): boolean {
    return false;
  }

  /** In the order of the keys, on every member alike. */
  onLeaseEnded(id: number, turn: Turn): void {
    const attached = [...this.#entries].filter(([, { lease }]) => lease === id);
    for (const [key] of attached.sort(([one], [other]) => (one < other ? -1 : 1))) this.#remove(key, turn);
  }

  #remove(key: string, { sequence }: Turn): void {
    if (this.#entries.delete(key)) this.events.onChanged(key, null, sequence);
  }

  /** The entries are never changed, only replaced: a list of them is the state as it is now. */
  beginSnapshot(records: RecordWriter): SnapshotSection {
    const left = [...this.#entries];
    return {
      count: left.length,
      writeMore() {
        const next = left.shift();
        if (next === undefined) return false;
        const [key, { value, lease }] = next;
        const writer = records.beginSection(ECHO_MODEL);
        writer.int64(lease);
        writeText(writer, key);
        writeText(writer, value);
        records.end();
        return left.length > 0;
      },
      end() {},
    };
  }

  restore(): RestoredSection {
    const entries = new Map<string, EchoEntry>();
    return {
      get count() {
        return entries.size;
      },
      read: (_kind, reader) => {
        const lease = reader.counter();
        const key = readText(reader);
        entries.set(key, { value: readText(reader), lease });
      },
      complete: (others) => {
        const leases = others(this.#leases);
        for (const { lease } of entries.values()) {
          if (lease !== 0 && !leases.has(lease)) throw new MalformedError("a key of a lease that is not there");
        }
      },
      adopt: () => {
        this.#entries = entries;
      },
    };
  }

  addToHash(sum: HashSum): void {
    for (const [key, { value, lease }] of this.#entries) sum.add(`echo ${lease} ${key} ${value}`);
  }

  checkInvariants(): void {
    for (const { lease } of this.#entries.values()) {
      assert(lease === 0 || this.#leases.has(lease), "a key is attached to a lease that lives");
    }
  }
}

/** The line for the list of models. */
export const ECHO_MODEL_FACTORY: ModelFactory = ({ leases }) => new EchoModel(leases);

export function readText(reader: ByteReader): string {
  return reader.text(reader.uint32());
}

function writeText(writer: ByteWriter, value: string): void {
  writer.int32(value.length);
  writer.text(value);
}
