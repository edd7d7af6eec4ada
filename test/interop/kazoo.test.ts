// kazoo's recipes against the ensemble, each among several sessions and while the leader is killed.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kazoo } from "./kazoo.ts";
import { prepareStage } from "./stage.ts";

// The users that SASL knows, where ZooKeeper keeps them: a JAAS file that a property of the process points to.
const folder = mkdtempSync(join(tmpdir(), "cabildo-jaas-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const jaas = join(folder, "jaas.conf");
writeFileSync(
  jaas,
  `Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required
  user_super="super-secret"
  user_ana="ana-secret";
};
`,
);

const stage = await prepareStage({
  runtime: kazoo,
  config: [
    "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    `java.security.auth.login.config=${jaas}`, // ours reads Java's own property from the file as well
  ],
  runtimeOptions: (flavour) => (flavour === "zookeeper" ? [`-Djava.security.auth.login.config=${jaas}`] : []),
});

for (const recipe of ["lock", "election", "party", "watches", "transaction", "sasl"]) {
  stage.laws(`kazoo: ${recipe}`, (runtime, servers) => runtime.recipe(recipe, servers));
}
