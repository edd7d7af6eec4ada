// A queue inside the process. Callers that want the same thing wait here, and only the first one waits on the servers, with one
// node and one watch.

import type { WaitScope } from "./wait-scope.ts";

/** Gives the place up. A second call does nothing. */
type Leave = () => void;

class LocalQueue {
  #isTaken = false;
  readonly #waiting = new Set<() => void>();
  readonly #onIdle: () => void;

  /** `onIdle` is called when the queue is empty. */
  constructor(onIdle: () => void = () => {}) {
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return !this.#isTaken && this.#waiting.size === 0;
  }

  tryEnter(): Leave | null {
    if (this.#isTaken) return null;
    return this.#take();
  }

  async enter(scope: WaitScope): Promise<Leave> {
    const entered = this.tryEnter();
    if (entered !== null) {
      try {
        await scope.until(Promise.resolve());
      } catch (error) {
        entered();
        throw error;
      }
      return entered;
    }
    let call: () => void = () => {};
    const turn = new Promise<void>((resolve) => {
      call = resolve;
    });
    this.#waiting.add(call);
    try {
      await scope.until(turn);
      return this.#take();
    } catch (error) {
      // The turn may have come just as the wait ended: then it goes to the next one.
      if (!this.#waiting.delete(call)) this.#pass();
      throw error;
    }
  }

  #take(): Leave {
    this.#isTaken = true;
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      this.#pass();
    };
  }

  /** The place passes to the next one, if there is one. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#isTaken = false;
      this.#onIdle();
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** The queues of one connection, by name. Each exists as long as somebody is in it. */
export class LocalQueues {
  readonly #queues = new Map<string, LocalQueue>();

  of(name: string): LocalQueue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new LocalQueue(() => {
      if (queue.isIdle && this.#queues.get(name) === queue) this.#queues.delete(name);
    });
    this.#queues.set(name, queue);
    return queue;
  }
}
