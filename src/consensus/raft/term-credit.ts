// A limit on how far other members' terms may raise this member's own. A term only grows, and a member takes over any later
// term: so one forged message with the largest number would leave no term for a later election. Real terms grow by one an
// election, a few a second at most; only a member that was away for long is far behind. So there is a credit: large at
// first, and then growing as fast as elections could ever follow each other.

/** What a member may have missed: 4 billion elections, more than a century of one a second. */
export const TERM_CREDIT_MAX = 2 ** 32;
/** Some hundreds of terms a second at usual ticks: 2⁵³ stays out of reach for longer than any disk lasts. */
const TERM_CREDIT_PER_TICK = 8;

export class TermCredit {
  #credit = TERM_CREDIT_MAX;

  onTick(): void {
    this.#credit = Math.min(TERM_CREDIT_MAX, this.#credit + TERM_CREDIT_PER_TICK);
  }

  /** Whether a term this much later may be taken over; if so it is paid for. */
  spend(terms: number): boolean {
    if (terms > this.#credit) return false;
    if (terms > 0) this.#credit -= terms;
    return true;
  }
}
