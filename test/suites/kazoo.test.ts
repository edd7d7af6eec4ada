// kazoo's own tests, two versions: they start ensembles of three and single members, kill and restart them, and use TLS,
// SASL and read-only mode.
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { cached } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import { referenceVersion, referenceZooKeeper } from "../support/reference-zookeeper.ts";
import { judge, junitOutcomes } from "./outcomes.ts";
import { flavour, standIns, temporaryFolder } from "./stand-ins.ts";

const tools = ["pytest==8.3.4", "pytest-timeout==2.3.1", "gevent==24.11.1", "eventlet==0.38.2", "objgraph==3.6.2"];
const runs = [
  { version: "2.8.0", ports: 21_000, passedMin: 476, packages: ["pure-sasl==0.6.2", "mock==5.1.0"] },
  {
    version: "2.11.0",
    ports: 22_000,
    passedMin: 480,
    packages: ["pure-sasl==0.6.2", "pyjks==20.0.0", "pyopenssl==23.3.0", "cryptography==41.0.7"],
  },
];
const suiteWithinMs = 900_000;

for (const { version, ports, passedMin, packages } of runs) {
  test(`the tests of kazoo ${version} pass`, { timeout: suiteWithinMs }, async (t) => {
    const python = locate("python3", "Python");
    const folder = await cached(`kazoo-suite-${version}`, async (folder) => {
      await run(python, ["-m", "venv", folder]);
      const pip = ["-m", "pip", "install", "--quiet", `kazoo==${version}`, ...packages, ...tools];
      await run(join(folder, "bin", "python"), pip);
    });
    const reports = temporaryFolder(`kazoo-${version}`);
    const commands = await standIns();
    const classpath = flavour === "zookeeper" ? (await referenceZooKeeper()).classpath : "ours";
    const options = ["-q", "-p", "no:cacheprovider", "--timeout", "120", `--junitxml=${join(reports, "kazoo.xml")}`];
    await run(join(folder, "bin", "python"), ["-m", "pytest", ...options, "--pyargs", "kazoo.tests"], {
      cwd: reports,
      timeoutMs: suiteWithinMs,
      mayFail: true, // the report tells which tests failed
      environment: {
        PATH: `${commands}${delimiter}${process.env["PATH"]}`,
        PYTHONDONTWRITEBYTECODE: "1",
        ZOOKEEPER_CLASSPATH: classpath,
        ZOOKEEPER_VERSION: referenceVersion,
        ZOOKEEPER_PORT_OFFSET: String(ports),
      },
    });
    judge(t, junitOutcomes(reports), { passedMin });
  });
}
