// A member's send buffer for one client. It accepts all bytes, or one, or none; the rest is sent later.

import type { Random } from "../../base/random.ts";

export type SendManner = "everything" | "nothing" | "one-byte" | "some";
export const SEND_MANNERS: readonly SendManner[] = ["everything", "nothing", "one-byte", "some"];

export interface SendBufferPort {
  readonly random: Random;
  /** Runs a task after a delay of the network. */
  after(task: () => void): void;
  onLeft(bytes: Uint8Array): void;
  /** Held bytes were sent. */
  onEmpty(): void;
}

export class SendBuffer {
  /** Bytes that were written and not sent yet. */
  bytes = 0;
  readonly #manner: SendManner;
  readonly #port: SendBufferPort;
  #held: Uint8Array[] = [];
  #isLeaving = false;
  #last: (() => void) | null = null;

  constructor(manner: SendManner, port: SendBufferPort) {
    this.#manner = manner;
    this.#port = port;
  }

  /** As `ConnectionPort.write`: returns whether all of it was sent. */
  write(written: Uint8Array): boolean {
    if (written.length === 0) return true;
    const bytes = written.slice();
    const taken = this.bytes > 0 ? 0 : this.#taken(bytes.length);
    if (taken > 0) this.#port.onLeft(bytes.subarray(0, taken));
    if (taken === bytes.length) return true;
    this.#held.push(bytes.subarray(taken));
    this.bytes += bytes.length - taken;
    this.#leaveSoon();
    return false;
  }

  /** Calls back once everything written was sent; at once if it was. */
  whenEmpty(task: () => void): void {
    if (this.bytes === 0) task();
    else this.#last = task;
  }

  /** Drops what was not sent. */
  discard(): void {
    this.#held = [];
    this.bytes = 0;
    this.#last = null;
  }

  #taken(length: number): number {
    switch (this.#manner) {
      case "everything":
        return length;
      case "nothing":
        return 0;
      case "one-byte":
        return 1;
      case "some":
        return this.#port.random.below(length + 1);
    }
  }

  #leaveSoon(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#port.after(() => {
      this.#isLeaving = false;
      this.#leave();
    });
  }

  #leave(): void {
    const first = this.#held[0];
    if (first === undefined) return;
    const { random } = this.#port;
    const count = random.chance(0.3) ? 1 : 1 + random.below(first.length);
    if (count === first.length) this.#held.shift();
    else this.#held[0] = first.subarray(count);
    this.bytes -= count;
    this.#port.onLeft(first.subarray(0, count));
    if (this.bytes > 0) {
      this.#leaveSoon();
      return;
    }
    this.#port.onEmpty();
    this.#last?.();
    this.#last = null;
  }
}
