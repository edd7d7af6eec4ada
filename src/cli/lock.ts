// `cabildo lock`: runs a command while it holds a lock.

import { CoordinationError } from "../base/errors.ts";
import type { ZooKeeperEngine } from "../engines/zookeeper/index.ts";
import type { Coordination, Handle, Waiting } from "../recipes/index.ts";
import { EXIT_NOT_ACQUIRED } from "./exit.ts";
import { openRecipes, say } from "./servers.ts";
import { gracesOf, type HeldCommandOptions, labelOf, runWhileHeld, Signals, statusOfFailure } from "./while-held.ts";

export interface LockOptions extends HeldCommandOptions {
  /** Milliseconds; 0: not at all. For ever unless given. */
  readonly wait?: number;
}

/** Gives the exit status. */
export async function runLock(name: string, argv: readonly string[], options: LockOptions): Promise<number> {
  using signals = new Signals();
  try {
    await using c = await openRecipes(options, signals.stop, labelOf(argv));
    const held = await acquire(c, name, options, signals.stop);
    if (held === null) {
      const [holder] = await c.lock(name).contenders();
      const why =
        holder === undefined || holder.who === "" ? "another has it, or waits for it" : `${holder.who} holds it`;
      say(`lock ${JSON.stringify(name)} was not acquired: ${why}. Wait (--wait), or try again later`);
      return EXIT_NOT_ACQUIRED;
    }
    const environment = { CABILDO_LOCK_NAME: name, CABILDO_LOCK_TOKEN: String(held.token) };
    // Closing ends the session, and the lock with it: the next in line goes on at once.
    return await runWhileHeld(held, { argv, environment, ...gracesOf(options) }, signals);
  } catch (error) {
    return statusOfFailure(error, options, signals);
  }
}

/** A place in line that went with its session is taken again, at the end. Null: without waiting, it is not to be had. */
async function acquire(
  c: Coordination<ZooKeeperEngine>,
  name: string,
  { wait, onUnsure }: LockOptions,
  signal: AbortSignal,
): Promise<Handle | null> {
  const lock = c.lock(name);
  if (wait === 0) return lock.tryAcquire({ signal, onUnsure });
  const onWaiting = process.stderr.isTTY === true ? (waiting: Waiting) => say(waitingText(name, waiting)) : undefined;
  const deadline = wait === undefined ? Number.POSITIVE_INFINITY : performance.now() + wait;
  for (;;) {
    try {
      const timeoutMs = Math.max(0, deadline - performance.now());
      return await lock.acquire({ signal, onUnsure, timeoutMs, onWaiting });
    } catch (error) {
      if (!(error instanceof CoordinationError && error.code === "session-expired")) throw error;
      say(`${error.message}. It stands in line again, at the end`);
    }
  }
}

function waitingText(name: string, { ahead, holder }: Waiting): string {
  const who = holder === null ? "" : `: ${holder} holds it`;
  return `waiting for lock ${JSON.stringify(name)}, ${ahead} ahead${who}`;
}
