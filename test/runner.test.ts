// The runner of the tests counts what happens in each file, and no way to end goes unnoticed.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type FileRun, type RunOptions, runTestFiles } from "../scripts/test-files.ts";
import { TestReport } from "../scripts/test-report.ts";

const folder = mkdtempSync(join(tmpdir(), "cabildo-runner-"));
after(() => rmSync(folder, { recursive: true }));

const IMPORT = 'import { test } from "node:test"; import { law } from "./helper.mjs";';
writeFileSync(join(folder, "helper.mjs"), 'import { test } from "node:test"; export const law = test;');

const OPTIONS: RunOptions = { concurrency: 2, fileMinutes: 1, minutes: 1, namePatterns: [], environment: {} };

async function play(bodies: Readonly<Record<string, string>>, options: Partial<RunOptions> = {}) {
  const files = Object.entries(bodies).map(([name, body]) => {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, `${IMPORT}\n${body}`);
    return file;
  });
  const isFiltered = options.namePatterns !== undefined;
  let printed = "";
  const report = new TestReport((text) => (printed += text), { isVerbose: false, isFiltered });
  const runs = new Map<string, FileRun>();
  await runTestFiles(files, { ...OPTIONS, ...options }, (run) => {
    runs.set(basename(run.file, ".mjs"), run);
    report.onFile(run);
  });
  return { runs, totals: report.totals, printed };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("what passes, fails and is skipped is counted, subtests and tests of helper files too", async () => {
  const { totals, printed } = await play({
    good: 'test("one", async (t) => { await t.test("inner", () => {}); }); law("of a helper", () => {});',
    bad: 'law("broken", () => { throw new Error("why"); }); test("fine", () => {}); test("no", { skip: "no Java" }, () => {});',
  });
  assert.deepEqual(totals, { passed: 4, failed: 1, skipped: 1 });
  assert.match(printed, /✖ broken\n +Error: why/);
  assert.match(printed, /- no: no Java/);
});

test("a file fails that ends in the middle, ends badly, or has no tests", async () => {
  const { runs, totals, printed } = await play({
    exits:
      'test("one", () => {}); test("two", () => setTimeout(() => process.exit(0), 500)); test("three", () => new Promise(() => {}));',
    throws: 'throw new Error("at import");',
    late: 'test("one", () => {}); setTimeout(() => { throw new Error("late"); }, 20);',
    empty: "",
  });
  assert.deepEqual([totals.failed, runs.size], [4, 4]);
  assert.equal(runs.get("exits")!.failure, "its process ended before its tests did");
  assert.match(runs.get("throws")!.output, /at import/);
  assert.match(runs.get("late")!.failure!, /status/);
  assert.match(printed, /no test has ended in it/);
});

test("a file that hangs is ended with the processes that it has started", { timeout: 30_000 }, async () => {
  const { runs, totals } = await play(
    {
      hangs: `import { spawn } from "node:child_process";
        test("one", () => {});
        test("two", () => new Promise(() => {
          console.log("child", spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]).pid);
          process.on("SIGTERM", () => {});
          setInterval(() => {}, 1000);
        }));`,
    },
    { fileMinutes: 0.05 },
  );
  const hangs = runs.get("hangs")!;
  assert.equal(totals.failed, 1);
  assert.match(hangs.failure!, /took more than/);
  const pid = Number(/child (\d+)/.exec(hangs.output)![1]);
  while (isRunning(pid)) await sleep(10);
});

test("a process that a file has left running does not hold the run up", { timeout: 30_000 }, async () => {
  const { totals, runs } = await play({
    leaves: `import { spawn } from "node:child_process";
      const options = { detached: true, stdio: "inherit" };
      const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], options);
      child.unref();
      console.log("child", child.pid);
      test("one", () => {});`,
  });
  assert.deepEqual(totals, { passed: 1, failed: 0, skipped: 0 });
  process.kill(Number(/child (\d+)/.exec(runs.get("leaves")!.output)![1]));
});

test("a name pattern leaves the others out, and files without such a test are no failure", async () => {
  const { totals } = await play(
    { some: 'test("alpha", () => {}); test("beta", () => {});', none: 'test("gamma", () => {});' },
    { namePatterns: ["alpha"] },
  );
  assert.deepEqual(totals, { passed: 1, failed: 0, skipped: 0 });
});

test("files for which a lane has no time left have failed", async () => {
  const { totals } = await play({ first: 'test("one", () => {});' }, { minutes: 0 });
  assert.deepEqual(totals, { passed: 0, failed: 1, skipped: 0 });
});
