// Scenarios on real servers: programs of this process, each with sockets of its own, and faults in their transports.

import { test } from "node:test";
import { nodePorts } from "../../../src/protocols/zookeeper/client/index.ts";
import { allScenarios, ZooKeeperStage } from "../../../src/testing/index.ts";
import { type Ensemble, type Flavour, startEnsemble } from "../../support/ensemble.ts";

const SESSION_TIMEOUT_MS = 2000;

export function playOnServers(flavour: Flavour, members: number, version?: string): void {
  test(`recipes on ${flavour}${version === undefined ? "" : ` ${version}`}`, async (context) => {
    await using ensemble = await startEnsemble({
      flavour,
      version,
      members,
      config: ["tickTime=500", "minSessionTimeout=1000"],
    });
    for (const [i, { invariant, play }] of allScenarios.entries()) {
      await context.test(invariant, async () => {
        await using stage = stageOn(ensemble, i);
        await play(stage);
      });
    }
  });
}

function stageOn(ensemble: Ensemble, number: number): ZooKeeperStage {
  return new ZooKeeperStage({
    servers: ensemble.connectString,
    portsOf: () => nodePorts(),
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    root: `/stage-${number}`,
    changeLeader: ensemble.members.length === 1 ? undefined : () => changeLeader(ensemble),
  });
}

async function changeLeader(ensemble: Ensemble): Promise<void> {
  const old = await ensemble.leader();
  await old.kill("SIGKILL");
  await ensemble.leader();
  await old.restart();
}
