// Those of one process who want the same thing wait for each other here: one of them at a time stands in line on the
// servers, with one node and one watch.

import type { WaitScope } from "./wait-scope.ts";

/** Gives the place up; twice is once. */
type Leave = () => void;

class LocalQueue {
  #isTaken = false;
  readonly #waiting = new Set<() => void>();
  readonly #onIdle: () => void;

  /** `onIdle` is called when nobody is in it any more. */
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
      // The turn may have come in the instant in which the wait ended: then it is the next one's.
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

  /** It stays taken while there is somebody to take it next. */
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

/** The queues of one connection, by what is wanted: there as long as somebody is in them. */
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
