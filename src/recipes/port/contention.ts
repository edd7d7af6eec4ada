// What only one program, or a few, may have at a time: mutexes, shared mutexes and semaphores. Each is a queue of contenders.

import type { EngineSession, OnRefused, PlaceOptions } from "./engine.ts";

/** One who wants something that others want too. Made at once, without a request; `poll` enters the queue. It ends with its session. */
export interface Contender {
  /**
   * Enters the queue if that has not been done, and returns the contender's state. Goes on through lost connections as long
   * as the session lives. Fails with the session, or when the servers refuse.
   */
  poll(): Promise<ContenderState>;
  /**
   * Watches what was granted: calls `onGone` once if somebody takes it away while the session lives. Returns a function that
   * stops that.
   */
  guard(onGone: (cause: "deleted" | "revoked") => void): () => void;
  /**
   * Undoes whatever `poll` did or may yet have done; may be called at any time. Completes when nothing is left on the
   * servers, or the session is over. Where the servers refuse, it is tried again until then, and at once when this is called
   * again; `onRefused` is told. Never fails.
   */
  release(onRefused?: OnRefused): Promise<void>;
}

/**
 * `granted`: until it is released. `token` is larger than that of every earlier grant of the same thing, and never given again.
 * `waiting`: `changed` resolves when the contender that it waits for is gone. `gone`: somebody removed it from the queue;
 * another contender may enter.
 */
export type ContenderState =
  | { readonly kind: "granted"; readonly token: bigint }
  | { readonly kind: "waiting"; readonly ahead: number; readonly changed: Promise<void> }
  | { readonly kind: "gone" };

/** One holder at a time, first come, first served. */
export interface HasMutexes {
  /** Throws where the name is none (see `names.ts`). */
  mutex(name: string, options?: PlaceOptions): Mutex;
}

export interface Mutex {
  /** `data`: what others see of the contender in the queue. */
  contend(session: EngineSession, data: Uint8Array): Contender;
}

/** Many readers or one writer, first come, first served. */
export interface HasSharedMutexes {
  sharedMutex(name: string, options?: PlaceOptions): SharedMutex;
}

export interface SharedMutex {
  contend(session: EngineSession, mode: "read" | "write", data: Uint8Array): Contender;
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
}
