// The life of a replica: it runs, it may be stopping, and it ends once, by request or by a failure. After its end
// nothing that was scheduled before does anything.

import type { Clock } from "../base/clock.ts";

export class Lifecycle {
  #phase: "running" | "stopping" | "stopped" = "running";
  readonly #onFatal: (error: Error) => void;
  /** What to call off at the end: timers. */
  readonly #atEnd: (() => void)[] = [];
  /** What a failure brings with it, once the owner has heard of it. */
  readonly #afterFailure: (() => void)[] = [];

  constructor(onFatal: (error: Error) => void) {
    this.#onFatal = onFatal;
  }

  get isRunning(): boolean {
    return this.#phase === "running";
  }

  get isStopped(): boolean {
    return this.#phase === "stopped";
  }

  atEnd(task: () => void): void {
    this.#atEnd.push(task);
  }

  afterFailure(task: () => void): void {
    this.#afterFailure.push(task);
  }

  /** False where it is stopping already, or has ended. */
  beginStopping(): boolean {
    if (this.#phase !== "running") return false;
    this.#phase = "stopping";
    return true;
  }

  /** False where it has ended already. */
  end(): boolean {
    if (this.#phase === "stopped") return false;
    this.#phase = "stopped";
    for (const task of this.#atEnd) task();
    return true;
  }

  /** A failed disk or a broken invariant: the member ends, and acknowledges nothing more. */
  fail(error: unknown): void {
    if (!this.end()) return;
    this.#onFatal(error instanceof Error ? error : new Error(String(error)));
    for (const task of this.#afterFailure) task();
  }

  /** Runs work that a timer or the disk began, unless the replica has ended; an exception ends it. */
  guarded(work: () => void): void {
    if (this.isStopped) return;
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Repeats a task by the clock, until the end. */
  every(clock: Clock, milliseconds: number, task: () => void): void {
    let callOff = (): void => {};
    const schedule = (): void => {
      callOff = clock.after(milliseconds, () => {
        this.guarded(task);
        if (!this.isStopped) schedule();
      });
    };
    this.atEnd(() => callOff());
    schedule();
  }
}
