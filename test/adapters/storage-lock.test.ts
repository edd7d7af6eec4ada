import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { lockDirectory } from "../../src/adapters/storage/lock.ts";
import { open } from "./support/storage.ts";

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "cabildo-lock-"));
  directories.push(made);
  return made;
}

/** A process that holds a directory until it is killed. */
async function holder(path: string) {
  const lock = fileURLToPath(new URL("../../src/adapters/storage/lock.ts", import.meta.url));
  const program = `import { lockDirectory } from ${JSON.stringify(lock)};
    await lockDirectory(${JSON.stringify(path)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

test("two processes never share a data directory, and one that was killed leaves it free", async () => {
  const dataDirectory = await directory();
  const child = await holder(dataDirectory);
  await assert.rejects(open(null, { dataDirectory }), {
    code: "configuration",
    message: /another process is using this data directory/,
  });
  child.kill("SIGKILL");
  await once(child, "exit");
  const storage = await open(null, { dataDirectory });
  await storage.log.close();
});

test("nor do two members in one process, by whatever path they come", async () => {
  const dataDirectory = await directory();
  const alias = `${dataDirectory}-alias`;
  await symlink(dataDirectory, alias);
  directories.push(alias);
  const storage = await open(null, { dataDirectory });
  await assert.rejects(open(null, { dataDirectory: alias }), { code: "configuration" });
  await storage.log.close();
  const again = await open(null, { dataDirectory: alias });
  await again.log.close();
});

test("a log directory is locked too, and let go if the other cannot be had", async () => {
  const [data, log] = [await directory(), await directory()];
  const release = await lockDirectory(log);
  await assert.rejects(open(null, { dataDirectory: data, logDirectory: log }), { code: "configuration" });
  await release();
  const storage = await open(null, { dataDirectory: data, logDirectory: log });
  await storage.log.close();
});
