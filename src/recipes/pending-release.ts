// A release that the servers have not confirmed yet. It is retried after refusals. Callers that wait for it hear within a time
// limit that it is not done.

import { CoordinationError } from "../base/errors.ts";
import type { Contender, Engine, EngineSession, OnRefused } from "./engine.ts";

interface PendingReleaseOptions {
  /** As errors say it: `lock "billing" is not released yet`. */
  readonly notYet: string;
  /** The session that it depends on: the release is over with it. */
  readonly session: EngineSession;
  /** The engine's release: retries until it is done, and tries at once when it is called again. */
  release(onRefused: OnRefused): Promise<void>;
}

export class PendingRelease {
  readonly #engine: Engine;
  readonly #options: PendingReleaseOptions;
  readonly #waiting = new Set<OnRefused>();
  #isDone = false;
  #wasWaitedFor = false;
  #running: Promise<void>;

  /** Begins at once. `trace` wraps the whole release. */
  constructor(
    engine: Engine,
    options: PendingReleaseOptions,
    trace: (work: () => Promise<void>) => Promise<void> = (work) => work(),
  ) {
    this.#engine = engine;
    this.#options = options;
    this.#running = trace(() => this.#run());
    this.#running.catch(() => {}); // those who wait for it are told
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
   * Completes when it is done. Fails at once when the servers refuse it for a reason that may last, and otherwise when they have
   * refused it for the session's timeout. It is retried all the same; another call retries at once.
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

/** Releases a contender that nobody waits for any more. */
export function releaseInBackground(
  engine: Engine,
  { what }: { readonly what: string },
  session: EngineSession,
  contender: Contender,
): PendingRelease {
  const notYet = `what was begun for ${what} is not released yet`;
  return new PendingRelease(engine, { notYet, session, release: (onRefused) => contender.release(onRefused) });
}
