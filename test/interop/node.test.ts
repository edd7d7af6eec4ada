// node-zookeeper-client against the ensemble: its interface, and while the leader is killed.
import { nodeClient } from "./node.ts";
import { prepareStage } from "./stage.ts";

const stage = await prepareStage({ runtime: nodeClient });

for (const scenario of ["interface", "failover"]) {
  stage.laws(`node-zookeeper-client: ${scenario}`, (runtime, servers) => runtime.scenario(scenario, servers));
}
