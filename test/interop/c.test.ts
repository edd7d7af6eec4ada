// ZooKeeper's C client against the ensemble: its own command line, its interface, and while the leader is killed.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Program } from "../support/program.ts";
import { cClient } from "./c.ts";
import { prepareStage } from "./stage.ts";

const quickReaper = "znode.container.checkIntervalMs=200";
const stage = await prepareStage({
  runtime: cClient,
  config: ["extendedTypesEnabled=true", quickReaper],
  runtimeOptions: (flavour) => (flavour === "zookeeper" ? [`-D${quickReaper}`] : []),
});

stage.scenario(
  "the C client's command line makes, reads and watches nodes, also after the leader is killed",
  async (actors) => {
    const { runtime, ensemble, killLeader } = actors;
    await using cli = new Program(runtime.commandLine(ensemble.connectString), []);
    /** Types a command and waits for what it should print from there on. */
    const type = (command: string, match: RegExp) => {
      const from = cli.lines.length;
      cli.say(command);
      return cli.line(match, { from, withinMs: 20_000 });
    };
    /** Types a command again, as a person would, for as long as it says that the connection is lost. */
    const typeUntil = async (command: string, answers: RegExp, match: RegExp) => {
      for (;;) {
        const answer = await type(command, answers);
        if (match.test(answer)) return;
        assert.match(answer, /-4\b|-9\b|closing|-110\b/, "neither done nor a lost connection");
        await sleep(50);
      }
    };
    await cli.line("Watcher SESSION_EVENT state = CONNECTED_STATE", { withinMs: 20_000 });
    await type("create /cli", /^\[\/cli\]: rc = 0$/);
    await type("set /cli hello", /^\/cli: rc = 0 Stat:$/);
    await type("get /cli", /^hello$/);
    await type("create2 +s /cli/s-", /name = \/cli\/s-0000000000$/);
    await type("wexists /cli-later", /Error -101 for \/cli-later/);

    await killLeader();
    const created = /Watcher CREATED_EVENT state = CONNECTED_STATE for path \/cli-later/;
    const from = cli.lines.length;
    await typeUntil("create /cli-later", /^\[\/cli-later\]: rc = -?\d+|Error -\d+/, /rc = (0|-110)$/);
    await cli.line(created, { from, withinMs: 20_000 });
    await typeUntil("get /cli", /^\/cli: rc = -?\d+|Error -\d+/, /rc = 0$/);
    await cli.line(/^hello$/, { from });
    cli.say("quit");
    await cli.ended;
  },
);

for (const scenario of ["interface", "failover"]) {
  stage.laws(`the C client: ${scenario}`, (runtime, servers) => runtime.scenario(scenario, servers));
}
