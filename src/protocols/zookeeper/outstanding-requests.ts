// The record of a request between its arrival and its reply. Records are reused, so a request allocates no object.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import type { CoordinationError } from "../../base/errors.ts";
import type { Waiter } from "../../replica/replica-port.ts";
import { SPARE_REQUESTS_MAX } from "./limits.ts";
import type { Note, Operation } from "./operations/operation.ts";
import type { Outcome } from "./outcome.ts";

/**
 * `waiting`: a read that has not had its turn. `proposed`: a write or barrier under way. `deferred`: a reconfiguration
 * taken up and not ended. `ready`: its reply is encoded in `held` and goes out when its turn comes.
 */
export type RequestState = "waiting" | "proposed" | "deferred" | "ready";

export interface RequestOwner {
  onOutcome(request: OutstandingRequest, outcome: Outcome, revision: number): void;
  onRefused(request: OutstandingRequest, error: CoordinationError): void;
}

/** Invariant: `held` is there while it is `ready`, and its bytes while it is `waiting`. It stands in one queue or in the pool. */
export class OutstandingRequest implements Waiter<Outcome> {
  next: OutstandingRequest | null = null;
  owner: RequestOwner | null = null;
  operation: Operation | null = null;
  state: RequestState = "waiting";
  xid = 0;
  receivedAt = 0;
  /** The request's body, for a read that waits: bytes [start, end). */
  bytes: Uint8Array | null = null;
  start = 0;
  end = 0;
  note: Note = null;
  /** A whole reply frame. */
  held: Uint8Array | null = null;
  /** About how long its reply would be, for a read that waits. */
  expectedBytes = 0;
  /** The revision of a deferred reconfiguration. */
  revision = 0;
  /** The connection ends after this reply. */
  ends = false;

  /** Remembers what the reader has left, for later: the bytes must stay as they are. */
  keep(reader: ByteReader): void {
    this.bytes = reader.bytes;
    this.start = reader.offset;
    this.end = reader.end;
  }

  /** Bytes of memory that it holds. */
  get heldBytes(): number {
    return (this.bytes === null ? 0 : this.end - this.start) + (this.held === null ? 0 : this.held.length);
  }

  onOutcome(outcome: Outcome, revision: number): void {
    this.owner!.onOutcome(this, outcome, revision);
  }

  onRefused(error: CoordinationError): void {
    this.owner!.onRefused(this, error);
  }
}

export class RequestPool {
  #spare: OutstandingRequest | null = null;
  #count = 0;

  take(owner: RequestOwner, operation: Operation | null, xid: number, receivedAt: number): OutstandingRequest {
    let request = this.#spare;
    if (request === null) {
      request = new OutstandingRequest();
    } else {
      this.#spare = request.next;
      this.#count -= 1;
      request.next = null;
    }
    request.owner = owner;
    request.operation = operation;
    request.xid = xid;
    request.receivedAt = receivedAt;
    return request;
  }

  /** Nobody holds this record any more. */
  release(request: OutstandingRequest): void {
    assert(request.owner !== null && request.next === null, "a request is released twice, or while it is queued");
    request.owner = null;
    request.operation = null;
    request.bytes = null;
    request.note = null;
    request.held = null;
    request.expectedBytes = 0;
    request.ends = false;
    request.state = "waiting";
    if (this.#count >= SPARE_REQUESTS_MAX) return;
    request.next = this.#spare;
    this.#spare = request;
    this.#count += 1;
  }
}
