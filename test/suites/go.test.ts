// The tests of both Go clients: they start clusters by `zkServer.sh`, stop and restart members, and use locks, watches,
// TTL nodes and reconfiguration.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cached } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import { judge, type Outcome } from "./outcomes.ts";
import { standIns, temporaryFolder } from "./stand-ins.ts";

const suites = [
  {
    module: "github.com/go-zookeeper/zk",
    version: "v1.0.4",
    folder: ".",
    passedMin: 40,
    readsOldSrvr: false,
    mayFail: [],
  },
  {
    module: "github.com/samuel/go-zookeeper",
    version: "v0.0.0-20190923202752-2cc03de413da",
    folder: "zk",
    passedMin: 30,
    readsOldSrvr: true,
    mayFail: [
      {
        name: /^TestAuth$/,
        because: "it reads an access list that grants it nothing, as one could before 3.5.5; ZooKeeper refuses it too",
      },
    ],
  },
];
const suiteWithinMs = 900_000;

/**
 * samuel's suite asks `srvr` whether its cluster is up, and understands the answer of ZooKeeper 3.4 alone: since then dates are
 * written the other way round, and averages with decimals. Without this none of its clusters ever starts, whoever serves.
 */
const oldForm = `
func inOldForm(response string) string {
	date := regexp.MustCompile(\`built on (\\d{4})-(\\d\\d)-(\\d\\d)\`)
	average := regexp.MustCompile(\`(min/avg/max: \\d+/\\d+)\\.\\d+\`)
	return average.ReplaceAllString(date.ReplaceAllString(response, "built on $2/$3/$1"), "$1")
}
`;

for (const { module, version, folder, passedMin, readsOldSrvr, mayFail } of suites) {
  test(`the tests of ${module} pass`, { timeout: suiteWithinMs }, async (t) => {
    const go = locate("go", "Go");
    const sources = await cached(`go-suite-${module.replaceAll("/", "-")}-${version}-2`, (to) => copyModule(to));
    const temporary = temporaryFolder("go");
    const report = await run(go, ["test", "-json", "-vet=off", "-count=1", `-timeout=${suiteWithinMs}ms`, "."], {
      cwd: join(sources, folder),
      timeoutMs: suiteWithinMs,
      environment: { ZOOKEEPER_BIN_PATH: await standIns(), TMPDIR: temporary, GOFLAGS: "-mod=mod" },
      mayFail: true,
    });
    judge(t, goOutcomes(report), { passedMin, mayFail });

    async function copyModule(to: string): Promise<void> {
      const work = temporaryFolder("go-module");
      writeFileSync(join(work, "go.mod"), "module suite\n\ngo 1.20\n");
      const described = await run(go, ["mod", "download", "-json", `${module}@${version}`], { cwd: work });
      const { Dir } = JSON.parse(described) as { Dir: string };
      cpSync(Dir, to, { recursive: true });
      await run("chmod", ["-R", "u+w", to]);
      if (readsOldSrvr) giveOldForm(join(to, folder, "flw.go"));
      // A module from before modules has no go.mod of its own.
      await run(go, ["mod", "init", module], { cwd: to }).catch(() => "");
      rmSync(work, { recursive: true });
    }
  });
}

function giveOldForm(file: string): void {
  const source = readFileSync(file, "utf8");
  const changed = source.replace(
    "re.FindAllStringSubmatch(string(response)",
    "re.FindAllStringSubmatch(inOldForm(string(response))",
  );
  if (changed === source) throw new Error(`${file} does not read "srvr" as expected`);
  writeFileSync(file, changed + oldForm);
}

/** The outcomes in the lines of `go test -json`. */
function goOutcomes(report: string): Outcome[] {
  const said = new Map<string, string>();
  const outcomes: Outcome[] = [];
  for (const line of report.split("\n").filter((line) => line.startsWith("{"))) {
    const event = JSON.parse(line) as { Action: string; Test?: string; Output?: string };
    const name = event.Test;
    if (name === undefined) continue;
    if (event.Action === "output") said.set(name, `${said.get(name) ?? ""}${event.Output}`.slice(-2000));
    const verdict = { pass: "passed", fail: "failed", skip: "skipped" }[event.Action] as Outcome["verdict"] | undefined;
    if (verdict !== undefined)
      outcomes.push({ name, verdict, why: verdict === "failed" ? (said.get(name) ?? "") : "" });
  }
  return outcomes;
}
