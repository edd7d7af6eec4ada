// The C client beside members that are numbered from 0, one of them read-only for a while, as its own suite starts them.
import { cClient } from "./c.ts";
import { prepareStage } from "./stage.ts";

const quickReaper = "znode.container.checkIntervalMs=200";
const stage = await prepareStage({
  runtime: cClient,
  ids: [0, 1, 2],
  config: ["readonlymode.enabled=true", "localSessionsEnabled=true", "extendedTypesEnabled=true", quickReaper],
  runtimeOptions: (flavour) => (flavour === "zookeeper" ? ["-Dreadonlymode.enabled=true", `-D${quickReaper}`] : []),
});

for (const scenario of ["interface", "failover", "read-only"]) {
  stage.laws(`the C client, members numbered from 0: ${scenario}`, (runtime, servers) =>
    runtime.scenario(scenario, servers),
  );
}
