// The interface of time, for code that may not read the machine's clock. `adapters/clock.ts` has the real one, the simulator a
// virtual one.

/** The longest time of a timer of the platform: a longer one fires at once. */
export const TIMER_MS_MAX = 0x7fffffff;

export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock: for people's eyes and znode times, never for a deadline. */
  wall(): number;
  /** Runs after the input that this turn of the loop still brings. */
  defer(task: () => void): void;
  /** Runs about `milliseconds` from now; returns how to call it off. */
  after(milliseconds: number, task: () => void): () => void;
}
