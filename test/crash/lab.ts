// What all attacks of the crash lab share: choices from a printed seed, figures counted on the way, and one line of them at
// the end, whether the attack found something or broke off. An attack is an ordinary test:
//
//   attack("a member alone is killed", { timeout: 60_000 }, async (lab) => {
//     for (const { random } of lab.cycles(counts.killsAlone)) {
//       …
//       lab.count("writes acknowledged", 12);
//       lab.judge("after the kill", violations(ledger, view)); // ends the attack when there are any
//     }
//   });
import { randomInt } from "node:crypto";
import { appendFileSync } from "node:fs";
import { test } from "node:test";
import { type Random, seededRandom } from "../../src/base/random.ts";

const shownMax = 10;
const afterHangMs = 5000;

export interface Cycle {
  readonly number: number;
  /** This cycle's own chance, so that one cycle can be run again without those before it. */
  readonly random: Random;
}

/** What the runner reads of one attack; see scripts/crash.ts. */
export interface Figures {
  readonly attack: string;
  readonly cycles: number;
  readonly counted: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly seconds: number;
  readonly seed: number;
}

export class Lab {
  readonly seed: number;
  readonly #only: number | null;
  readonly #counted = new Map<string, number>();
  readonly #say: (line: string) => void;
  readonly #startedAt = performance.now();
  #cycle = 0;
  #cycles = 0;
  #violations = 0;

  constructor(say: (line: string) => void, environment: NodeJS.ProcessEnv = process.env) {
    const { CABILDO_CRASH_SEED: seed, CABILDO_CRASH_CYCLE: cycle } = environment;
    this.seed = seed === undefined ? randomInt(2 ** 31) : Number(seed);
    this.#only = cycle === undefined ? null : Number(cycle);
    this.#say = say;
  }

  *cycles(count: number): Generator<Cycle> {
    for (let number = this.#only ?? 1; number <= (this.#only ?? count); number++) {
      this.#cycle = number;
      yield { number, random: seededRandom(this.seed * 2 ** 20 + number) };
      this.#cycles++;
    }
    this.#cycle = 0;
  }

  /** Adds to one of the figures. */
  count(what: string, howMany = 1): void {
    this.#counted.set(what, (this.#counted.get(what) ?? 0) + howMany);
  }

  /** Keeps the largest of what was measured. */
  highest(what: string, value: number): void {
    this.#counted.set(what, Math.max(this.#counted.get(what) ?? 0, Math.round(value)));
  }

  /** What fails in there is told with the last words of the members, and with what was done to them. */
  async within<T>(what: string, ensemble: { lastWords(): string }, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof Told) throw error;
      const message = error instanceof Error ? error.message : String(error);
      const told = `${what}: ${message}\n${ensemble.lastWords()}`;
      console.error(told); // at once: what comes after it may go wrong as well
      throw new Told(told, { cause: error });
    }
  }

  /** Further lines of figures, under the attack's own. */
  say(line: string): void {
    this.#say(line);
  }

  /** Ends the attack when something was found that breaks a promise. */
  judge(where: string, violations: readonly string[]): void {
    if (violations.length === 0) return;
    this.#violations += violations.length;
    const more = violations.length > shownMax ? [`and ${violations.length - shownMax} more`] : [];
    throw new Error([`${where}:`, ...violations.slice(0, shownMax), ...more].join("\n  "));
  }

  /** What is known of the moment, for whoever wants to run it again. */
  get moment(): string {
    const cycle = this.#cycle > 0 ? `in cycle ${this.#cycle}, ` : "";
    return `${cycle}again with CABILDO_CRASH_SEED=${this.seed}${this.#cycle > 0 ? ` CABILDO_CRASH_CYCLE=${this.#cycle}` : ""}`;
  }

  figures(attack: string, hasFailed: boolean): Figures {
    return {
      attack,
      cycles: this.#cycles,
      counted: Object.fromEntries(this.#counted),
      violations: Math.max(this.#violations, hasFailed ? 1 : 0),
      seconds: Math.round((performance.now() - this.#startedAt) / 1000),
      seed: this.seed,
    };
  }
}

/** What failed, with the members' last words already in its message. */
class Told extends Error {}

/** A test that ends in one line of figures, also when it fails: an attack that broke off counts as a violation. */
export function attack(
  name: string,
  options: { readonly timeout: number; readonly skip?: string | false },
  body: (lab: Lab) => Promise<void>,
): void {
  const { skip = false, timeout } = options;
  test(name, { skip }, async (t) => {
    const lab = new Lab((line) => t.diagnostic(line));
    let hasFailed = true;
    try {
      await inTime(timeout, body(lab));
      hasFailed = false;
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`${name}, ${lab.moment}\n${what}`, { cause: error });
    } finally {
      const figures = lab.figures(name, hasFailed);
      t.diagnostic(lineOf(figures));
      const file = process.env["CABILDO_CRASH_FIGURES"];
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(figures)}\n`);
    }
  });
}

/** An attack that hangs has its line of figures too; what it hangs in is left behind, and its process ended. */
async function inTime(timeoutMs: number, body: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      setTimeout(() => process.exit(1), afterHangMs);
      reject(new Error(`not over within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  await Promise.race([body, late]).finally(() => clearTimeout(timer));
}

export function lineOf({ attack, cycles, counted, violations, seconds, seed }: Figures): string {
  const figures = Object.entries(counted).map(([what, count]) => `${count} ${what}`);
  return `${attack}: ${[`${cycles} cycles`, ...figures].join(", ")}; violations: ${violations} (${seconds} s, seed ${seed})`;
}
