// A member's log: one line an event, to stderr, for people (`CABILDO_LOG_FORMAT=text`) or for programs (`json`).

import type { Logger } from "../base/logger.ts";

const LEVELS = ["info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

export interface LoggerOptions {
  readonly level?: string | undefined;
  readonly format?: string | undefined;
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
  /** Whether errors stand out in red; on a terminal, unless told. */
  readonly isColoured?: boolean;
}

const isTerminal = process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined;

/** An unknown level or format counts as the default: a log must not be lost to a slip. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { write = (line) => void process.stderr.write(line), now = () => new Date() } = options;
  const least = Math.max(0, LEVELS.indexOf((options.level ?? "info").toLowerCase() as Level));
  const { isColoured = isTerminal } = options;
  const line = options.format === "json" ? jsonLine : isColoured ? colouredLine : textLine;
  const at = (level: Level) => (message: string) => {
    if (LEVELS.indexOf(level) >= least) write(line(now(), level, message));
  };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

function jsonLine(time: Date, level: Level, message: string): string {
  return `${JSON.stringify({ time: time.toISOString(), level, message })}\n`;
}

function colouredLine(time: Date, level: Level, message: string): string {
  const line = textLine(time, level, message);
  return level === "error" ? `\u001b[31m${line.trimEnd()}\u001b[0m\n` : line;
}

/** Line ends and other control characters in a message, which may come from outside, cannot forge lines. */
function textLine(time: Date, level: Level, message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
  const safe = message.replace(/[\u0000-\u001f\u007f]/g, (control) => (control === "\n" ? " | " : "?"));
  return `${time.toISOString()} ${level.padEnd(5)} ${safe}\n`;
}
