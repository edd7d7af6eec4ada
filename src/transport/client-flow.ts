// The flow of one client: what it is sent gathers and leaves with one write a turn, what it sends is read only while it fetches
// what it was sent, no client takes more than its share of a turn, and all that is held for it is accounted. A door's connection
// has one, and says what a request is.

import { assert } from "../base/assert.ts";
import type { ClientCapacity } from "./client-capacity.ts";
import type { ConnectionPort } from "./connection.ts";
import type { MemoryHolder } from "./held-memory.ts";
import { type OutputBounds, OutputBuffer } from "./output-buffer.ts";
import type { TurnParticipant, Turns } from "./turns.ts";

/** The connection whose flow it is. */
export interface FlowOwner {
  /** Takes the requests that can be taken now. Says whether there was any. */
  take(): boolean;
  /** Bytes that are held for the client besides what it was sent: requests that wait, frames that are not whole. */
  readonly requestBytes: number;
  /** A turn has ended, and so many bytes have left the buffer. */
  onTurnEnd(bytesSent: number): void;
  /** It must go at once, without another word. */
  drop(reason: string): void;
  /** Something went wrong in here while the client was served. */
  fail(error: unknown): void;
}

export interface FlowParts {
  readonly port: ConnectionPort;
  readonly capacity: ClientCapacity;
  readonly bounds: OutputBounds;
  /** When it came, in monotonic milliseconds. */
  readonly openedAt: number;
}

/**
 * Invariants: it goes from open to ending to closed. What is accounted for it is given back when it is closed. While it is not
 * served, something is sure to have it served again: the next turn, an answer, a drain, or a chunk.
 */
export class ClientFlow implements TurnParticipant, MemoryHolder {
  readonly output: OutputBuffer;
  heldBytes = 0;
  progressedAt: number;
  readonly #port: ConnectionPort;
  readonly #capacity: ClientCapacity;
  readonly #turns: Turns;
  readonly #owner: FlowOwner;
  #state: "open" | "ending" | "closed" = "open";
  #isPaused = false;

  constructor({ port, capacity, bounds, openedAt }: FlowParts, owner: FlowOwner) {
    this.#port = port;
    this.#capacity = capacity;
    this.#turns = capacity.turns;
    this.#owner = owner;
    this.progressedAt = openedAt;
    this.output = new OutputBuffer(port, capacity.buffers, bounds, () => this.#turns.noteDirty(this));
  }

  /** Chunks stay in the client's socket. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** It has requests that could not be taken, and is served again once they may be. */
  get isWaiting(): boolean {
    return this.#turns.isBlocked(this);
  }

  // --------------------------------------------------------------------------------------------------------- requests

  /** Takes requests until there is none, or a reason to wait: as a chunk has come, or something has changed. */
  serve(): void {
    try {
      this.#turns.noteUnblocked(this);
      const isProgress = this.#owner.take();
      if (isProgress && this.#port.unsentBytes === 0) this.progressedAt = this.#turns.lastTime;
      this.account();
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  /**
   * Whether more may be done for this client now: the turn is not full, and the client fetches what it was sent. Where it may
   * not, the flow is served again once it may.
   */
  mayGoOn(): boolean {
    if (this.#turns.isFull) {
      this.goOnSoon();
      return false;
    }
    if (!this.output.isBackedUp) return true;
    this.wait();
    return false;
  }

  /** A request cannot be taken now: it is tried again whenever something was answered or has changed. */
  wait(): void {
    this.#turns.noteBlocked(this);
  }

  /** There may be requests that can be taken, but not in the middle of what is going on. */
  goOnSoon(): void {
    this.#turns.noteReady(this);
  }

  /** Lets chunks come, or not: `hasMore` says that there are bytes that were not taken. */
  regulate(hasMore: boolean): void {
    if (hasMore === this.#isPaused || this.#state === "closed") return;
    this.#isPaused = hasMore;
    if (hasMore) this.#port.pause();
    else this.#port.resume();
  }

  // ----------------------------------------------------------------------------------------------------------- output

  /** The client has fetched everything that was written. */
  onDrain(): void {
    this.progressedAt = this.#turns.refreshTime();
    this.account();
    this.serve();
  }

  /** At the end of a turn. */
  flush(): void {
    try {
      this.#owner.onTurnEnd(this.output.flush());
      this.account();
      if (this.#state === "ending") this.#port.end();
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  /** Tells the member what it holds for this client. */
  account(): void {
    const held = this.#state === "closed" ? 0 : this.output.unsentBytes + this.#owner.requestBytes;
    const more = held - this.heldBytes;
    if (more === 0) return;
    this.heldBytes = held;
    this.#capacity.memory.note(more);
  }

  drop(reason: string): void {
    this.#owner.drop(reason);
  }

  // -------------------------------------------------------------------------------------------------------------- end

  /** What is written still leaves; then the port is closed. */
  end(): void {
    assert(this.#state === "open", "a flow ends twice");
    this.#state = "ending";
    this.#turns.noteUnblocked(this);
    this.#turns.noteDirty(this);
  }

  /** The port is closed, or is to be at once: nothing more is held for the client. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#turns.noteUnblocked(this);
    this.output.discard();
    this.account();
    assert(this.heldBytes === 0, "a flow is closed and holds memory");
  }
}
