// The reference model of the lease table: which leases exist, who owns them, and which members may use them.

import type { ByteReader } from "../../base/bytes.ts";
import { GRANT, LEASE_OPERATION, SECRET_BYTES } from "../../state/leases/commands.ts";

type Owner = Pick<ReferenceTurn, "member" | "run">;

export interface ReferenceLease {
  /** The secret that proves ownership on another member; null: there is none. */
  readonly secret: string | null;
  /** The process that serves it: a member and its run; null: any. */
  readonly owner: Owner | null;
  readonly generation: number;
}

/** Who proposed a command, and at which sequence number it stands. */
export interface ReferenceTurn {
  readonly sequence: number;
  /** The latest time that a leader stamped into a batch. */
  readonly time: number;
  readonly member: number;
  readonly run: number;
  /** The feature level. */
  readonly level: number;
}

/** `expired`: there is no such lease. `moved`: another process serves it by now. */
export type LeaseRefusal = "expired" | "moved";

/** From this feature level on there are leases without a clock, an owner or a secret. */
const GRANT_LEVEL = 1;
const MEMBER_SHIFT = 2 ** 45;

export class ReferenceLeases {
  readonly #leases = new Map<number, ReferenceLease>();
  readonly #onEnded: (id: number, cause: "closed" | "expired") => void;

  constructor(onEnded: (id: number, cause: "closed" | "expired") => void) {
    this.#onEnded = onEnded;
  }

  get size(): number {
    return this.#leases.size;
  }

  has(id: number): boolean {
    return this.#leases.has(id);
  }

  /** Why a command of this process for a lease is rejected; null: it is not. */
  refusalOf(id: number, { member, run }: ReferenceTurn): LeaseRefusal | null {
    const lease = this.#leases.get(id);
    if (lease === undefined) return "expired";
    const { owner } = lease;
    return owner === null || (owner.member === member && owner.run === run) ? null : "moved";
  }

  apply(operation: number, reader: ByteReader, turn: ReferenceTurn): void {
    switch (operation) {
      case LEASE_OPERATION.open:
        reader.int32(); // the timeout: time is not this model's affair
        this.#open(reader.text(SECRET_BYTES), turn, turn);
        return;
      case LEASE_OPERATION.grant: {
        const has = reader.uint8();
        reader.int64();
        const secret = (has & GRANT.secret) === 0 ? null : reader.text(SECRET_BYTES);
        if (turn.level < GRANT_LEVEL) return;
        this.#open(secret, (has & GRANT.owner) === 0 ? null : turn, turn);
        return;
      }
      case LEASE_OPERATION.attach: {
        const id = reader.int64();
        reader.int32();
        this.#attach(id, reader.boolean() ? reader.text(SECRET_BYTES) : "", turn);
        return;
      }
      case LEASE_OPERATION.close: {
        const id = reader.int64();
        if (this.refusalOf(id, turn) === null) this.#end(id, "closed");
        return;
      }
      case LEASE_OPERATION.expire: {
        for (let left = reader.uint32(); left > 0; left--) this.#expire(reader.int64(), reader.int32());
        return;
      }
      default:
        throw new RangeError(`operation ${operation} of the leases`);
    }
  }

  #open(secret: string | null, owner: Owner | null, { sequence, member }: ReferenceTurn): void {
    this.#leases.set((member % 256) * MEMBER_SHIFT + sequence, { secret, owner, generation: 0 });
  }

  #attach(id: number, secret: string, owner: ReferenceTurn): void {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.secret !== secret) return;
    this.#leases.set(id, { secret, owner, generation: lease.generation + 1 });
  }

  #expire(id: number, generation: number): void {
    if (this.#leases.get(id)?.generation === generation) this.#end(id, "expired");
  }

  #end(id: number, cause: "closed" | "expired"): void {
    this.#leases.delete(id);
    this.#onEnded(id, cause);
  }
}
