// How a handle shows itself, in text and in `console.log`.

import type { Handle } from "./handle.ts";

/** What `util.inspect` asks for. */
export const INSPECT = Symbol.for("nodejs.util.inspect.custom");

export function shownHandle(what: string, handle: Pick<Handle, "token" | "state" | "expiresIn">): string {
  const { token, state } = handle;
  const isAlive = state === "held" || state === "unsure";
  const left = isAlive ? `, for ${(handle.expiresIn() / 1000).toFixed(1)} s at least` : "";
  return `${what} (token ${token}): ${state}${left}`;
}
