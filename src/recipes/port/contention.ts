// What only one program, or a few, may have at a time: mutexes, shared mutexes and semaphores. Each is a queue of contenders.

import type { EngineSession, OnRefused, PlaceOptions } from "./engine.ts";

/**
 * A contender: one request for something that others want too. It is made at once and without a request to the servers; `poll` enters
 * the queue. It ends with its session.
 */
export interface Contender {
  /**
   * Enters the queue if that has not been done, and returns the contender's state. Goes on through lost connections as long as the
   * session lives. Fails with a CoordinationError: "session-expired" or "closed" with the session, "rejected" when the servers refuse.
   */
  poll(): Promise<ContenderState>;
  /**
   * After a grant: calls `onGone` once if somebody takes away what was granted while the session lives. `deleted`: it was removed on
   * the servers. `revoked`: the engine took it back. Returns a function that stops that.
   */
  guard(onGone: (cause: "deleted" | "revoked") => void): () => void;
  /** What the first of those that it waits for has written about itself; null: there is none by now. */
  holder?(): Promise<Uint8Array | null>;
  /**
   * Undoes whatever `poll` did or may yet do. It may be called at any time, and again. Completes when nothing is left on the servers, or
   * the session is over. While the servers refuse, it tries again, at once if it is called again, and tells `onRefused`. Never fails.
   */
  release(onRefused?: OnRefused): Promise<void>;
}

/** The state of a contender when it was polled. */
export type ContenderState = ContenderGranted | ContenderWaiting | ContenderGone;

/** It holds what it wanted, until it is released or its session ends. */
export interface ContenderGranted {
  readonly kind: "granted";
  /** The fencing token: larger than that of every earlier grant of the same thing, and never given again. */
  readonly token: bigint;
}

export interface ContenderWaiting {
  readonly kind: "waiting";
  /**
   * How much has to happen before it is granted, at least 0: the contenders before it that it waits for. For the first contender of a
   * semaphore: the permits that are missing. For a double barrier: the participants that are missing. For the first consumer of a
   * queue: 0, because it waits for an item. It is for messages to people, and may be out of date at once.
   */
  readonly ahead: number;
  /** Resolves when polling again is worthwhile; also too early, but never too late. Never rejects. */
  readonly changed: Promise<void>;
}

/** Somebody removed it from the queue. It is over; a new contender may enter. */
export interface ContenderGone {
  readonly kind: "gone";
}

/** One in a queue, as everybody may see it. */
export interface ContenderView {
  /** Of its grant, or of the grant that it would get. */
  readonly token: bigint;
  /** What it has written about itself. */
  readonly data: Uint8Array;
  /** The session that its place ends with. */
  readonly session: string;
  /** When it entered the queue, in milliseconds since 1970 by the servers' clock. */
  readonly enteredAt: number;
  readonly isReader: boolean;
}

/** In the order of the queue. */
export interface QueueView {
  readonly holders: readonly ContenderView[];
  readonly waiting: readonly ContenderView[];
}

/** One holder at a time, first come, first served. */
export interface HasMutexes {
  /** Throws a CoordinationError ("rejected") for a name that cannot be (see `names.ts`). */
  mutex(name: string, options?: PlaceOptions): Mutex;
}

export interface Mutex {
  /** `data`: what others see of the contender in the queue. */
  contend(session: EngineSession, data: Uint8Array): Contender;
  /** Who holds it, and who waits. `signal`: as of `ReadOptions`. */
  queue(signal?: AbortSignal): Promise<QueueView>;
}

/** Many readers or one writer, first come, first served. */
export interface HasSharedMutexes {
  sharedMutex(name: string, options?: PlaceOptions): SharedMutex;
}

export interface SharedMutex {
  contend(session: EngineSession, mode: "read" | "write", data: Uint8Array): Contender;
  /** Who holds it, and who waits. `signal`: as of `ReadOptions`. */
  queue(signal?: AbortSignal): Promise<QueueView>;
  /**
   * A reader in the place of the writer that holds it: granted at once, before all who wait, with the writer's token. `poll`
   * fails ("rejected") when the writer is not there any more as the reader enters.
   */
  contendBehind(writer: Contender, session: EngineSession, data: Uint8Array): Contender;
}

/** A limited number of permits. */
export interface HasSemaphores {
  /** All who use it must agree on how many permits there are. */
  semaphore(name: string, permits: number, options?: PlaceOptions): Permits;
}

export interface Permits {
  /** Wants `count` permits, all at once: nobody holds some while waiting for more. */
  contend(session: EngineSession, count: number, data: Uint8Array): Contender;
  /** Who holds permits, and who waits. */
  queue(): Promise<PermitQueueView>;
}

/** A session that has permits of a semaphore, or one place in its queue. */
export interface PermitView extends ContenderView {
  /** How many it holds, or has been promised while it waits for more to come free; null: only it knows how many it wants. */
  readonly permits: number | null;
}

/** Holders by age; those who wait in the order of the queue. */
export interface PermitQueueView {
  readonly holders: readonly PermitView[];
  readonly waiting: readonly PermitView[];
}
