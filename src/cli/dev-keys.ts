// The keys of `cabildo dev` on a terminal: a digit is a member, Ctrl-C and q are the end.

import { readFileSync } from "node:fs";

/** Of a terminal's input: `process.stdin`. */
export interface KeySource {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface KeyActions {
  onMember(id: number): void;
  onEnd(): void;
}

/**
 * Whether this process may change its terminal: one in the background (`cabildo dev &`) would be stopped for it. Where the system does
 * not tell, it may.
 */
export function isInForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // Behind the command's name, which may hold anything: state, parent, process group, session, terminal, its foreground group.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    return true;
  }
}

/** Raw mode gives no signals: these are what a terminal would have made of SIGINT, SIGQUIT and the end of input. */
const ENDS: ReadonlySet<string> = new Set(["\u0003", "\u001c", "\u0004", "q"]);

/** Null: there is no terminal to read from. Otherwise a function that gives the terminal back. */
export function listenForKeys(source: KeySource, actions: KeyActions): (() => void) | null {
  if (source.isTTY !== true || source.setRawMode === undefined) return null;
  const onData = (chunk: Buffer): void => {
    for (const key of chunk.toString("latin1")) {
      if (ENDS.has(key)) actions.onEnd();
      else if (/[1-9]/.test(key)) actions.onMember(Number(key));
    }
  };
  source.setRawMode(true);
  source.on("data", onData);
  source.resume();
  return () => {
    source.off("data", onData);
    source.setRawMode?.(false);
    source.pause();
  };
}
