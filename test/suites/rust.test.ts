// The tests of two Rust clients. zookeeper-async starts its ensembles by a Java program, zookeeper-client by containers:
// both get stand-ins that start ours.
import { appendFileSync, cpSync, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import { judge, type Outcome } from "./outcomes.ts";
import { clusterStandIn, standIns, temporaryFolder } from "./stand-ins.ts";

const suiteWithinMs = 900_000;

test("the tests of zookeeper-async (Rust) pass", { timeout: suiteWithinMs }, async (t) => {
  const cargo = locate("cargo", "Rust");
  const folder = await cached("rust-suite-zookeeper-async-5.0.0", (to) => crate("zookeeper-async", "5.0.0", to));
  const environment = { CARGO_TARGET_DIR: join(folder, "target"), CARGO_TERM_COLOR: "never" };
  await run(cargo, ["test", "--no-run"], { cwd: folder, environment, timeoutMs: suiteWithinMs });
  const report = await run(cargo, ["test", "--no-fail-fast"], {
    cwd: folder,
    environment: { ...environment, PATH: `${clusterStandIn()}${delimiter}${process.env["PATH"]}` },
    timeoutMs: suiteWithinMs,
    mayFail: true,
  });
  judge(t, cargoOutcomes(report), { passedMin: 20 });
});

test("the tests of zookeeper-client (Rust) pass", { timeout: suiteWithinMs }, async (t) => {
  const cargo = locate("cargo", "Rust");
  const folder = await cached("rust-suite-zookeeper-client-0.11.2", async (to) => {
    await crate("zookeeper-client", "0.11.2", to);
    const standIn = join(repository, "test", "suites", "rust", "testcontainers");
    appendFileSync(join(to, "Cargo.toml"), `\n[dev-dependencies.testcontainers]\npath = "${standIn}"\n`);
  });
  const environment = { CARGO_TARGET_DIR: join(folder, "target"), CARGO_TERM_COLOR: "never" };
  await run(cargo, ["test", "--no-run"], { cwd: folder, environment, timeoutMs: suiteWithinMs });
  const report = await run(cargo, ["test", "--no-fail-fast", "--", "--test-threads=3"], {
    cwd: folder,
    environment: { ...environment, SERVER_SCRIPT: join(await standIns(), "zkServer.sh") },
    timeoutMs: suiteWithinMs,
    mayFail: true,
  });
  judge(t, cargoOutcomes(report), {
    passedMin: 88,
    mayFail: [{ name: /test_zookeeper_old_server/, because: "it asks for the servers 3.3 and 3.4" }],
  });
});

/** The sources of a crate, to be built and tested there. */
async function crate(name: string, version: string, to: string): Promise<void> {
  const cargo = locate("cargo", "Rust");
  const work = temporaryFolder("crate");
  await run(cargo, ["init", "--quiet", "--name", "suite", work]);
  await run(cargo, ["add", "--quiet", `${name}@=${version}`], { cwd: work });
  await run(cargo, ["fetch", "--quiet"], { cwd: work, timeoutMs: 600_000 });
  const registries = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "registry", "src");
  const sources = readdirSync(registries).map((registry) => join(registries, registry, `${name}-${version}`));
  cpSync(sources.find((folder) => existsSync(folder))!, to, { recursive: true });
}

/** The outcomes in what `cargo test` prints. */
function cargoOutcomes(report: string): Outcome[] {
  return [...report.matchAll(/^test (.+?) \.\.\. (ok|FAILED|ignored)/gm)].map((match) => {
    const [name, word] = [match[1]!, match[2]!];
    const verdict = word === "ok" ? "passed" : word === "FAILED" ? "failed" : "skipped";
    const said = report.indexOf(`---- ${name} stdout ----`);
    return { name, verdict, why: verdict === "failed" && said >= 0 ? report.slice(said, said + 2000) : "" };
  });
}
