// What the client promises on real servers, the same on ours and on the reference: played against three processes that are
// killed, stopped and restarted.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Flavour, startEnsemble } from "../../../support/ensemble.ts";
import {
  access,
  chroot,
  createModes,
  groupedReads,
  nodes,
  reconfiguration,
  sasl,
  transactions,
} from "./operation-stories.ts";
import { readOnly, tls } from "./other-ensemble-stories.ts";
import {
  allStopped,
  expiredElsewhere,
  killedServer,
  nothingLeft,
  stoppedServer,
  writesInFlight,
} from "./outage-stories.ts";
import { Scene } from "./scene.ts";
import { manyWatches, onceWatches, persistentWatches, removedWatches } from "./watch-stories.ts";

export async function clientInvariants(flavour: Flavour): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-client-"));
  const ensemble = await startEnsemble({ flavour, members: 3, ...configuration(folder, flavour) });
  after(async () => {
    await ensemble.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const scene = new Scene(ensemble);
  const invariant = (title: string, play: (scene: Scene) => Promise<void>) =>
    test(`${flavour}: ${title}`, async () => {
      try {
        await play(scene);
      } catch (error) {
        console.error(`${title}: ${(error as Error).stack}\n${ensemble.lastWords()}`);
        throw error;
      } finally {
        await scene.tidy();
      }
    });

  invariant("every way to make a node, and what it leaves", createModes);
  invariant("data, versions, stats and children, as they are", nodes);
  invariant("a transaction is all or nothing, and names the operation at fault", transactions);
  invariant("reads come in groups, each for itself", groupedReads);
  invariant("access lists bind, and proofs of identity are given again after a reconnection", access);
  invariant("SASL proves both sides, before anything else is asked", sasl);
  invariant("below a chroot every path is relative to it, in answers and in events", chroot);
  invariant("one-shot watches tell once what they were set for", onceWatches);
  invariant("persistent watches tell everything, until they are left", persistentWatches);
  invariant("watches can be taken away, and looked for", removedWatches);
  invariant("a killed server costs a connection, not the session, nor what was watched", killedServer);
  invariant("a server that stops answering is left before the session is lost", stoppedServer);
  invariant("without any server the session is lost at its deadline, once; then another begins", allStopped);
  invariant("a session that was expired elsewhere is lost, once", expiredElsewhere);
  invariant("thousands of watches are set again in portions", manyWatches);
  invariant("writes under way when a server is killed end as unknown, applied at most once", writesInFlight);
  invariant("after close nothing is left", nothingLeft);
  invariant("the ensemble's configuration is read, watched and changed", reconfiguration);
  test(`${flavour}: without a quorum there are reads, for who is content with them`, () => readOnly(flavour));
  test(`${flavour}: TLS proves the server, and the client by its certificate`, () => tls(flavour));
}

function configuration(folder: string, flavour: Flavour) {
  const jaas = join(folder, "jaas.conf");
  const users = 'org.apache.zookeeper.server.auth.DigestLoginModule required\n  user_ana="ana \\"secret\\"";';
  writeFileSync(jaas, `Server {\n  ${users.replaceAll('\\"', "'")}\n};\n`);
  const superDigest = `super:${createHash("sha1").update("super:secret").digest("base64")}`;
  const login = `java.security.auth.login.config=${jaas}`;
  return {
    config: [
      "tickTime=500",
      "minSessionTimeout=1000",
      "initLimit=40",
      "syncLimit=20",
      "reconfigEnabled=true",
      "extendedTypesEnabled=true",
      `DigestAuthenticationProvider.superDigest=${superDigest}`,
      "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
      login,
    ],
    runtimeOptions: flavour === "zookeeper" ? [`-D${login}`] : [],
  };
}
