// go-zookeeper against the ensemble: its interface, its lock, and both while the leader is killed.
import { go } from "./go.ts";
import { flavour, prepareStage } from "./stage.ts";

const quickReaper = "znode.container.checkIntervalMs=200";
const stage = await prepareStage({
  runtime: go,
  config: ["extendedTypesEnabled=true", quickReaper],
  runtimeOptions: (flavour) => (flavour === "zookeeper" ? [`-D${quickReaper}`] : []),
});

// Its parser of `srvr` wants the build's date as servers before 3.9 gave it, so it cannot read the reference's own.
const scenarios = ["interface", "lock", "failover"];
if (flavour === "cabildo") scenarios.push("four-letter-words");

for (const scenario of scenarios) {
  stage.laws(`go-zookeeper: ${scenario}`, (runtime, servers) => runtime.scenario(scenario, servers));
}
