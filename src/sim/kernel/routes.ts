// Routes between machines, each in one direction: open or cut. What travels on a cut route is lost silently.

/** Machines have whole numbers below 2²⁰. */
const SHIFT = 2 ** 20;

export class Routes {
  readonly #cut = new Set<number>();

  cut(from: number, to: number): void {
    this.#cut.add(routeOf(from, to));
  }

  /** The route in this one direction is there again. */
  restore(from: number, to: number): void {
    this.#cut.delete(routeOf(from, to));
  }

  restoreAll(): void {
    this.#cut.clear();
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(routeOf(from, to));
  }
}

/** A pair in its order, as one number. */
export function routeOf(from: number, to: number): number {
  return from * SHIFT + to;
}
