// What was given up, until the servers have let go of it. What they refuse is tried again, and whoever waits is told in time that
// it is not done yet.

import { CoordinationError } from "../base/errors.ts";
import type { Contender, Engine, EngineSession, OnRefused } from "./engine.ts";

interface PendingReleaseOptions {
  /** As errors say it: `lock "billing" is not released yet`. */
  readonly notYet: string;
  /** The session that it stands on, and is over with. */
  readonly session: EngineSession;
  /** An engine's: tried until it is done, and at once when it is called again. */
  release(onRefused: OnRefused): Promise<void>;
}

export class PendingRelease {
  readonly #engine: Engine;
  readonly #options: PendingReleaseOptions;
  readonly #waiting = new Set<OnRefused>();
  #isDone = false;
  #wasWaitedFor = false;
  #running: Promise<void>;

  /** Begins at once. `trace` sees it to its end. */
  constructor(
    engine: Engine,
    options: PendingReleaseOptions,
    trace: (work: () => Promise<void>) => Promise<void> = (work) => work(),
  ) {
    this.#engine = engine;
    this.#options = options;
    this.#running = trace(() => this.#run());
    this.#running.catch(() => {}); // whoever waits for it is told
  }

  /** Nothing is left of it, or the session is over. */
  get isDone(): boolean {
    return this.#isDone;
  }

  readonly #onRefused = (refusal: Error): void => {
    for (const tell of [...this.#waiting]) tell(refusal);
  };

  async #run(): Promise<void> {
    await this.#options.release(this.#onRefused);
    this.#isDone = true;
  }

  /**
   * Completes when it is done. Fails while the servers refuse it: at once where that may last, and otherwise when they have
   * for the session's timeout. It is tried again all the same; called again, at once.
   */
  async wait(): Promise<void> {
    if (this.#isDone) return;
    if (this.#wasWaitedFor) {
      this.#running = this.#run();
      this.#running.catch(() => {});
    }
    this.#wasWaitedFor = true;
    let stopTimer: (() => void) | null = null;
    let onRefused: OnRefused = () => {};
    const doneOrRefused = new Promise<void>((resolve, reject) => {
      onRefused = (refusal) => {
        if (this.#engine.mayPass?.(refusal) !== true) return reject(this.#notYet(refusal));
        const { timeoutMs } = this.#options.session;
        stopTimer ??= this.#engine.runtime.after(timeoutMs, () => reject(this.#notYet(refusal)));
      };
      this.#running.then(resolve, reject);
    });
    this.#waiting.add(onRefused);
    try {
      await doneOrRefused;
    } finally {
      this.#waiting.delete(onRefused);
      (stopTimer as (() => void) | null)?.();
    }
  }

  /** Completes when it is done, or refused for the first time. Never fails. */
  async doneOrRefused(): Promise<void> {
    let onRefused: OnRefused = () => {};
    const refused = new Promise<void>((resolve) => {
      onRefused = () => resolve();
    });
    this.#waiting.add(onRefused);
    await Promise.race([this.#running.catch(() => {}), refused]);
    this.#waiting.delete(onRefused);
  }

  #notYet(refusal: Error): CoordinationError {
    const why = `the servers refuse, and are asked again until it is or the session is over: ${refusal.message}`;
    const code = refusal instanceof CoordinationError ? refusal.code : "rejected";
    return new CoordinationError(code, "unknown", `${this.#options.notYet}: ${why}`, { cause: refusal });
  }
}

/** Goes on without whoever gave up waiting. */
export function releaseInBackground(
  engine: Engine,
  { what }: { readonly what: string },
  session: EngineSession,
  contender: Contender,
): PendingRelease {
  const notYet = `what was begun for ${what} is not taken back yet`;
  return new PendingRelease(engine, { notYet, session, release: (onRefused) => contender.release(onRefused) });
}
