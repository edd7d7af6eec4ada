// The queue of future events, for this simulator and for the Raft tests.

interface Event {
  readonly at: number;
  readonly order: number;
  task: (() => void) | null;
}

/** Invariants: time never goes back; events of one instant run in the order in which they were added. */
export class EventQueue {
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];
  #now = 0;
  #order = 0;
  eventsRun = 0;

  get now(): number {
    return this.#now;
  }

  /** Runs `task` after `delay`. Returns a function that cancels it. */
  after(delay: number, task: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, delay), order: this.#order++, task };
    this.#push(event);
    return () => {
      event.task = null;
    };
  }

  /** Runs the next event if it is due by `end`; false if none is. */
  runNext(end: number): boolean {
    const event = this.#heap[0];
    if (event === undefined || event.at > end) return false;
    this.#pop();
    this.#now = event.at;
    event.task?.();
    this.eventsRun++;
    return true;
  }

  /** Moves the time on without an event. */
  advanceTo(end: number): void {
    this.#now = Math.max(this.#now, end);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
