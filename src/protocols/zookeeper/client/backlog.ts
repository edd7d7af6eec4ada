// How much this client holds of what was asked and is not answered: so that a program that asks faster than the servers answer,
// or while they are away, is told so before its memory is full.

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

  /** Half a sentence that says why there is no room; null: there is. One request always has room, however large. */
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

  /** It counts until it is let go: answered, or never to be. */
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
