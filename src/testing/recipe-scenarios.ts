// The conformance kit: what an engine must show for each recipe. A new recipe adds its entry here.

import { barrierScenarios } from "./scenarios/barriers.ts";
import { configurationScenarios } from "./scenarios/configurations.ts";
import { contenderScenarios } from "./scenarios/contenders.ts";
import { counterScenarios } from "./scenarios/counters.ts";
import { doubleBarrierScenarios } from "./scenarios/double-barriers.ts";
import { electionTermScenarios } from "./scenarios/election-terms.ts";
import { electionScenarios } from "./scenarios/elections.ts";
import { groupScenarios } from "./scenarios/groups.ts";
import { lockHandleScenarios } from "./scenarios/lock-handles.ts";
import { lockScenarios } from "./scenarios/locks.ts";
import { nodeScenarios } from "./scenarios/nodes.ts";
import { partitionScenarios } from "./scenarios/partitions.ts";
import { queueScenarios } from "./scenarios/queues.ts";
import { readWriteLockScenarios } from "./scenarios/read-write-locks.ts";
import { semaphoreScenarios } from "./scenarios/semaphores.ts";
import { serviceScenarios } from "./scenarios/services.ts";
import { transactionScenarios } from "./scenarios/transactions.ts";
import { treeScenarios } from "./scenarios/trees.ts";
import type { EngineOfAll, Scenario } from "./stage.ts";

/**
 * The scenarios by recipe, an entry each. An engine must pass those of the recipes that compile on it. (`refusalScenarios`,
 * which need virtual time, are beside them.)
 */
export const recipeScenarios = {
  barrier: barrierScenarios,
  configuration: configurationScenarios,
  counter: counterScenarios,
  doubleBarrier: doubleBarrierScenarios,
  election: [...electionScenarios, ...electionTermScenarios],
  group: groupScenarios,
  lock: [...lockScenarios, ...lockHandleScenarios, ...contenderScenarios],
  nodes: nodeScenarios,
  partition: partitionScenarios,
  queue: queueScenarios,
  readWriteLock: readWriteLockScenarios,
  semaphore: semaphoreScenarios,
  service: serviceScenarios,
  transaction: transactionScenarios,
  tree: treeScenarios,
} as const;

/** An engine that has every ability. */
export type CompleteEngine = EngineOfAll<(typeof recipeScenarios)[keyof typeof recipeScenarios][number]>;

/** All of `recipeScenarios`. */
export const allScenarios: readonly Scenario<CompleteEngine>[] = Object.values(recipeScenarios).flat();
