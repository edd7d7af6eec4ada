// Timers of the adapters: they keep no process alive, and tests put their own in their place.

/** Runs a task later; returns how to call it off. */
export type After = (milliseconds: number, task: () => void) => () => void;

export const quietAfter: After = (milliseconds, task) => {
  const timer = setTimeout(task, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
};
