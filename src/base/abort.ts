// Many waiters on one AbortSignal with a single listener. Node warns of a leak at the eleventh listener, although there is
// none.

interface Waiter {
  readonly onAbort: () => void;
}

const listeners = new WeakMap<AbortSignal, SignalListener>();

/** Calls once, when the signal aborts, which it has not yet; returns how to stop that. The last to stop lets the signal go. */
export function whenAborted(signal: AbortSignal, onAbort: () => void): () => void {
  const listener = listeners.get(signal) ?? new SignalListener(signal);
  const waiter: Waiter = { onAbort };
  listener.waiters.add(waiter);
  return () => listener.remove(waiter);
}

class SignalListener {
  readonly waiters = new Set<Waiter>();
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => {
    // One that is told may call off another.
    for (const waiter of [...this.waiters]) if (this.remove(waiter)) waiter.onAbort();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    listeners.set(signal, this);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** False: it was not there any more. */
  remove(waiter: Waiter): boolean {
    if (!this.waiters.delete(waiter)) return false;
    if (this.waiters.size === 0) {
      this.#signal.removeEventListener("abort", this.#onAbort);
      listeners.delete(this.#signal);
    }
    return true;
  }
}
