// The table of leases, a model: doors name leases by ids of their own, kept by their models, and every model may attach
// things to a lease, which end with it. What is in the table is alive; when one runs out is decided by the leader's
// clock and comes as a command.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { equalsSecretly } from "../../base/text.ts";
import type { HashSum } from "../hash-sum.ts";
import type { LeaseTable, Model, Refusal, Turn } from "../model.ts";
import { DONE, rejected } from "../outcomes.ts";
import type { RecordWriter } from "../record-writer.ts";
import { GRANT, LEASE_MODEL, LEASE_OPERATION, SECRET_BYTES, TIMEOUT_MS_MAX } from "./commands.ts";
import { LeaseEventHub } from "./events.ts";
import { endOfLeaseCommand } from "./flaws.ts";
import type { Lease, LeaseOutcome, LeaseTerms, Owner } from "./lease.ts";
import { LEASE_RECORD, LeaseSection, RestoredLeases } from "./snapshot.ts";

const MEMBER_SHIFT = 2 ** 45;
/** A Map ends at 2²⁴ entries with an exception; long before, no more leases are given. */
const LEASES_MAX = 2 ** 23;
/** From this feature level on leases are granted that lack a clock, an owner or a secret. */
const GRANT_LEVEL = 1;

/** Invariants: each lease is in the table under its id; its id is of a command that was applied; at most `LEASES_MAX`. */
export class Leases implements Model<LeaseOutcome>, LeaseTable {
  readonly number = LEASE_MODEL;
  readonly name = "leases";
  readonly level = 0;
  readonly recordKinds = [LEASE_RECORD];
  readonly events = new LeaseEventHub();
  #byId = new Map<number, Lease>();
  /** By member, the run that last took a lease: all its leases share one object. */
  readonly #owners = new Map<number, Owner>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): Lease | undefined {
    return this.#byId.get(id);
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  [Symbol.iterator](): Iterator<Lease> & Iterable<Lease> {
    return this.#byId.values();
  }

  /** For this model's commands, and for commands of doors' models that name the lease themselves: one a command. */
  open({ timeoutMs, secret, isOwned }: LeaseTerms, turn: Turn): Lease | null {
    if (this.#byId.size >= LEASES_MAX) return null;
    assert(turn.member >= 0, "a lease is opened in a member's name");
    assert(timeoutMs === null || timeoutMs <= TIMEOUT_MS_MAX, `a lease of ${timeoutMs} ms`);
    const id = (turn.member % 256) * MEMBER_SHIFT + turn.sequence;
    assert(!this.#byId.has(id), "a lease's id is never given again");
    const lease = { id, timeoutMs, secret, owner: isOwned ? this.#ownerOf(turn) : null, generation: 0 };
    this.#byId.set(id, lease);
    this.events.onLeaseMoved(id, lease.owner);
    return lease;
  }

  /** What is attached to it goes first: who hears that a lease ended finds nothing left of it. */
  end(id: number, cause: "closed" | "expired", turn: Turn): void {
    assert(this.#byId.has(id), "a lease ends once");
    this.#byId.delete(id);
    turn.tellLeaseEnded(id);
    this.events.onLeaseEnded(id, cause);
  }

  refusal(id: number, { member, run }: Turn): "session-expired" | "session-moved" | null {
    const lease = this.#byId.get(id);
    if (lease === undefined) return "session-expired";
    const { owner } = lease;
    return owner === null || (owner.member === member && owner.run === run) ? null : "session-moved";
  }

  apply(operation: number, reader: ByteReader, turn: Turn): LeaseOutcome {
    switch (operation) {
      case LEASE_OPERATION.open: {
        const timeoutMs = reader.int32();
        return this.#onOpen({ timeoutMs, secret: reader.text(SECRET_BYTES), isOwned: true }, turn);
      }
      case LEASE_OPERATION.grant:
        return this.#onGrant(reader, turn);
      case LEASE_OPERATION.attach:
        return this.#onAttach(reader, turn);
      case LEASE_OPERATION.close:
        return this.#onClose(reader.int64(), turn);
      case LEASE_OPERATION.expire:
        for (let left = reader.uint32(); left > 0; left--) {
          const id = reader.int64();
          if (this.#byId.get(id)?.generation === reader.int32()) this.end(id, "expired", turn);
        }
        return DONE;
      default:
        assert(false, `operation ${operation} of the leases`);
    }
  }

  refused(why: Refusal): LeaseOutcome {
    return rejected(why === "unreadable" ? "bad-arguments" : why);
  }

  endOfCommand(bytes: Uint8Array, at: number, end: number): number {
    return endOfLeaseCommand(bytes, at, end);
  }

  isLeadersOwn(operation: number): boolean {
    return operation === LEASE_OPERATION.expire;
  }

  beginSnapshot(records: RecordWriter): LeaseSection {
    return new LeaseSection(records, this);
  }

  restore(): RestoredLeases {
    return new RestoredLeases(LEASES_MAX, (leases) => {
      this.#byId = leases;
    });
  }

  addToHash(sum: HashSum): void {
    for (const { id, timeoutMs, secret, owner, generation } of this) {
      sum.add(`lease ${id} ${timeoutMs} ${secret} ${owner?.member} ${owner?.run} ${generation}`);
    }
  }

  checkInvariants(): void {
    assert(this.#byId.size <= LEASES_MAX, "more leases than there can be");
    for (const [id, lease] of this.#byId) {
      assert(lease.id === id && id > 0 && Number.isSafeInteger(id), `a lease ${lease.id} under the id ${id}`);
      assert(lease.secret === null || lease.secret.length === SECRET_BYTES, "a lease's secret has 16 bytes");
    }
  }

  #onOpen(terms: LeaseTerms, turn: Turn): LeaseOutcome {
    const lease = this.open(terms, turn);
    if (lease === null) return rejected("session-expired");
    return { kind: "lease-opened", id: lease.id, timeoutMs: lease.timeoutMs };
  }

  #onGrant(reader: ByteReader, turn: Turn): LeaseOutcome {
    const has = reader.uint8();
    const timeoutMs = reader.int64();
    const secret = (has & GRANT.secret) === 0 ? null : reader.text(SECRET_BYTES);
    if (turn.level < GRANT_LEVEL) return rejected("feature-level");
    const terms = {
      timeoutMs: (has & GRANT.clock) === 0 ? null : timeoutMs,
      secret,
      isOwned: (has & GRANT.owner) !== 0,
    };
    return this.#onOpen(terms, turn);
  }

  #onAttach(reader: ByteReader, turn: Turn): LeaseOutcome {
    const id = reader.int64();
    const timeoutMs = reader.int32();
    const secret = reader.boolean() ? reader.text(SECRET_BYTES) : null;
    const lease = this.#byId.get(id);
    if (lease === undefined || lease.secret === null || secret === null || !equalsSecretly(lease.secret, secret))
      return rejected("session-expired");
    const owner = this.#ownerOf(turn);
    this.#byId.set(id, { ...lease, timeoutMs, owner, generation: (lease.generation + 1) | 0 });
    this.events.onLeaseMoved(id, owner);
    return { kind: "lease-attached", id, timeoutMs };
  }

  #onClose(id: number, turn: Turn): LeaseOutcome {
    const refusal = this.refusal(id, turn);
    if (refusal !== null) return rejected(refusal);
    this.end(id, "closed", turn);
    return DONE;
  }

  #ownerOf({ member, run }: Turn): Owner {
    const known = this.#owners.get(member);
    if (known?.run === run) return known;
    const owner = { member, run };
    this.#owners.set(member, owner);
    return owner;
  }
}
