// How long this machine, which may be busy with other things, keeps a process waiting that is to run. Real processes can be held to
// a bound of time only beyond that; exact bounds are for virtual time.

const LOOK_EVERY_MS = 10;
/** What is measured goes through several processes, one after another, and each may be kept waiting as long as this one was. */
const WAITS_IN_A_ROW = 20;

/** From its making to its disposal it looks how late a timer of this process comes. */
export class Stalls implements Disposable {
  longestMs = 0;
  #expectedAt = performance.now() + LOOK_EVERY_MS;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** What may have been added to any measurement so far: little on a quiet machine. */
  get allowanceMs(): number {
    this.#look();
    return WAITS_IN_A_ROW * this.longestMs;
  }

  #look(): void {
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#expectedAt);
    this.#expectedAt = now + LOOK_EVERY_MS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
