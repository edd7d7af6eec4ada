/**
 * For tests: a cluster of real members in the test's process, one in memory on virtual time, faults on demand, and the scenarios
 * that every engine must pass.
 *
 * @example
 * ```ts
 * import { startCluster } from "cabildo/testing";
 *
 * await using cluster = await startCluster({ members: 3 });
 * await using c = await cluster.connect();
 * const held = await c.lock("billing").acquire();
 * await cluster.kill(cluster.leader ?? 1);
 * held.assertHeld(); // a member is gone, the lock is not
 * ```
 *
 * @module cabildo/testing
 */

export { type Cluster, type ClusterOptions, type ClusterSettings, startCluster } from "./cluster.ts";
export { FaultyTransport } from "./faulty-transport.ts";
export { allScenarios, type CompleteEngine, recipeScenarios } from "./recipe-scenarios.ts";
export { ScenarioCluster, type ScenarioClusterOptions } from "./scenario-cluster.ts";
export { refusalScenarios } from "./scenarios/refusals.ts";
export type { Program, Refusal, Scenario, Stage } from "./stage.ts";
export {
  type VirtualCluster,
  type VirtualClusterOptions,
  type VirtualConnectOptions,
  virtualCluster,
} from "./virtual-cluster.ts";
export { ZooKeeperStage, type ZooKeeperStageOptions } from "./zookeeper-stage.ts";
