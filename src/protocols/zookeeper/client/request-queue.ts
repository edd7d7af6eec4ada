// Requests from when they are made until they are sent: bounded, each with its deadline, sent together once a turn of the loop.

import { Backlog, type BacklogOptions } from "./backlog.ts";
import type { Call } from "./call.ts";
import type { Connection } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import type { ClientPorts } from "./ports.ts";

export interface RequestQueueOwner {
  /** The connection that takes requests now; null: they wait. */
  readonly ready: Connection | null;
  /** The connection that is open, or being tried: requests that were sent wait on it for their answers. */
  readonly connection: Connection | null;
  /** The servers' reasons against a connection, for errors. */
  readonly troubles: string;
}

export class RequestQueue {
  readonly #owner: RequestQueueOwner;
  readonly #clock: ClientPorts["clock"];
  readonly #backlog: Backlog;
  readonly #deadlines: Deadlines;
  #unsent = new Set<Call>();
  #isFlushDue = false;

  constructor(owner: RequestQueueOwner, clock: ClientPorts["clock"], options: BacklogOptions) {
    this.#owner = owner;
    this.#clock = clock;
    this.#backlog = new Backlog(options);
    this.#deadlines = new Deadlines(
      clock,
      () => this.#outstanding(),
      (call) => this.#onLate(call),
    );
  }

  /** The call fails at once ("overloaded") where too much is held already. */
  add(call: Call): void {
    const refusal = this.#backlog.refusalOf(call.request);
    if (refusal !== null) {
      call.fail("overloaded", refusal);
      return;
    }
    this.#backlog.hold(call);
    this.#unsent.add(call);
    this.#deadlines.note(call);
    this.flushSoon();
  }

  remove(call: Call): void {
    this.#unsent.delete(call);
  }

  /** Sends what waits, at the end of this turn of the loop. */
  flushSoon(): void {
    if (this.#isFlushDue || this.#owner.ready === null) return;
    this.#isFlushDue = true;
    this.#clock.defer(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  /** The calls that were not sent; they belong to the caller from now on. */
  takeUnsent(): Set<Call> {
    const unsent = this.#unsent;
    this.#unsent = new Set();
    return unsent;
  }

  /** No deadline is watched any more. */
  stop(): void {
    this.#deadlines.stop();
  }

  #flush(): void {
    const { ready } = this.#owner;
    if (ready === null || this.#unsent.size === 0) return;
    ready.send(this.takeUnsent());
  }

  *#outstanding(): Iterable<Call> {
    yield* this.#unsent;
    if (this.#owner.connection !== null) yield* this.#owner.connection.calls();
  }

  #onLate(call: Call): void {
    this.#unsent.delete(call);
    const isSent = call.sentAt !== null;
    call.fail("deadline", isSent ? "was not answered in time" : `was not sent in time: ${this.#owner.troubles}`);
  }
}
