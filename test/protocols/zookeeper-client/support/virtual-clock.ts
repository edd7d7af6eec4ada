// The clock of a client in a test: time passes when the test says so, and the event loop can be blocked.

import assert from "node:assert/strict";

const MICROTASKS = 40; // more than the longest chain of awaits behind one settled promise

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await null;
}

/** Tasks in the order of their times; between two, every promise settles. */
export class Clock {
  #now = 1000;
  readonly #tasks: { at: number; task: () => void }[] = [];
  /** Deferred tasks and timers that were not called off. */
  get pending(): number {
    return this.#tasks.length;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  defer(task: () => void): void {
    this.after(0, task);
  }

  after(milliseconds: number, task: () => void): () => void {
    const entry = { at: this.#now + Math.max(0, milliseconds), task };
    this.#tasks.push(entry);
    return () => {
      const at = this.#tasks.indexOf(entry);
      if (at !== -1) this.#tasks.splice(at, 1);
    };
  }

  async run(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settle();
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 100_000, "the loop spins");
      const next = this.#first();
      if (next === undefined || next.at > until) break;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.task();
      await settle();
    }
    this.#now = until;
  }

  /** In their order: the array keeps the order in which they were made. */
  #first(): { at: number; task: () => void } | undefined {
    let first = this.#tasks[0];
    for (const task of this.#tasks) if (task.at < first!.at) first = task;
    return first;
  }

  /** The process was kept from running: time went by, and nothing happened. */
  block(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
