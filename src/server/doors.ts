// The table of all doors. A member opens those that its configuration names, each on ports of its own.

import type { DoorKind } from "../protocols/door-kind.ts";
import { ZOOKEEPER } from "../protocols/zookeeper/door-kind.ts";

/** One line for each kind; its settings stand in `configuration/door-sections.ts`. */
export const DOORS: readonly DoorKind[] = [ZOOKEEPER];
