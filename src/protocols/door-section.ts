// A door's section of cabildo.yaml: what the settings of its own are called, and how each is read.

import type { Kind } from "./setting-kinds.ts";

/** A setting of a door: how it is read, and what it is where it is not given. */
export interface DoorSetting<T> {
  readonly kind: Kind<T>;
  readonly default: T;
}

/** A protocol's section: its name, and its settings besides those of listening, which every door has. */
export interface DoorSection {
  readonly name: string;
  readonly settings: Readonly<Record<string, DoorSetting<unknown>>>;
}
