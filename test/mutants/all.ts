// Every planted bug, by room.

import { CONSENSUS } from "./consensus.ts";
import type { Mutant } from "./mutant.ts";
import { PEERS } from "./peers.ts";
import { RECIPES } from "./recipes.ts";
import { REPLICA } from "./replica.ts";
import { STATE } from "./state.ts";
import { STORAGE } from "./storage.ts";
import { ZOOKEEPER } from "./zookeeper.ts";

export const MUTANTS: readonly Mutant[] = [
  ...CONSENSUS,
  ...REPLICA,
  ...STATE,
  ...STORAGE,
  ...PEERS,
  ...ZOOKEEPER,
  ...RECIPES,
];
