// `cabildo elect`: runs a command while this process is the leader.

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LockLostError, type Waiting } from "../recipes/index.ts";
import { openRecipes, say } from "./servers.ts";
import { gracesOf, type HeldCommandOptions, labelOf, runWhileHeld, Signals, statusOfFailure } from "./while-held.ts";

export interface ElectOptions extends HeldCommandOptions {
  readonly id?: string;
  readonly value?: string;
  readonly priority?: number;
  readonly forever?: boolean;
}

/** Before it stands again after a command that ended by itself: one that ends at once must not keep the servers busy. */
const PAUSE_MS = 1000;

/** Gives the exit status. */
export async function runElect(name: string, argv: readonly string[], options: ElectOptions): Promise<number> {
  using signals = new Signals();
  const { id = `${hostname()}:${process.pid}`, value, priority, onUnsure, forever = false } = options;
  const onWaiting = process.stderr.isTTY === true ? (waiting: Waiting) => say(waitingText(name, waiting)) : undefined;
  try {
    await using c = await openRecipes(options, signals.stop, labelOf(argv));
    const terms = c.election(name).campaign({ id, value, priority, onUnsure, signal: signals.stop, onWaiting });
    for await (const term of terms) {
      const environment = { CABILDO_ELECTION_NAME: name, CABILDO_ELECTION_TOKEN: String(term.token) };
      let status: number;
      try {
        status = await runWhileHeld(term, { argv, environment, ...gracesOf(options) }, signals);
      } catch (error) {
        if (!forever || !(error instanceof LockLostError)) throw error;
        continue; // before its command was begun
      }
      if (!forever) return status;
      if (signals.status !== null) return status; // the command was asked to end, and so were we
      if (term.state === "lost") continue;
      await term.release();
      say(`the command ended with ${status}. It stands for election ${JSON.stringify(name)} again`);
      await sleep(PAUSE_MS, undefined, { signal: signals.stop }).catch(() => {});
    }
    return signals.status ?? 0;
  } catch (error) {
    return statusOfFailure(error, options, signals);
  }
}

function waitingText(name: string, { ahead, holder }: Waiting): string {
  const who = holder === null ? "" : `: ${holder} leads`;
  return `waiting to lead election ${JSON.stringify(name)}, ${ahead} ahead${who}`;
}
