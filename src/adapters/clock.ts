// The machine's own clock, behind the replica's port.

import { performance } from "node:perf_hooks";
import type { Clock } from "../base/clock.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  defer(task) {
    setImmediate(task);
  },
  after(milliseconds, task) {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};
