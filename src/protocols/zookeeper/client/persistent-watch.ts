// A persistent watch as a stream: everything that happens to a node, or to all below it, as long as somebody reads.

import { whenAborted } from "../../../base/abort.ts";
import { CoordinationError } from "../../../base/errors.ts";
import type { NodeEvent } from "./types.ts";
import type { StandingWatcher } from "./watches.ts";

/**
 * `missed`: events may be missing here, so what was derived from them must be read again. `disconnected`: servers do not report what
 * happened while the session was not attached. `overflow`: nobody read, and the buffer was full.
 */
export interface Missed {
  readonly type: "missed";
  readonly because: "disconnected" | "overflow";
}

export type WatchItem = NodeEvent | Missed;

/**
 * Read it with `for await`; leaving the loop ends the watch, as `close` and `await using` do. It holds a bounded number of
 * unread events. Two equal ones of a node with no other of that node between them are held as one, with the later's zxid;
 * when there are too many all the same, all are dropped for one `missed`. When the session is lost, reading fails with its
 * SessionLostError once everything before has been read.
 */
export class PersistentWatch implements StandingWatcher, AsyncIterableIterator<WatchItem>, AsyncDisposable {
  readonly path: string;
  /** Whether it is told of everything below as well, but not of lists of children. */
  readonly isRecursive: boolean;
  isArmed = false;
  readonly #bufferMax: number;
  readonly #release: () => Promise<void>;
  #items: WatchItem[] = [];
  /** The unread event that came last, by path. */
  readonly #last = new Map<string, { type: NodeEvent["type"]; at: number }>();
  #taken = 0;
  #readers: { resolve: (result: IteratorResult<WatchItem>) => void; reject: (error: Error) => void }[] = [];
  #failure: Error | null = null;
  #isOver = false;
  #closing: Promise<void> | null = null;
  #unlink: () => void = () => {};

  /** Made by `ZooKeeperClient.addWatch`. */
  constructor(path: string, isRecursive: boolean, bufferMax: number, release: () => Promise<void>) {
    this.path = path;
    this.isRecursive = isRecursive;
    this.#bufferMax = bufferMax;
    this.#release = release;
  }

  /** Ends with a signal as well. */
  linkTo(signal: AbortSignal): void {
    const onAbort = () => {
      this.#fail(
        new CoordinationError("aborted", "not-applied", `watch ${this.path} was aborted`, { cause: signal.reason }),
      );
      void this.close();
    };
    this.#unlink = whenAborted(signal, onAbort);
    if (signal.aborted) onAbort();
  }

  onEvent(event: NodeEvent): void {
    if (!this.isArmed || this.#isOver) return;
    const last = this.#last.get(event.path);
    if (last?.type === event.type) {
      this.#items[last.at - this.#taken] = event;
      return;
    }
    if (this.#push(event)) this.#last.set(event.path, { type: event.type, at: this.#taken + this.#items.length - 1 });
  }

  onReconnected(): void {
    if (this.isArmed) this.#push({ type: "missed", because: "disconnected" });
  }

  onSessionEnded(reason: Error): void {
    this.#fail(reason);
    void this.close();
  }

  /** Returns whether the item was kept because nobody was reading. */
  #push(item: WatchItem): boolean {
    if (this.#isOver) return false;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: item });
      return false;
    }
    if (this.#items.length >= this.#bufferMax) {
      this.#taken += this.#items.length;
      this.#items = [{ type: "missed", because: "overflow" }];
      this.#last.clear();
      return false;
    }
    this.#items.push(item);
    if (item.type === "missed") this.#last.clear();
    return true;
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#failure = error;
    else reader.reject(error);
    this.#endReaders();
  }

  #endReaders(): void {
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  /** The next event; fails once if anything but its reader ended the watch. */
  next(): Promise<IteratorResult<WatchItem>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      if (item.type !== "missed" && this.#last.get(item.path)?.at === this.#taken) this.#last.delete(item.path);
      this.#taken += 1;
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#failure !== null) {
      const failure = this.#failure;
      this.#failure = null;
      return Promise.reject(failure);
    }
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Leaving a `for await` loop: the watch ends here at once, and on the server soon. */
  return(): Promise<IteratorResult<WatchItem>> {
    void this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /**
   * Ends the watch. Completes when the server has removed it, or cannot be asked. Unread events can still be read. Never fails.
   */
  close(): Promise<void> {
    this.#isOver = true;
    this.#endReaders();
    this.#unlink();
    this.#closing ??= this.#release();
    return this.#closing;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
