// Keeps what storage reports until there is a replica to report to, because storage is opened first.

import type { StorageEvents } from "./ports.ts";

/** The log may fail before there is a replica to tell: nothing is lost by waiting for one. */
export class LateStorageEvents implements StorageEvents {
  readonly #toldAs: (error: Error) => Error;
  #target: StorageEvents | null = null;
  #isFull = false;
  #failure: Error | null = null;

  /** A failure is told in other words where they are given, as with where the data are. */
  constructor(toldAs: (error: Error) => Error = (error) => error) {
    this.#toldAs = toldAs;
  }

  set target(target: StorageEvents) {
    this.#target = target;
    if (this.#failure !== null) target.onFailure(this.#failure);
    else if (this.#isFull) target.onFull(true);
  }

  onFull(full: boolean): void {
    this.#isFull = full;
    this.#target?.onFull(full);
  }

  onFailure(error: Error): void {
    this.#failure ??= this.#toldAs(error);
    this.#target?.onFailure(this.#failure);
  }
}
