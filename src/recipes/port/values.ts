// Small values. Each is changed as a whole.

import type { PlaceOptions, ReadOptions, WatchedRead, WriteLimits } from "./engine.ts";

export interface HasValues {
  /** `recipe`: "counter". Errors name it, and it decides where plain names stand. */
  value(recipe: string, name: string, options?: PlaceOptions): Value;
}

/** A value and its version. The version is compared by the engine, and opaque to others. */
export interface Versioned {
  readonly data: Uint8Array;
  /** Grows with every change, also across deletion and new creation. */
  readonly revision: bigint;
  readonly version: string;
}

/**
 * Reads go on through lost connections until an answer comes or the engine is closed. Writes are tried once: they fail with a
 * CoordinationError whose `outcome` says whether they took effect. A write that returns false changed nothing.
 */
export interface Value {
  /** Null: there is none. */
  read(options?: ReadOptions): Promise<WatchedRead<Versioned | null>>;
  /** As `read`, without a watch. `isFresh`: the value contains every write that was acknowledged before, to anyone. */
  current(isFresh: boolean, signal?: AbortSignal): Promise<Versioned | null>;
  /** False: there is one. */
  create(data: Uint8Array, limits?: WriteLimits): Promise<boolean>;
  /** False: its version is another by now. */
  replace(version: string, data: Uint8Array, limits?: WriteLimits): Promise<boolean>;
  /** False: its version is another by now; without a version, there was none. */
  delete(version: string | null, limits?: WriteLimits): Promise<boolean>;
}
