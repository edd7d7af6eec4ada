// The requests that are not answered yet, counted: a program that asks faster than the servers answer is refused before its memory
// is full.

import { assert } from "../../../base/assert.ts";
import type { Call } from "./call.ts";
import { REQUEST_HELD_BYTES } from "./limits.ts";
import type { Request } from "./request.ts";

export interface BacklogOptions {
  readonly backlogRequestsMax: number;
  readonly backlogBytesMax: number;
}

export class Backlog {
  readonly #options: BacklogOptions;
  #requests = 0;
  #bytes = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** Why there is no room, as half a sentence; null: there is room. One request always has room, however large. */
  refusalOf(request: Request<unknown>): string | null {
    const { backlogRequestsMax, backlogBytesMax } = this.#options;
    if (this.#requests === 0) return null;
    const isFull = this.#requests >= backlogRequestsMax;
    if (!isFull && this.#bytes + bytesOf(request) <= backlogBytesMax) return null;
    const held = `${this.#requests} requests of ${this.#bytes} bytes are not answered yet`;
    const limit = isFull
      ? `${backlogRequestsMax} requests (backlogRequestsMax)`
      : `${backlogBytesMax} bytes (backlogBytesMax)`;
    return `was not sent: ${held}, and no more than ${limit} are held; ask again when some are`;
  }

  /** The call counts until `letGo`: when it is answered, or will never be. */
  hold(call: Call): void {
    this.#requests += 1;
    this.#bytes += bytesOf(call.request);
    call.backlog = this;
  }

  letGo(call: Call): void {
    this.#requests -= 1;
    assert(this.#requests >= 0, "what is let go was held");
    this.#bytes -= bytesOf(call.request);
  }
}

function bytesOf({ path, heldBytes = 0 }: Request<unknown>): number {
  return REQUEST_HELD_BYTES + (path?.length ?? 0) + heldBytes;
}
