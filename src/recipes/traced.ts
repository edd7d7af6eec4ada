// Tracing of acquisitions.

import type { Engine, TracedOperation } from "./engine.ts";

/** Runs `work`, and notes the token of the grant; null where nothing was acquired. */
export function traced<T extends { readonly token: bigint } | null>(
  { tracer }: Pick<Engine, "tracer">,
  { what, name }: { readonly what: string; readonly name: string },
  work: () => Promise<T>,
): Promise<T> {
  if (tracer === undefined) return work();
  const about: TracedOperation = { what, name };
  return tracer.trace("acquire", about, async () => {
    const acquired = await work();
    about.token = acquired?.token ?? null;
    return acquired;
  });
}
