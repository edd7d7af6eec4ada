// The configurations in the log. Each is in force from its entry on, committed or not (Raft §6). When a new leader overwrites
// the entry, the configuration is undone.

import { assert } from "../../base/assert.ts";
import type { Configuration, SnapshotMeta } from "./types.ts";

interface Placed {
  readonly index: number;
  readonly configuration: Configuration;
}

/** Ascending by index, never empty: the first is a snapshot's, or the initial one. */
export class ConfigurationHistory {
  #placed: Placed[];

  constructor(snapshot: SnapshotMeta, later: readonly Placed[]) {
    this.#placed = [{ index: snapshot.index, configuration: snapshot.configuration }];
    for (const { index, configuration } of later) this.push(index, configuration);
  }

  get latest(): Configuration {
    return this.#placed.at(-1)!.configuration;
  }

  get latestIndex(): number {
    return this.#placed.at(-1)!.index;
  }

  /** The one in force at an index: what a snapshot of that index must carry. */
  at(index: number): Configuration {
    const placed = this.#placed.findLast((each) => each.index <= index);
    assert(placed !== undefined, `the configuration at ${index} is no longer known`);
    return placed.configuration;
  }

  /** The one in force at an index, and all later ones. */
  since(index: number): Configuration[] {
    const first = this.#placed.findLastIndex((each) => each.index <= index);
    return this.#placed.slice(Math.max(first, 0)).map((each) => each.configuration);
  }

  push(index: number, configuration: Configuration): void {
    assert(index > this.latestIndex, "configurations out of order");
    this.#placed.push({ index, configuration });
  }

  truncate(from: number): void {
    while (this.latestIndex >= from) this.#placed.pop();
    assert(this.#placed.length > 0, "the configuration that everything began with was taken back");
  }

  /** Forgets what was in force only before `index`. */
  trim(index: number): void {
    const keep = this.#placed.findLastIndex((each) => each.index <= index);
    if (keep > 0) this.#placed = this.#placed.slice(keep);
  }
}
