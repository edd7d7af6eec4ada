// The part of the port that every engine has: time and random numbers, the session, watched reads.

import type { Random } from "../../base/random.ts";

/** Time and random numbers, for pure recipes. */
export interface Runtime {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock: for people and for dates that programs agree on, never for a deadline. */
  wall(): number;
  /** Runs the task after about `milliseconds`. Returns a function that cancels it. */
  after(milliseconds: number, task: () => void): () => void;
  readonly random: Random;
}

/** Is told of what nobody waits for, such as a removal that the servers refuse. The server's and the client's loggers are such. */
export interface RecipeLogger {
  warn(message: string): void;
  error(message: string): void;
}

/** Traces acquisitions and releases. With nobody listening, `trace` only runs the work. */
export interface RecipeTracer {
  trace<T>(operation: "acquire" | "release", about: TracedOperation, work: () => Promise<T>): Promise<T>;
  /** A handle has ended. `about` is called only if somebody listens. */
  onEnd(about: () => TracedEnd): void;
}

export interface TracedOperation {
  /** As errors name it: `lock "billing"`, `2 permits of semaphore "gpu"`. */
  readonly what: string;
  readonly name: string;
  /** Set when it is granted; null: `tryAcquire` did not get it at once. */
  token?: bigint | null;
}

export interface TracedEnd {
  readonly what: string;
  readonly name: string;
  readonly token: bigint;
  readonly end: "lost" | "released";
  /** The reason of the handle's signal. */
  readonly reason: Error;
}

/** What every engine is. Its abilities are added to it: `Engine & HasMutexes & HasValues`. */
export interface Engine {
  readonly runtime: Runtime;
  readonly logger: RecipeLogger;
  readonly tracer?: RecipeTracer | undefined;
  /** Who this program is, for those who see it hold or wait: text such as "billing@web-1:4711". */
  readonly identity?: string | undefined;
  readonly status: EngineStatus;
  /** Calls the listener at each change of the status, never within this call. Returns a function that stops that. */
  onStatus(listener: (status: EngineStatus) => void): () => void;
  /**
   * Whether the same request may succeed later although nobody changes it: a disk is full, a quota is reached, a server is
   * overloaded. Without this method every refusal counts as lasting.
   */
  mayPass?(error: unknown): boolean;
  /** Ends its session, and with it whatever it holds. Leaves no timer and no socket. Never fails. */
  close(): Promise<void>;
}

/** `connecting`: there is no session. `closed`: there will be none any more. */
export type EngineStatus =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly session: EngineSession }
  | { readonly kind: "closed"; readonly reason: Error };

/** The session on which grants, entries and places in a queue depend. They end with it: here by its deadline, there soon after. */
export interface EngineSession {
  /** As the engine's own tools show it. */
  readonly id: string;
  /** The servers release what the session holds after so many milliseconds of silence; agreed with them. */
  readonly timeoutMs: number;
  /**
   * Milliseconds for which the servers certainly keep what this session holds; 0 once it is over. Counted from when the last
   * answered renewal was sent, less a margin for clocks of different rates. Reads the clock, so it is right also where no
   * timer could run.
   */
  expiresIn(): number;
  readonly state: SessionState;
  /** Calls the listener at each change of the state; `lost` is the last. Returns a function that stops that. */
  onState(listener: (state: SessionState) => void): () => void;
}

/** `unsure`: the servers are not reached, and the session may yet be saved. */
export type SessionState =
  | { readonly kind: "sure" }
  | { readonly kind: "unsure"; readonly why: string }
  | { readonly kind: "lost"; readonly cause: SessionLossCause; readonly error: Error };

/** `session-expired`: the servers said so. `deadline`: they may have expired it. `closed`: by this side. */
export type SessionLossCause = "session-expired" | "deadline" | "closed";

/** A value as it was read, and a promise that resolves when it may have changed. */
export interface WatchedRead<T> {
  readonly value: T;
  /** Resolves also when a change can no longer be noticed. Never fails. */
  readonly changed: Promise<void>;
  /** Nobody waits for `changed` any more. */
  unwatch(): void;
}

export interface ReadOptions {
  /** The value contains every write that was acknowledged before, to anyone. Otherwise it may come from a server that lags. */
  readonly isFresh?: boolean | undefined;
  /** Nobody waits for it any more when it aborts: nothing more is asked, and it fails with the code "aborted". */
  readonly signal?: AbortSignal | undefined;
}

/** Is told of each refusal while something is being released. */
export type OnRefused = (refusal: Error) => void;

/** One line of an access list, as the engine's system has them: who (`scheme`, `id`) may do what (`perms`, bits). */
export interface AccessRule {
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/** How the nodes of a recipe are made. */
export interface PlaceOptions {
  /** Who may do what with them; the connection's own list unless given. */
  readonly acl?: readonly AccessRule[] | undefined;
  /** The access list holds from this place down; from the recipe's own place unless given. */
  readonly within?: string | undefined;
}

/**
 * Limits of one write. A write that was not sent when its limit came is never sent: it fails with the outcome "not-applied". A write
 * that was sent and not answered fails with the outcome "unknown".
 */
export interface WriteLimits {
  /** Gives the write up when it aborts: the code "aborted". */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from the call to the answer, waiting for a connection included: the code "deadline". The engine's own limit unless given. */
  readonly timeoutMs?: number | undefined;
}
