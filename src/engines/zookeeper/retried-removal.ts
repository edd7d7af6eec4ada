// A removal that is retried until it is done or the session is over, through every refusal. Otherwise the node of a contender that
// gave up would keep everybody waiting for as long as its session lives.

import { CoordinationError } from "../../base/errors.ts";
import type { OnRefused } from "../../recipes/engine.ts";
import type { NodeContext } from "./nodes.ts";
import { isOver, isOverloaded, isPassing, RetryDelays } from "./retry.ts";

export class RetriedRemoval {
  readonly #context: Pick<NodeContext, "client" | "runtime" | "logger">;
  /** Begins the logger's lines. */
  readonly #what: () => string;
  readonly #attempt: () => Promise<void>;
  /** Made at the first refusal, which is rare. */
  #delays: RetryDelays | null = null;
  #listeners: Set<OnRefused> | null = null;
  #running: Promise<void> | null = null;

  /** `attempt` belongs to one session, and fails with it. It must be harmless after a success. */
  constructor(
    context: Pick<NodeContext, "client" | "runtime" | "logger">,
    what: () => string,
    attempt: () => Promise<void>,
  ) {
    this.#context = context;
    this.#what = what;
    this.#attempt = attempt;
  }

  /** The removal was asked for: what was begun before must not go on. */
  get hasBegun(): boolean {
    return this.#running !== null;
  }

  /** Begins it; another call while it is refused tries at once. Completes when it is done or the session is over. */
  run(onRefused?: OnRefused): Promise<void> {
    if (onRefused !== undefined) {
      this.#listeners ??= new Set();
      this.#listeners.add(onRefused);
    }
    if (this.#running === null) this.#running = this.#run();
    else this.#delays?.wake();
    return this.#running;
  }

  async #run(): Promise<void> {
    for (let isTold = false; ; ) {
      try {
        await this.#attempt();
        return;
      } catch (error) {
        if (!(error instanceof CoordinationError)) throw error; // a bug
        if (isOver(error)) return;
        if (isPassing(error) && error.code !== "rejected" && !isOverloaded(error)) continue; // the next try waits in the client for a connection
        const why = `is not removed yet, and is tried again until it is or the session is over: ${error.message}`;
        if (!isTold) this.#context.logger.warn(`${this.#what()} ${why}`);
        isTold = true;
        this.#delays ??= new RetryDelays(this.#context);
        for (const tell of this.#listeners ?? []) tell(error);
        await this.#delays.next();
      }
    }
  }
}
