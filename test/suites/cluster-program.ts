// cluster-program.ts MEMBERS: an ensemble for suites that start one as a program. It prints the connect string, then obeys
// the characters it reads: `k` kills one more member, `q` ends it all.
import { startEnsemble } from "../support/ensemble.ts";
import { flavour } from "./stand-ins.ts";

const ensemble = await startEnsemble({
  flavour,
  members: Number(process.argv[2]),
  config: ["extendedTypesEnabled=true"],
  runtimeOptions: flavour === "zookeeper" ? ["-Dzookeeper.extendedTypesEnabled=true"] : [],
});
console.log(ensemble.connectString);

let killed = 0;
for await (const chunk of process.stdin.setEncoding("utf8")) {
  for (const character of chunk as string) {
    if (character === "k") await ensemble.members[killed++]?.kill();
    if (character === "q") {
      await ensemble.stop();
      process.exit(0);
    }
  }
}
await ensemble.stop(); // the suite ended without a word
