// A bell that somebody waits for. Whoever takes `rung` before looking at what it is about misses no ring.

export class Bell {
  #rung: Promise<void> | null = null;
  #resolve: () => void = () => {};

  /** Kept at the next ring. */
  get rung(): Promise<void> {
    this.#rung ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#rung;
  }

  ring(): void {
    this.#rung = null;
    this.#resolve();
  }
}
