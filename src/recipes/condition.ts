// A condition variable. Take `notified` before you read what the condition is about; then you miss no change.

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
