// A condition that somebody waits for. Take `notified` before reading what the condition is about: then no change is missed.

export class Condition {
  #notified: Promise<void> | null = null;
  #resolve: () => void = () => {};

  /** Resolves at the next `notify`. */
  get notified(): Promise<void> {
    this.#notified ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#notified;
  }

  notify(): void {
    this.#notified = null;
    this.#resolve();
  }
}
