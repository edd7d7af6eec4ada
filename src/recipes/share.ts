// A share: one item of a partition, as its owner holds it.

import { CoordinationError } from "../base/errors.ts";
import type { Engine } from "./engine.ts";
import { type Grant, GrantHandle, type Handle, type HoldOptions } from "./handle.ts";

/** The handle of the item's lock, with a signal that asks the owner to give it back. */
export interface Share extends Handle {
  readonly item: string;
  /**
   * Aborts when the item is to move, or this member leaves: finish the current work, and release. The item is held until then;
   * nobody else gets it before.
   */
  readonly yielding: AbortSignal;
}

export class ShareHandle extends GrantHandle implements Share {
  readonly item: string;
  readonly #yielding = new AbortController();

  constructor(engine: Engine, grant: Grant, options: HoldOptions, item: string, onEnd: () => void) {
    super(engine, grant, options, onEnd);
    this.item = item;
  }

  get yielding(): AbortSignal {
    return this.#yielding.signal;
  }

  /** Asks for it back. A second call does nothing. */
  ask(why: string): void {
    if (this.yielding.aborted) return;
    this.#yielding.abort(new CoordinationError("aborted", "not-applied", `${this.name} is asked for: ${why}`));
  }
}
