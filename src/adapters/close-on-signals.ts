// Closing in order when the process is asked to end: connections first, then members, then the process ends by the same signal.
// Signals are the process's, so this is its one registry: a listener a signal, whatever is registered.

import { constants } from "node:os";
import { isMainThread } from "node:worker_threads";
import { CoordinationError } from "../base/errors.ts";
import type { OptionRule } from "../base/options.ts";

/** Signals that ask a process to end. Windows knows SIGINT and SIGBREAK alone. */
export type CloseSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | "SIGBREAK";

const SIGNALS: readonly unknown[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK"] satisfies CloseSignal[];

/** The rule of an option that lists them. */
export const CLOSE_ON: OptionRule = {
  is: `a list of ${SIGNALS.join(", ")}`,
  fits: (value) => Array.isArray(value) && value.every((each) => SIGNALS.includes(each)),
};

/** What depends on others is closed before them. */
type Kind = "connection" | "member";

interface Registration {
  readonly kind: Kind;
  readonly close: () => Promise<void>;
  readonly signals: readonly CloseSignal[];
}

/** A process of number 1, as in a container, is not ended by a signal that it sends to itself. */
const ENDED_WITHIN_MS = 200;

const registered = new Set<Registration>();
const listening = new Map<CloseSignal, () => void>();
let isClosing = false;

/**
 * Calls `close`, which must end within a deadline of its own, at the first of these signals. The process ends once everything that is
 * registered for the signal is closed, unless the program listens to the signal as well: then it decides. A second signal ends the
 * process at once. Returns how to unregister.
 */
export function closeOnSignals(signals: readonly CloseSignal[], kind: Kind, close: () => Promise<void>): () => void {
  const registration = { kind, close, signals };
  registered.add(registration);
  listen();
  return () => {
    registered.delete(registration);
    listen();
  };
}

/** Signals reach a program's main thread alone: elsewhere the option would be passed over. */
export function checkCloseOn(call: string, signals: readonly CloseSignal[]): void {
  if (isMainThread || signals.length === 0) return;
  const why = `${call}: closeOn cannot be had in a worker thread: listen to signals in the main thread`;
  throw new CoordinationError("configuration", "not-applied", why);
}

/** To the signals that something is registered for. */
function listen(): void {
  const wanted = new Set([...registered].flatMap(({ signals }) => signals));
  for (const signal of wanted) {
    if (listening.has(signal)) continue;
    const onSignal = (): void => void closeAll(signal);
    listening.set(signal, onSignal);
    // Before the program's own listeners, of which those for once would not be counted any more.
    process.prependListener(signal, onSignal);
  }
  // While it closes, a second signal must be heard although nothing is registered any more.
  if (isClosing) return;
  for (const [signal, onSignal] of listening) {
    if (wanted.has(signal)) continue;
    process.off(signal, onSignal);
    listening.delete(signal);
  }
}

async function closeAll(signal: CloseSignal): Promise<void> {
  const isOurs = process.listenerCount(signal) === 1;
  if (isClosing) {
    if (isOurs) end(signal);
    return;
  }
  isClosing = true;
  for (const kind of ["connection", "member"] as const) {
    const due = [...registered].filter((each) => each.kind === kind && each.signals.includes(signal));
    await Promise.allSettled(due.map(({ close }) => close()));
  }
  isClosing = false;
  listen();
  if (isOurs) end(signal);
}

function end(signal: CloseSignal): void {
  for (const [each, onSignal] of listening) process.off(each, onSignal);
  listening.clear();
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), ENDED_WITHIN_MS);
}
