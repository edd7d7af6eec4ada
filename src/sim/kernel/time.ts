// Virtual time: one queue of future events decides everything that happens. Nothing here waits for real time.

import type { Clock } from "../../replica/ports.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  task: (() => void) | null;
}

/** Invariants: time never goes back; events of one instant run in the order in which they were asked for. */
export class VirtualTime {
  #now = 0;
  #order = 0;
  eventsRun = 0;
  readonly #heap: Event[] = [];
  get now(): number {
    return this.#now;
  }

  /** Runs `task` in `milliseconds`; returns how to call it off. */
  after(milliseconds: number, task: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, milliseconds), order: this.#order++, task };
    this.#push(event);
    return () => {
      event.task = null;
    };
  }

  /** A promise that is kept at a virtual moment: what follows it runs before the next event. */
  promiseAfter<T>(milliseconds: number, produce: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.after(milliseconds, () => {
        try {
          resolve(produce());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Runs events until the condition holds (true) or the time is over (false). */
  async runUntil(condition: () => boolean, milliseconds: number): Promise<boolean> {
    const end = this.#now + milliseconds;
    await settled();
    for (;;) {
      if (condition()) return true;
      const event = this.#heap[0];
      if (event === undefined || event.at > end) break;
      this.#pop();
      this.#now = event.at;
      event.task?.();
      this.eventsRun++;
      await settled();
    }
    this.#now = end;
    return condition();
  }

  async run(milliseconds: number): Promise<void> {
    await this.runUntil(() => false, milliseconds);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    heap.push(event);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[parent]!)) break;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      let least = at;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (left + 1 < heap.length && isBefore(heap[left + 1]!, heap[least]!)) least = left + 1;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

/** Everything that hangs on promises kept by now runs to its end: Node comes to its ticks when no promise is left to tell. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** The clock of one machine: it may run at its own rate, and its wall clock may be set at any time. */
export class VirtualClock implements Clock {
  readonly #time: VirtualTime;
  /** Seconds of this clock in one true second. */
  readonly #rate: number;
  wallOffsetMs = 1_700_000_000_000;
  /** A crashed machine's tasks never run. */
  isStopped = false;
  #pausedUntil = 0;
  /** What came while it was paused, in order: it runs when the machine goes on. */
  readonly #held: (() => void)[] = [];

  constructor(time: VirtualTime, rate = 1) {
    this.#time = time;
    this.#rate = rate;
  }

  now(): number {
    return this.#time.now * this.#rate;
  }

  wall(): number {
    return Math.floor(this.now() + this.wallOffsetMs);
  }

  defer(task: () => void): void {
    this.#schedule(0, task);
  }

  after(milliseconds: number, task: () => void): () => void {
    return this.#schedule(milliseconds / this.#rate, task);
  }

  pause(milliseconds: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#time.now + milliseconds);
    this.#time.after(this.#pausedUntil - this.#time.now, () => this.#goOn());
  }

  get isPaused(): boolean {
    return this.#time.now < this.#pausedUntil;
  }

  /** Runs what concerns this machine: now, after its pause, or never. */
  deliver(task: () => void): void {
    if (this.isStopped) return;
    if (this.isPaused || this.#held.length > 0) this.#held.push(task);
    else task();
  }

  /** One after the other, so that what hangs on each runs to its end. */
  #goOn(): void {
    if (this.isPaused || this.isStopped) return;
    const task = this.#held.shift();
    if (task === undefined) return;
    task();
    if (this.#held.length > 0) this.#time.after(0, () => this.#goOn());
  }

  #schedule(milliseconds: number, task: () => void): () => void {
    let isCalledOff = false;
    const callOff = this.#time.after(milliseconds, () =>
      this.deliver(() => {
        if (!isCalledOff) task();
      }),
    );
    return () => {
      isCalledOff = true; // it may be due already, and wait for the machine to go on
      callOff();
    };
  }
}
