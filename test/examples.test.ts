// The examples do what they say: each runs whole, as a user would run it, against the sources.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "./support/ports.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");

/** The package's own name leads to its sources while it is not built. */
async function example(name: string, environment: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ["--conditions=source", "--import", "tsx", join("examples", name)], {
    cwd: root,
    env: { ...process.env, ...environment },
    timeout: 30_000,
  });
  return stdout;
}

test("a member runs inside a program, answers, and ends with it", async () => {
  const output = await example("embedded-member.ts", { PORT: String(await freePort()) });
  assert.match(output, /Zookeeper version: 3\.9/);
  assert.match(output, /Mode: standalone/);
});

test("the Raft core elects a leader and commits on all three, by hand", async () => {
  const output = await example("raft-by-hand.ts");
  assert.match(output, /is leader in term 1/);
  for (const id of [1, 2, 3]) assert.match(output, new RegExp(`member ${id} has committed 1 more`));
});
