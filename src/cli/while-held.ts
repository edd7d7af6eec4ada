// Commands that run while something is held: they pass this process's signals on, and choose the exit status.

import { basename } from "node:path";
import { CoordinationError } from "../base/errors.ts";
import { type Handle, LockLostError } from "../recipes/index.ts";
import { EXIT_LOST, EXIT_NOT_ACQUIRED, EXIT_UNAVAILABLE, EXIT_USAGE } from "./exit.ts";
import { type CommandOptions, GuardedCommand, signalled } from "./guarded-command.ts";
import { isUsersSlip, type ServerOptions, say, tellFailure } from "./servers.ts";

/** As commander gives them. */
export interface HeldCommandOptions extends ServerOptions {
  /** Milliseconds; `GRACE_MS` unless given. */
  readonly grace?: number;
  readonly onUnsure: "abort" | "until-deadline";
}

const LABEL_CHARACTERS_MAX = 80;

// biome-ignore lint/suspicious/noControlCharactersInRegex: a label holds none
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** What a command is called by those who see its place in a queue: its program's name. */
export function labelOf([program = ""]: readonly string[]): string {
  return basename(program).replace(CONTROL, "?").slice(0, LABEL_CHARACTERS_MAX);
}

const SESSION_TIMEOUT_MS = 10_000;
/** The help says it in seconds. */
const GRACE_MS = 5000;

/**
 * How long the command has to end when it is asked to. When this process is killed nobody renews its session, of which at
 * least half is left: the guardian's grace is no longer.
 */
export function gracesOf({ grace = GRACE_MS, sessionTimeout = SESSION_TIMEOUT_MS }: HeldCommandOptions) {
  return { graceMs: grace, guardianGraceMs: Math.min(grace, sessionTimeout / 2) };
}

const PASSED: readonly NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"];
const ENDING: ReadonlySet<NodeJS.Signals> = new Set(["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]);

/** This process's signals: the command's while one runs; those that ask a program to end, end the wait for it too. */
export class Signals implements Disposable {
  /** Aborts with the first that asks to end. */
  readonly stop: AbortSignal;
  readonly #controller = new AbortController();
  readonly #listeners: readonly (readonly [NodeJS.Signals, () => void])[];
  #command: GuardedCommand | null = null;
  #first: NodeJS.Signals | null = null;

  constructor() {
    this.stop = this.#controller.signal;
    this.#listeners = PASSED.map((signal) => [signal, () => this.#on(signal)] as const);
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  /** The exit status by the first that asked to end; null: none did. */
  get status(): number | null {
    return this.#first === null ? null : signalled(this.#first);
  }

  lead(command: GuardedCommand | null): void {
    this.#command = command;
  }

  #on(signal: NodeJS.Signals): void {
    this.#command?.pass(signal);
    if (!ENDING.has(signal)) return;
    this.#first ??= signal;
    // Only between commands: what is held is given back by its holder's end, not before.
    if (this.#command === null) this.#controller.abort(new Error(signal));
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }
}

/** Runs the command to its end, or to the end of what is held; gives the exit status. */
export async function runWhileHeld(held: Handle, options: CommandOptions, signals: Signals): Promise<number> {
  held.assertHeld();
  const command = new GuardedCommand(options);
  signals.lead(command);
  let isLost = false;
  const onEnd = () => {
    isLost = true;
    const { message } = held.signal.reason as Error;
    const grace = options.graceMs === 0 ? "SIGKILL" : `SIGTERM, and SIGKILL in ${options.graceMs / 1000} s`;
    say(`${message}. The command is sent ${grace}`);
    command.end();
  };
  held.signal.addEventListener("abort", onEnd, { once: true });
  if (held.signal.aborted) onEnd();
  try {
    const status = await command.ended;
    return isLost ? EXIT_LOST : status;
  } finally {
    held.signal.removeEventListener("abort", onEnd);
    signals.lead(null);
  }
}

/** When nothing was run. */
export function statusOfFailure(error: unknown, options: ServerOptions, signals: Signals): number {
  if (signals.status !== null) return signals.status;
  if (error instanceof LockLostError) {
    say(`${error.message}, before the command was begun. Run it again`);
    return EXIT_LOST;
  }
  const isOfLine =
    error instanceof CoordinationError && error.code === "deadline" && /was not acquired/.test(error.message);
  if (isOfLine) {
    say(`${error.message}. Another has it; wait longer (--wait), or try again later`);
    return EXIT_NOT_ACQUIRED;
  }
  const status = tellFailure(error, options);
  return error instanceof CoordinationError && isUsersSlip(error)
    ? EXIT_USAGE
    : status === 1
      ? EXIT_UNAVAILABLE
      : status;
}
