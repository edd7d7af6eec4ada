// `cabildo server`: runs one member in the foreground until it ends.

import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Assembled } from "../server/configuration/assemble.ts";
import { ConfigurationError } from "../server/configuration/configuration.ts";
import { loadConfiguration } from "../server/configuration/load.ts";
import type { RunningMember } from "../server/member.ts";
import { createLogger } from "./logger.ts";

/** What systems grant between asking a service to end and ending it is 10 s and more; half of that is promised. */
const DRAIN_MS = 4500;

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;
type Signal = keyof typeof SIGNAL_NUMBERS;

export interface ServerFlag {
  readonly flag: string;
  readonly key: string;
  readonly value: string;
}

export async function runServer(file: string | null, flags: readonly ServerFlag[]): Promise<void> {
  const { env } = process;
  const log = createLogger({ level: env["CABILDO_LOG_LEVEL"], format: env["CABILDO_LOG_FORMAT"] });
  const { configuration, warnings } = load(file, flags);
  for (const warning of warnings) log.warn(warning);
  const stopped = stopSignal(log);
  process.on("uncaughtException", (error) => fail(log, error));
  let running: RunningMember;
  try {
    // Loaded only now, so that a slip in the settings is told at once.
    const { runMember } = await import("../server/member.ts");
    running = await runMember(configuration, log);
  } catch (error) {
    return fail(log, error);
  }
  void running.ended.then((error) => {
    if (error !== null) fail(log, error);
  });
  const reason = await stopped;
  log.info(`${reason}: stopping`);
  await drained(running, log);
  process.exit(0);
}

function load(file: string | null, flags: readonly ServerFlag[]): Assembled {
  try {
    return loadConfiguration({ file, environment: process.env, flags });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const problem of error.problems) process.stderr.write(`cabildo: ${problem}\n`);
    process.exit(2);
  }
}

/** Resolves at the first signal, or when the process that started this one by `fork` is gone; a second signal ends all. */
function stopSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: Signal): void => {
      if (asked) {
        log.warn(`${signal} again: stopping at once`);
        process.exit(128 + SIGNAL_NUMBERS[signal]);
      }
      asked = true;
      resolve(signal);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    process.on("disconnect", () => resolve("the process that started this one is gone"));
  });
}

async function drained(running: RunningMember, log: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), DRAIN_MS);
  });
  const stop = running.stop({ transferLeadership: true }).catch((error: unknown) => {
    log.warn(`this member did not stop cleanly: ${messageOf(error)}`);
  });
  if ((await Promise.race([stop, deadline])) === "late")
    log.warn("some requests were still unanswered when the time to stop was over");
  clearTimeout(timer);
}

/** One clear line. What is no trouble of the world but a bug of ours is shown with where it happened, to be reported. */
function fail(log: Logger, error: unknown): never {
  log.error(messageOf(error));
  const isOfTheWorld = error instanceof CoordinationError || (error instanceof Error && "code" in error);
  if (!isOfTheWorld && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const where = `${address ?? "?"}:${port ?? "?"}`;
  if (code === "EADDRINUSE") return `${where} is in use: end the other program, or choose another port`;
  if (code === "EACCES" && port !== undefined) return `${where} may not be listened on: choose a port above 1023`;
  if (code === "EADDRNOTAVAIL") return `${where} is no address of this machine: mend clientPortAddress or server.N`;
  return error.message;
}
