// A model made for tests, outside of `src/`: named counters, each of which may be attached to a lease and ends with it.

import { assert } from "../../src/base/assert.ts";
import { type ByteReader, type ByteWriter, MalformedError } from "../../src/base/bytes.ts";
import { EventHub } from "../../src/state/event-hub.ts";
import { endOfFields, NOWHERE, natural, text } from "../../src/state/fields.ts";
import type { HashSum } from "../../src/state/hash-sum.ts";
import type {
  ConfiguredMember,
  LeaseTable,
  Model,
  Refusal,
  RestoredSection,
  SnapshotSection,
  Turn,
} from "../../src/state/model.ts";
import type { RecordWriter } from "../../src/state/record-writer.ts";

const COUNTER_MODEL = 100;
export const COUNTER_LEVEL = 7;
const ADD = 1;

interface Counter {
  readonly value: number;
  /** 0: it ends with no lease. */
  readonly lease: number;
}

export type CounterOutcome =
  | { readonly kind: "counted"; readonly value: number }
  | { readonly kind: "refused"; readonly why: string };

interface CounterEvents {
  onCounted(name: string, value: number, sequence: number): void;
  onGone(name: string): void;
}

class CounterEventHub extends EventHub<CounterEvents> implements CounterEvents {
  onCounted(name: string, value: number, sequence: number): void {
    for (const listener of this.listeners) listener.onCounted?.(name, value, sequence);
  }

  onGone(name: string): void {
    for (const listener of this.listeners) listener.onGone?.(name);
  }
}

export function encodeAdd(writer: ByteWriter, name: string, lease = 0): void {
  writer.uint8(COUNTER_MODEL);
  writer.uint8(ADD);
  writer.int64(lease);
  writer.int32(name.length);
  writer.text(name);
}

export class CounterModel implements Model<CounterOutcome> {
  readonly number = COUNTER_MODEL;
  readonly name = "counters";
  readonly level: number;
  readonly events = new CounterEventHub();
  readonly #leases: LeaseTable;
  #counters = new Map<string, Counter>();
  memberships = 0;

  constructor(leases: LeaseTable, level = COUNTER_LEVEL) {
    this.level = level;
    this.#leases = leases;
  }

  value(name: string): number | undefined {
    return this.#counters.get(name)?.value;
  }

  apply(_operation: number, reader: ByteReader, turn: Turn): CounterOutcome {
    const lease = reader.int64();
    const name = reader.text(reader.uint32());
    const refusal = lease === 0 ? null : this.#leases.refusal(lease, turn);
    if (refusal !== null) return { kind: "refused", why: refusal };
    const value = (this.#counters.get(name)?.value ?? 0) + 1;
    this.#counters.set(name, { value, lease });
    this.events.onCounted(name, value, turn.sequence);
    return { kind: "counted", value };
  }

  refused(why: Refusal): CounterOutcome {
    return { kind: "refused", why };
  }

  endOfCommand(bytes: Uint8Array, at: number, end: number): number {
    return bytes[at + 1] === ADD ? endOfFields([natural, text], bytes, at + 2, end) : NOWHERE;
  }

  isLeadersOwn(): boolean {
    return false;
  }

  onLeaseEnded(id: number): void {
    for (const [name, { lease }] of this.#counters) {
      if (lease !== id) continue;
      this.#counters.delete(name);
      this.events.onGone(name);
    }
  }

  onMembership(_members: readonly ConfiguredMember[]): void {
    this.memberships++;
  }

  beginSnapshot(records: RecordWriter): SnapshotSection {
    const left = [...this.#counters];
    return {
      count: left.length,
      writeMore() {
        const next = left.shift();
        if (next === undefined) return false;
        const [name, { value, lease }] = next;
        const writer = records.beginSection(COUNTER_MODEL);
        writer.int64(value);
        writer.int64(lease);
        writer.int32(name.length);
        writer.text(name);
        records.end();
        return left.length > 0;
      },
      end() {},
    };
  }

  restore(): RestoredSection {
    const counters = new Map<string, Counter>();
    return {
      get count() {
        return counters.size;
      },
      read: (_kind, reader) => {
        const value = reader.counter();
        const lease = reader.counter();
        counters.set(reader.text(reader.uint32()), { value, lease });
      },
      complete: (others) => {
        const leases = others(this.#leases);
        for (const { lease } of counters.values()) {
          if (lease !== 0 && !leases.has(lease)) throw new MalformedError("a counter of no lease");
        }
      },
      adopt: () => {
        this.#counters = counters;
      },
    };
  }

  addToHash(sum: HashSum): void {
    for (const [name, { value, lease }] of this.#counters) sum.add(`counter ${name} ${value} ${lease}`);
  }

  checkInvariants(): void {
    for (const { lease } of this.#counters.values())
      assert(lease === 0 || this.#leases.has(lease), "a counter's lease");
  }
}
