// For tests: a cluster in memory on virtual time, faults on demand, and the scenarios that every engine must pass.

import { barrierScenarios } from "./scenarios/barriers.ts";
import { configurationScenarios } from "./scenarios/configurations.ts";
import { counterScenarios } from "./scenarios/counters.ts";
import { electionScenarios } from "./scenarios/elections.ts";
import { groupScenarios } from "./scenarios/groups.ts";
import { lockScenarios } from "./scenarios/locks.ts";
import { partitionScenarios } from "./scenarios/partitions.ts";
import { queueScenarios } from "./scenarios/queues.ts";
import { readWriteLockScenarios } from "./scenarios/read-write-locks.ts";
import { refusalScenarios } from "./scenarios/refusals.ts";
import { semaphoreScenarios } from "./scenarios/semaphores.ts";
import { serviceScenarios } from "./scenarios/services.ts";
import { transactionScenarios } from "./scenarios/transactions.ts";
import { treeScenarios } from "./scenarios/trees.ts";
import type { CompleteEngine, DirectoryEngine, ExclusiveEngine, Scenario, ValueEngine } from "./stage.ts";

export { FaultyTransport } from "./faulty-transport.ts";
export type {
  CompleteEngine,
  DirectoryEngine,
  ExclusiveEngine,
  PartitionEngine,
  Program,
  Refusal,
  Scenario,
  Stage,
  TreeEngine,
  ValueEngine,
} from "./stage.ts";
export { VirtualCluster, type VirtualClusterOptions } from "./virtual-cluster.ts";
export { ZooKeeperStage, type ZooKeeperStageOptions } from "./zookeeper-stage.ts";
export { partitionScenarios, refusalScenarios, treeScenarios };

/** What every engine that has locks, permits and elections must show. */
export const exclusionScenarios: readonly Scenario<ExclusiveEngine>[] = [
  ...lockScenarios,
  ...readWriteLockScenarios,
  ...semaphoreScenarios,
  ...electionScenarios,
];

/** What every engine that has directories must show. */
export const directoryScenarios: readonly Scenario<DirectoryEngine>[] = [...groupScenarios, ...serviceScenarios];

/** What every engine that has values must show. */
export const valueScenarios: readonly Scenario<ValueEngine>[] = [...configurationScenarios];

/** All that there are, for an engine that has every ability; but for `refusalScenarios`, which want virtual time. */
export const allScenarios: readonly Scenario<CompleteEngine>[] = [
  ...exclusionScenarios,
  ...directoryScenarios,
  ...partitionScenarios,
  ...valueScenarios,
  ...treeScenarios,
  ...counterScenarios,
  ...barrierScenarios,
  ...queueScenarios,
  ...transactionScenarios,
];
