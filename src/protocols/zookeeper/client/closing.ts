// The end of a session by its own client: the server is told, and its answer waited for up to a time limit.

import { Call } from "./call.ts";
import type { Connection } from "./connection.ts";
import type { ClientPorts } from "./ports.ts";
import { nothing } from "./request.ts";
import { closeSession } from "./session-requests.ts";

/** Invariant: `onFinish` is called once. */
export class Closing {
  /** Completes when `onFinish` calls the function that it was given. Never fails. */
  readonly done: Promise<void>;
  readonly #onFinish: (complete: () => void) => void;
  #complete: () => void = nothing;
  #stopTimer: () => void = nothing;
  #phase: "begun" | "waiting" | "finished" = "begun";

  constructor(onFinish: (complete: () => void) => void) {
    this.#onFinish = onFinish;
    this.done = new Promise((resolve) => {
      this.#complete = resolve;
    });
  }

  /** The server was told, and has not answered yet. */
  get isWaiting(): boolean {
    return this.#phase === "waiting";
  }

  /** Sends the requests that were made before, and then the end of the session. */
  tell(connection: Connection, unsent: Iterable<Call>, clock: ClientPorts["clock"], timeoutMs: number): void {
    this.#phase = "waiting";
    const finish = () => this.finish();
    this.#stopTimer = clock.after(timeoutMs, finish);
    const settle = { resolve: finish, reject: finish, onAborted: nothing };
    connection.send([...unsent, new Call(closeSession(), Number.POSITIVE_INFINITY, undefined, settle)]);
  }

  finish(): void {
    if (this.#phase === "finished") return;
    this.#phase = "finished";
    this.#stopTimer();
    this.#onFinish(this.#complete);
  }
}
