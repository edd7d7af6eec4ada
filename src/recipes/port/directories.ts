// Directories of entries that live as long as a session.

import type { EngineSession, OnRefused, PlaceOptions, ReadOptions, WatchedRead } from "./engine.ts";

export interface HasDirectories {
  /** `recipe`: "membership", as of values. */
  directory(recipe: string, name: string, options?: PlaceOptions): Directory;
}

export interface Directory {
  /** An entry under this name, made without a request; `put` enters it. */
  entry(session: EngineSession, name: string): DirectoryEntry;
  list(options?: ReadOptions): Promise<WatchedRead<readonly EntryView[]>>;
}

export interface EntryView {
  readonly name: string;
  readonly data: Uint8Array;
  /** Changes when the entry is removed and entered again. */
  readonly token: bigint;
}

export interface DirectoryEntry {
  /**
   * Enters it, or changes its data. False: another session has an entry of this name. Goes on through lost connections as
   * long as the session lives.
   */
  put(data: Uint8Array): Promise<boolean>;
  /** Calls once if somebody else removes it while the session lives. Returns a function that stops that. */
  guard(onGone: () => void): () => void;
  /** As a contender's `release`. */
  remove(onRefused?: OnRefused): Promise<void>;
}
