// Protection against guessing passwords. Wrong passwords are counted by address and user. A few are free, because people
// mistype. Then one more may be tried in each interval, over all connections of the address; until then passwords are not
// checked at all. (A late answer would still tell a right guess from a wrong one.) Right passwords cost nothing, and other
// users and addresses never wait. The algorithm is the generic cell rate algorithm (ITU-T I.371): one number for each address
// and user.

import { parseAddress } from "../../state/tree/ip.ts";
import { GUESS_INTERVAL_MS, GUESSERS_MAX, GUESSES_FREE } from "./limits.ts";

/** What the guessers share that no more are kept for. */
const OTHERS = "others";
/** Bytes of an IPv6 address that name a network: one customer has all that is below. */
const NETWORK_BYTES = 8;

/** Who tries: the address, and the user whose password is tried (empty: none that there is). */
export interface Attempt {
  readonly address: string;
  readonly user: string;
}

interface Guesser {
  /** When everything that was tried will be forgotten; each wrong password moves it by an interval. */
  forgottenAt: number;
  wrong: number;
}

export class Guesses {
  readonly #guessers = new Map<string, Guesser>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  /** Guessers that are remembered. */
  get size(): number {
    return this.#guessers.size;
  }

  /** Milliseconds until the next password may be looked at; 0: it may be now. */
  waitMs(attempt: Attempt, now: number): number {
    const guesser = this.#guessers.get(this.#keyOf(attempt, now));
    if (guesser === undefined) return 0;
    return Math.max(0, guesser.forgottenAt - (GUESSES_FREE - 1) * GUESS_INTERVAL_MS - now);
  }

  /** A password was wrong. Says how many were since the guesser was last forgotten. */
  noteWrong(attempt: Attempt, now: number): number {
    const key = this.#keyOf(attempt, now);
    let guesser = this.#guessers.get(key);
    if (guesser === undefined || guesser.forgottenAt <= now) {
      guesser = { forgottenAt: now, wrong: 0 };
      this.#guessers.set(key, guesser);
    }
    guesser.forgottenAt += GUESS_INTERVAL_MS;
    guesser.wrong += 1;
    return guesser.wrong;
  }

  #keyOf({ address, user }: Attempt, now: number): string {
    const key = `${networkOf(address)} ${user}`;
    if (this.#guessers.has(key) || this.#guessers.size < GUESSERS_MAX) return key;
    this.#sweep(now);
    return this.#guessers.size < GUESSERS_MAX ? key : OTHERS;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < GUESS_INTERVAL_MS) return;
    this.#sweptAt = now;
    for (const [key, { forgottenAt }] of this.#guessers) {
      if (forgottenAt <= now) this.#guessers.delete(key);
    }
  }
}

function networkOf(address: string): string {
  const bytes = parseAddress(address);
  if (bytes === null || bytes.length <= NETWORK_BYTES) return address;
  return bytes.slice(0, NETWORK_BYTES).join(".");
}
