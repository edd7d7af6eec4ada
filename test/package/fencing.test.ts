// The programs of docs/fencing.md for PostgreSQL and Redis, with the packed tarball, on the real stores, which come from Debian.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { cached, repository } from "../support/cache.ts";
import { MissingRuntime, run } from "../support/commands.ts";
import { type Service, startPostgres, startRedis } from "../support/debian-services.ts";
import { startEnsemble } from "../support/ensemble.ts";
import { install, unpack } from "./consumers.ts";

const INSTALLED = { pg: "8.23.1", redis: "6.3.1" };
const { dependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const all = { ...INSTALLED, ...dependencies };
const hash = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
const folder = await cached(`package-fencing-${hash}`, (place) => install(place, all));
rmSync(join(folder, "node_modules", "cabildo"), { recursive: true, force: true });
await unpack(join(folder, "node_modules"), folder);
cpSync(join(repository, "examples", "fencing"), folder, { recursive: true });
const ensemble = await startEnsemble({ flavour: "cabildo", members: 1, config: ["tickTime=500"] });
after(() => ensemble.stop());

/** Null: it is not to be had here, and the test says so. */
async function storeOr(context: TestContext, start: () => Promise<Service>): Promise<Service | null> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof MissingRuntime)) throw error;
    context.skip(error.message);
    return null;
  }
}

function play(file: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const CABILDO_CONNECT = `zookeeper://${ensemble.connectString}/fencing`;
  return run(process.execPath, [file], {
    cwd: folder,
    environment: { CABILDO_CONNECT, ...environment },
    timeoutMs: 60_000,
  });
}

test("PostgreSQL refuses a row, and a transaction, of a holder that comes too late", async (context) => {
  await using store = await storeOr(context, startPostgres);
  if (store === null) return;
  const DATABASE_URL = `postgres://postgres@127.0.0.1:${store.port}/postgres`;
  assert.equal(
    await play("postgres.mjs", { DATABASE_URL }),
    [
      "the holder's row is stored: true",
      "the late one's row is stored: false",
      "the holder's transaction is done: true",
      "the late one's transaction is done: false",
      "the bill is 4201\n",
    ].join("\n"),
  );
});

test("Redis refuses a value of a holder that comes too late, with tokens of 63 bits", async (context) => {
  await using store = await storeOr(context, startRedis);
  if (store === null) return;
  assert.equal(
    await play("redis.mjs", { REDIS_URL: `redis://127.0.0.1:${store.port}` }),
    [
      "the holder's value is stored: true",
      "the late one's value is stored: false",
      "a token of 19 digits is larger than one of 18: true",
      "and one of 18 digits is smaller: false",
      "the bill is 4300\n",
    ].join("\n"),
  );
});
