// One item of a partition, as its owner holds it.

import { CoordinationError } from "../base/errors.ts";
import type { Engine } from "./engine.ts";
import { type Grant, GrantHandle, type Handle, type HoldOptions } from "./handle.ts";

/** A handle as of a lock, which it is; and a signal that asks for it back while it is still held. */
export interface Share extends Handle {
  readonly item: string;
  /**
   * Aborts when the item is another's to have, or this member leaves: finish what is under way, and release. It is held
   * until then; nobody else has it before.
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

  /** Asks for it back; twice is once. */
  ask(why: string): void {
    if (this.yielding.aborted) return;
    this.#yielding.abort(new CoordinationError("aborted", "not-applied", `${this.name} is asked for: ${why}`));
  }
}
