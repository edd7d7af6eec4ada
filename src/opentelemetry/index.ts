/**
 * Spans of OpenTelemetry for what recipes do: `cabildo/opentelemetry`. It uses the API package alone, which you have when you
 * trace; without an SDK the spans are none.
 *
 * @example
 * ```ts
 * import { instrument } from "cabildo/opentelemetry";
 *
 * const stop = instrument(); // spans of the global tracer provider, from here on
 * process.once("beforeExit", stop);
 * ```
 *
 * @module cabildo/opentelemetry
 */

import { channel, tracingChannel } from "node:diagnostics_channel";
import { type Attributes, context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { CHANNELS } from "../engines/diagnostics.ts";
import type { TracedEnd, TracedOperation } from "../recipes/index.ts";

/** A tracing channel's message, with what came of the work. */
type Operation = TracedOperation & { readonly error?: unknown };

export interface InstrumentOptions {
  /** The global tracer provider's, named "cabildo", unless given. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Makes spans from here on: `cabildo acquire` (the wait, local and on the servers), `cabildo hold` (from the grant to its
 * end), `cabildo release`, each below the span that was active when it began. Returns how to stop that; spans that are
 * open then are ended.
 */
export function instrument({ tracer = trace.getTracer("cabildo") }: InstrumentOptions = {}): () => void {
  const open = new Map<object, Span>();
  const holds = new Map<string, Span>();

  const begin = (operation: string) => (message: unknown) => {
    const about = message as Operation;
    open.set(
      about,
      tracer.startSpan(`cabildo ${operation}`, { kind: SpanKind.CLIENT, attributes: attributesOf(about) }),
    );
  };
  const finish = (message: unknown): Span | null => {
    const about = message as Operation;
    const span = open.get(about) ?? null;
    open.delete(about);
    if (about.error !== undefined) fail(span, about.error);
    else if (about.token === null) span?.setAttribute("cabildo.acquired", false);
    else if (about.token !== undefined) span?.setAttribute("cabildo.token", String(about.token));
    span?.end();
    return span;
  };
  const onAcquired = (message: unknown) => {
    const about = message as Operation;
    const span = finish(about);
    if (span === null || about.error !== undefined || !about.token) return;
    const attributes = { ...attributesOf(about), "cabildo.token": String(about.token) };
    const below = trace.setSpan(context.active(), span);
    holds.set(keyOf(about), tracer.startSpan("cabildo hold", { attributes }, below));
  };
  const onEnd = (message: unknown) => {
    const about = message as TracedEnd;
    const span = holds.get(keyOf(about));
    if (span === undefined) return;
    holds.delete(keyOf(about));
    span.setAttribute("cabildo.end", about.end);
    if (about.end === "lost") fail(span, about.reason);
    span.end();
  };

  const acquire = tracingChannel<unknown, Operation>(CHANNELS.acquire);
  const release = tracingChannel<unknown, Operation>(CHANNELS.release);
  const heard: readonly (readonly [ReturnType<typeof channel>, (message: unknown) => void])[] = [
    [acquire.start, begin("acquire")],
    [acquire.asyncEnd, onAcquired],
    [release.start, begin("release")],
    [release.asyncEnd, (message) => void finish(message)],
    [channel(CHANNELS.end), onEnd],
  ];
  for (const [each, listener] of heard) each.subscribe(listener);
  return () => {
    for (const [each, listener] of heard) each.unsubscribe(listener);
    for (const span of [...open.values(), ...holds.values()]) span.end();
    open.clear();
    holds.clear();
  };
}

function attributesOf({ what, name }: Operation): Attributes {
  return { "cabildo.what": what, "cabildo.name": name };
}

/** A token is never given twice for one thing. */
function keyOf({ what, token }: { readonly what: string; readonly token?: bigint | null }): string {
  return `${what} ${token}`;
}

function fail(span: Span | null, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  span?.setStatus({ code: SpanStatusCode.ERROR, message });
  if (typeof error === "object" && error !== null && "code" in error) {
    span?.setAttribute("cabildo.error", String(error.code));
  }
}
