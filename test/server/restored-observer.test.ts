// A new ensemble begins from a participant: an observer never leads, and the others would begin an empty one without it.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLogger } from "../../src/base/logger.ts";
import type { ServerConfiguration } from "../../src/server/configuration/configuration.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { whileMade } from "../../src/server/member-directories.ts";
import { beginEnsemble } from "../../src/server/new-ensemble.ts";
import { salvage } from "../../src/server/salvage.ts";
import { Machine } from "../../src/state/machine.ts";
import { coordinationModels } from "../../src/state/models.ts";

const root = mkdtempSync(join(tmpdir(), "cabildo-restored-observer-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Of a member of an ensemble of three participants and observer 4. */
function configurationOf(id: number): ServerConfiguration {
  const data = mkdtempSync(join(root, "data-"));
  writeFileSync(join(data, "myid"), `${id}\n`);
  const file = join(root, `${id}.cfg`);
  const servers = [1, 2, 3, 4].map((each) => `server.${each}=h${each}:2888:3888${each === 4 ? ":observer" : ""}`);
  const settings = ["clientPort=2181", "initLimit=5", "syncLimit=2", "tickTime=2000"];
  writeFileSync(file, [`dataDir=${data}`, ...settings, ...servers, ""].join("\n"));
  return loadConfiguration({ file, environment: {}, flags: [] }).configuration;
}

function begin(configuration: ServerConfiguration) {
  const machine = new Machine(coordinationModels());
  machine.applyConfiguration(1, [{ id: 1, role: "voter", description: "h1:2888:3888:participant;2181" }], false);
  const plan = { configuration, machine, term: 3, sequenceGap: 1000, remedy: "", aside: null, logger: silentLogger };
  return whileMade(configuration, (held) => beginEnsemble({ ...plan, held }));
}

test("no ensemble begins from an observer, and its directory stays as it was", async () => {
  const configuration = configurationOf(4);
  await assert.rejects(begin(configuration), {
    code: "configuration",
    message: /member 4 is an observer .* nothing was changed/,
  });
  const left = readdirSync(configuration.dataDir).filter((name) => name !== "lock");
  assert.deepEqual(left, ["myid"]);
});

test("one begins from a participant", async () => {
  const configuration = configurationOf(2);
  await begin(configuration);
  const { members } = (await salvage(configuration, silentLogger)).configuration;
  assert.deepEqual(
    members.map(({ id, role }) => [id, role]),
    [[2, "voter"]],
  );
});
