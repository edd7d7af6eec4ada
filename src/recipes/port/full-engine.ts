// An engine that can do all that the recipes need.

import type { HasMutexes, HasSemaphores, HasSharedMutexes } from "./contention.ts";
import type { HasDirectories } from "./directories.ts";
import type { HasDoubleBarriers } from "./double-barriers.ts";
import type { HasElections } from "./elections.ts";
import type { Engine } from "./engine.ts";
import type { HasNodes } from "./nodes.ts";
import type { HasQueues } from "./queues.ts";
import type { HasTransactions } from "./transactions.ts";
import type { HasTrees } from "./trees.ts";
import type { HasValues } from "./values.ts";

/** An engine with every ability, as `connect` and a member's `connect` give it. */
export interface FullEngine
  extends Engine,
    HasDirectories,
    HasDoubleBarriers,
    HasElections,
    HasMutexes,
    HasNodes,
    HasQueues,
    HasSemaphores,
    HasSharedMutexes,
    HasTransactions,
    HasTrees,
    HasValues {}
