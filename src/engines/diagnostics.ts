// Recipes on Node's diagnostics channels: `tracing:cabildo:acquire:start` and so on, `tracing:cabildo:release:…`, and
// `cabildo:end`. Without a subscriber it costs one check.

import { channel, tracingChannel } from "node:diagnostics_channel";
import type { RecipeTracer, TracedEnd, TracedOperation } from "../recipes/index.ts";

export const CHANNELS = { acquire: "cabildo:acquire", release: "cabildo:release", end: "cabildo:end" } as const;

const tracing = {
  acquire: tracingChannel<unknown, TracedOperation>(CHANNELS.acquire),
  release: tracingChannel<unknown, TracedOperation>(CHANNELS.release),
};
const end = channel(CHANNELS.end);

/** One for the whole process, as the channels are. */
export const diagnosticsTracer: RecipeTracer = {
  trace<T>(operation: "acquire" | "release", about: TracedOperation, work: () => Promise<T>): Promise<T> {
    const traced = tracing[operation];
    return isHeard(traced) ? traced.tracePromise(work, about) : work();
  },
  onEnd(about: () => TracedEnd): void {
    if (end.hasSubscribers) end.publish(about());
  },
};

function isHeard({ start, end, asyncStart, asyncEnd, error }: (typeof tracing)["acquire"]): boolean {
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    error.hasSubscribers
  );
}
