// Restore and recovery on a member's directories: under their locks, all or nothing, and looking changes nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLogger } from "../../src/base/logger.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { startMember } from "../../src/server/index.ts";
import { requireEmptyDirectories, whileHeld, whileMade } from "../../src/server/member-directories.ts";
import { beginEnsemble, type FoundedEnsemble } from "../../src/server/new-ensemble.ts";
import { salvage } from "../../src/server/salvage.ts";

const root = mkdtempSync(join(tmpdir(), "cabildo-new-ensemble-"));
after(() => rmSync(root, { recursive: true, force: true }));
let made = 0;

function newDirectory(): string {
  return join(root, `data-${++made}`);
}

function configurationOf(data: string, log?: string) {
  const flags = [
    { flag: "--data", key: "dataDir", value: data },
    { flag: "--client-port", key: "clientPort", value: "2181" },
    ...(log === undefined ? [] : [{ flag: "--log", key: "dataLogDir", value: log }]),
  ];
  return loadConfiguration({ file: null, environment: {}, flags }).configuration;
}

/** A directory of a member that has stopped, with something in it. */
async function stoppedMember(data = newDirectory()): Promise<string> {
  const member = await startMember({ data });
  await member.ready();
  await (await member.connect()).counter("precious").add();
  await member.close();
  return data;
}

async function precious(data: string): Promise<number> {
  const member = await startMember({ data });
  try {
    await member.ready();
    return Number(await (await member.connect()).counter("precious").get());
  } finally {
    await member.close();
  }
}

const source = await stoppedMember();

function held(data: string) {
  const configuration = configurationOf(data);
  return whileHeld(configuration, () => salvage(configuration, silentLogger));
}

async function restoreInto(data: string, log?: string): Promise<FoundedEnsemble> {
  const { machine, term } = await held(source);
  const configuration = configurationOf(data, log);
  return whileMade(configuration, (locks) =>
    beginEnsemble({
      configuration,
      held: locks,
      aside: null,
      machine,
      term,
      sequenceGap: 10,
      remedy: "Remove everything here",
      logger: silentLogger,
    }),
  );
}

async function recoverIn(data: string, aside: string): Promise<FoundedEnsemble> {
  const configuration = configurationOf(data);
  return whileHeld(configuration, async (locks) => {
    const { machine, term } = await salvage(configuration, silentLogger);
    const plan = { configuration, held: locks, aside, machine, term, sequenceGap: 10, remedy: "Move it back" };
    return beginEnsemble({ ...plan, logger: silentLogger });
  });
}

/** Every file and a digest of its bytes. */
function contentsOf(directory: string): readonly (readonly [string, string])[] {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return paths.map((path) => [path, createHash("sha256").update(readFileSync(path)).digest("hex")] as const);
}

test("a restore that finds a member's data where there was nothing before leaves them, whether it runs or has stopped", async () => {
  const data = newDirectory();
  await requireEmptyDirectories(configurationOf(data));
  const member = await startMember({ data });
  await member.ready();
  await (await member.connect()).counter("precious").add();
  await assert.rejects(restoreInto(data), /another process is using this data directory/);
  await member.close();
  const before = contentsOf(data);
  await assert.rejects(restoreInto(data), /is not empty .*nothing was changed/);
  assert.deepEqual(contentsOf(data), before);
  assert.equal(await precious(data), 1);
});

test("no member starts between what a recovery reads and what it writes", async () => {
  const data = await stoppedMember();
  const configuration = configurationOf(data);
  await whileHeld(configuration, async () => {
    await salvage(configuration, silentLogger);
    await assert.rejects(startMember({ data }), /another process is using this data directory/);
  });
  await recoverIn(data, "before-recovery-1");
  assert.ok(existsSync(join(data, "before-recovery-1", "identity")));
  assert.equal(await precious(data), 1);
});

test("a recovery that fails before anything is moved leaves a directory that its member starts from", async () => {
  const data = await stoppedMember();
  writeFileSync(join(data, "before-recovery-1"), "in the way");
  const before = contentsOf(data);
  await assert.rejects(recoverIn(data, "before-recovery-1"), /EEXIST/);
  assert.deepEqual(contentsOf(data), before);
  assert.equal(await precious(data), 1);
});

test("a restore that cannot have its log's directory marks nothing", async () => {
  const [data, log] = [newDirectory(), newDirectory()];
  mkdirSync(data);
  writeFileSync(log, "no directory");
  await assert.rejects(restoreInto(data, log), { code: "configuration" });
  assert.deepEqual(readdirSync(data), []);
});

test("looking at what a directory holds changes nothing: where nothing is there, and where a stop left things undone", async () => {
  const nowhere = newDirectory();
  await assert.rejects(held(nowhere), /is not there/);
  assert.ok(!existsSync(nowhere));
  mkdirSync(nowhere);
  await assert.rejects(held(nowhere), /nothing to recover/);
  assert.deepEqual(readdirSync(nowhere), []);

  const data = await stoppedMember();
  writeFileSync(join(data, "snapshot-7-1.1.unfinished"), "half");
  writeFileSync(join(data, "snapshot-9-9"), "damaged, and the log makes it good");
  const before = contentsOf(data);
  assert.ok((await held(data)).machine.appliedIndex > 0);
  assert.deepEqual(contentsOf(data), before);

  const unborn = await stoppedMember(); // its very first start was cut short before it had an identity
  for (const name of readdirSync(unborn)) if (name !== "log-0000000001") rmSync(join(unborn, name));
  truncateSync(join(unborn, "log-0000000001"), 512);
  const born = contentsOf(unborn);
  await assert.rejects(held(unborn), /nothing to recover/);
  assert.deepEqual(contentsOf(unborn), born);
});

test("a restored directory says from the start which programs may open it, as its source does", async () => {
  const format = (data: string) => /^format \d+$/m.exec(readFileSync(join(data, "identity"), "utf8"))?.[0];
  const data = newDirectory();
  await restoreInto(data);
  assert.deepEqual([format(source), format(data)], ["format 2", "format 2"]);
  assert.equal(await precious(data), 1);
});
