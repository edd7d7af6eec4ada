// Virtual time in milliseconds. One queue of future events decides everything that happens. Everything that an event causes,
// promises included, finishes before the next event. Nothing waits for real time.

import type { Clock } from "../../base/clock.ts";
import { EventQueue } from "./event-queue.ts";
import { settled } from "./microtasks.ts";

export class VirtualTime {
  readonly #queue = new EventQueue();

  get now(): number {
    return this.#queue.now;
  }

  get eventsRun(): number {
    return this.#queue.eventsRun;
  }

  /** Runs `task` in `milliseconds`. Returns a function that cancels it. */
  after(milliseconds: number, task: () => void): () => void {
    return this.#queue.after(milliseconds, task);
  }

  /** A promise that resolves at a virtual moment. What depends on it runs before the next event. */
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
    const end = this.now + milliseconds;
    await settled();
    for (;;) {
      if (condition()) return true;
      if (!this.#queue.runNext(end)) break;
      await settled();
    }
    this.#queue.advanceTo(end);
    return condition();
  }

  async run(milliseconds: number): Promise<void> {
    await this.runUntil(() => false, milliseconds);
  }
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
  /** Tasks that became due while it was paused, in order. They run when the machine goes on. */
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

  /** Runs a task of this machine: now, after its pause, or never. */
  deliver(task: () => void): void {
    if (this.isStopped) return;
    if (this.isPaused || this.#held.length > 0) this.#held.push(task);
    else task();
  }

  /** Runs them one after the other, so that everything that depends on each finishes first. */
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
