// The leases in a snapshot. One with a clock, an owner and a secret is a record that is older than sections; any other is a
// record of the section, which there is from feature level 1 on.
//
//   record 3:  id i64 · timeoutMs i32 · secret 16 · member i32 · run i64 · generation i32
//   section:   id i64 · generation i32 · has u8 · { timeoutMs i64 }? · { secret 16 }? · { member i32 · run i64 }?

import { assert } from "../../base/assert.ts";
import { type ByteReader, type ByteWriter, MalformedError } from "../../base/bytes.ts";
import { readMemberId, writeMemberId } from "../../base/member-id.ts";
import type { RestoredSection, SnapshotSection } from "../model.ts";
import type { RecordWriter } from "../record-writer.ts";
import { GRANT, LEASE_MODEL, SECRET_BYTES, TIMEOUT_MS_MAX } from "./commands.ts";
import type { Lease, Owner } from "./lease.ts";

export const LEASE_RECORD = 3;
const TIMEOUT_INT32_MAX = 2 ** 31 - 1;

/** Leases are immutable, so a list of them is a view of the table. */
export class LeaseSection implements SnapshotSection {
  readonly #records: RecordWriter;
  readonly #leases: readonly Lease[];
  count = 0;

  constructor(records: RecordWriter, leases: Iterable<Lease>) {
    this.#records = records;
    this.#leases = [...leases];
  }

  writeMore(): boolean {
    const lease = this.#leases[this.count];
    if (lease === undefined) return false;
    this.count++;
    if (!writeClassic(this.#records, lease)) writeAny(this.#records.beginSection(LEASE_MODEL), lease);
    this.#records.end();
    return this.count < this.#leases.length;
  }

  end(): void {}
}

export class RestoredLeases implements RestoredSection {
  readonly #byId = new Map<number, Lease>();
  readonly #leasesMax: number;
  /** By member, the owner that was read last: the leases of a run share one object. */
  readonly #owners = new Map<number, Owner>();
  readonly #adopt: (leases: Map<number, Lease>) => void;

  constructor(leasesMax: number, adopt: (leases: Map<number, Lease>) => void) {
    this.#leasesMax = leasesMax;
    this.#adopt = adopt;
  }

  get count(): number {
    return this.#byId.size;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  read(kind: number | null, reader: ByteReader): void {
    if (this.#byId.size === this.#leasesMax) throw new MalformedError(`more than ${this.#leasesMax} leases`);
    const lease = kind === LEASE_RECORD ? this.#readClassic(reader) : this.#readAny(reader);
    if (this.#byId.has(lease.id)) throw new MalformedError("a lease that comes twice");
    this.#byId.set(lease.id, lease);
  }

  complete(): void {}

  adopt(): void {
    this.#adopt(this.#byId);
  }

  #readClassic(reader: ByteReader): Lease {
    return {
      id: reader.natural(),
      timeoutMs: reader.int32(),
      secret: reader.text(SECRET_BYTES),
      owner: this.#readOwner(reader),
      generation: reader.int32(),
    };
  }

  #readAny(reader: ByteReader): Lease {
    const id = reader.natural();
    const generation = reader.int32();
    const has = reader.uint8();
    const timeoutMs = (has & GRANT.clock) === 0 ? null : reader.natural();
    if (timeoutMs !== null && timeoutMs > TIMEOUT_MS_MAX) throw new MalformedError(`a lease of ${timeoutMs} ms`);
    const secret = (has & GRANT.secret) === 0 ? null : reader.text(SECRET_BYTES);
    const owner = (has & GRANT.owner) === 0 ? null : this.#readOwner(reader);
    return { id, timeoutMs, secret, owner, generation };
  }

  #readOwner(reader: ByteReader): Owner {
    const member = readMemberId(reader);
    const run = reader.natural();
    const known = this.#owners.get(member);
    if (known?.run === run) return known;
    const owner = { member, run };
    this.#owners.set(member, owner);
    return owner;
  }
}

/** False where the lease does not fit into a record of this kind: then nothing was written. */
function writeClassic(records: RecordWriter, { id, timeoutMs, secret, owner, generation }: Lease): boolean {
  if (timeoutMs === null || timeoutMs > TIMEOUT_INT32_MAX || secret === null || owner === null) return false;
  const writer = records.begin(LEASE_RECORD);
  writer.int64(id);
  writer.int32(timeoutMs);
  writer.text(secret);
  writeMemberId(writer, owner.member);
  writer.int64(owner.run);
  writer.int32(generation);
  return true;
}

function writeAny(writer: ByteWriter, { id, timeoutMs, secret, owner, generation }: Lease): void {
  assert(secret === null || secret.length === SECRET_BYTES, "a lease's secret has 16 bytes");
  writer.int64(id);
  writer.int32(generation);
  writer.uint8(
    (timeoutMs === null ? 0 : GRANT.clock) | (secret === null ? 0 : GRANT.secret) | (owner === null ? 0 : GRANT.owner),
  );
  if (timeoutMs !== null) writer.int64(timeoutMs);
  if (secret !== null) writer.text(secret);
  if (owner === null) return;
  writeMemberId(writer, owner.member);
  writer.int64(owner.run);
}
