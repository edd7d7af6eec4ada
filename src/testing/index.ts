// For tests: a cluster in memory on virtual time, faults on demand, and the scenarios that every engine must pass.

export { FaultyTransport } from "./faulty-transport.ts";
export { allScenarios, type CompleteEngine, recipeScenarios } from "./recipe-scenarios.ts";
export { refusalScenarios } from "./scenarios/refusals.ts";
export type { Program, Refusal, Scenario, Stage } from "./stage.ts";
export { VirtualCluster, type VirtualClusterOptions } from "./virtual-cluster.ts";
export { ZooKeeperStage, type ZooKeeperStageOptions } from "./zookeeper-stage.ts";
