// How a handle shows itself, in text and in `console.log`.

/** What `util.inspect` asks for. */
export const INSPECT = Symbol.for("nodejs.util.inspect.custom");

interface ShownHandle {
  readonly token: bigint;
  readonly state: string;
  expiresIn(): number;
}

export function shownHandle(what: string, handle: ShownHandle): string {
  const { token, state } = handle;
  const isAlive = state === "held" || state === "unsure";
  const left = isAlive ? `, for ${(handle.expiresIn() / 1000).toFixed(1)} s at least` : "";
  return `${what} (token ${token}): ${state}${left}`;
}
