// Every scenario of the kit, for an engine that can do everything.

import type { ZooKeeperEngine } from "../../../src/index.ts";
import {
  directoryScenarios,
  exclusionScenarios,
  partitionScenarios,
  type Scenario,
  valueScenarios,
} from "../../../src/testing/index.ts";

export const scenarios: readonly Scenario<ZooKeeperEngine>[] = [
  ...exclusionScenarios,
  ...directoryScenarios,
  ...partitionScenarios,
  ...valueScenarios,
];
