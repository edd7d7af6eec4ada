// A session's requests in the order of their arrival, which is the order of their replies.

import { assert } from "../../base/assert.ts";
import type { OutstandingRequest } from "./outstanding-requests.ts";

export class RequestQueue {
  head: OutstandingRequest | null = null;
  count = 0;
  /** Reads that have not had their turn. */
  waiting = 0;
  /** About how long their replies would be. */
  waitingBytes = 0;
  /** Bytes of memory that the requests here hold. */
  heldBytes = 0;
  /** Requests that writes behind them may not pass. */
  #holding = 0;
  #tail: OutstandingRequest | null = null;
  /** How many of those reads, from the head, have something proposed behind them, which will change what they see. */
  #urgent = 0;

  append(request: OutstandingRequest): void {
    assert(request.next === null, "a request in two places");
    if (this.#tail === null) this.head = request;
    else this.#tail.next = request;
    this.#tail = request;
    this.count += 1;
    if (holdsWrites(request)) this.#holding += 1;
    if (request.state === "waiting") this.#wait(request);
    else if (request.state === "proposed") this.#urgent = this.waiting;
  }

  /** A request here keeps these bytes from now on. */
  hold(bytes: number): void {
    this.heldBytes += bytes;
  }

  /** The read at the head must have its turn now, or it would see what comes after it. */
  get isHeadUrgent(): boolean {
    return this.#urgent > 0;
  }

  get holdsWrites(): boolean {
    return this.#holding > 0;
  }

  /** A barrier was passed before its turn: it has it as a read. */
  becomeRead(request: OutstandingRequest): void {
    assert(request.state === "proposed" && request !== this.head, "only a barrier before its turn becomes a read");
    request.state = "waiting";
    this.#wait(request);
  }

  shift(): OutstandingRequest {
    const request = this.head;
    assert(request !== null, "a reply without a request");
    this.head = request.next;
    if (this.head === null) this.#tail = null;
    request.next = null;
    this.count -= 1;
    this.heldBytes -= request.heldBytes;
    if (holdsWrites(request)) this.#holding -= 1;
    if (request.state === "waiting") {
      this.waiting -= 1;
      this.waitingBytes = this.waiting === 0 ? 0 : this.waitingBytes - request.expectedBytes;
      if (this.#urgent > 0) this.#urgent -= 1;
    }
    return request;
  }

  #wait(request: OutstandingRequest): void {
    this.waiting += 1;
    this.waitingBytes += request.expectedBytes;
  }

  clear(): OutstandingRequest[] {
    const requests: OutstandingRequest[] = [];
    while (this.head !== null) requests.push(this.shift());
    return requests;
  }
}

function holdsWrites({ operation }: OutstandingRequest): boolean {
  return (
    operation !== null && (operation.kind === "write" || operation.kind === "barrier") && operation.holdsWrites === true
  );
}
