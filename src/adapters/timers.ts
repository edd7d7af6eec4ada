// Timers of the adapters: they keep no process alive, and tests put their own in their place.

/** Runs a task later; returns how to call it off. */
export type After = (milliseconds: number, task: () => void) => () => void;

export const quietAfter: After = (milliseconds, task) => {
  const timer = setTimeout(task, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
};

/** Runs a task soon, after what must come before it. */
export type Defer = (task: () => void) => void;

/** After the frames of this turn have left for the other members: they leave by `process.nextTick`. */
export const afterSends: Defer = (task) => {
  queueMicrotask(() => process.nextTick(task));
};
