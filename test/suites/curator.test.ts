// Curator's own tests of its recipes. Its test servers would run inside its virtual machine: one class stands before
// Curator's and makes each a process.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import { mavenJars, pom } from "../support/reference-zookeeper.ts";
import { judge, junitOutcomes } from "./outcomes.ts";
import { standIns, temporaryFolder } from "./stand-ins.ts";

const version = "5.9.0";
const dependencies = [
  `org.apache.curator:curator-recipes:${version}`,
  `org.apache.curator:curator-recipes:${version}:test-jar`,
  `org.apache.curator:curator-framework:${version}:test-jar`,
  `org.apache.curator:curator-test:${version}`,
  "org.junit.platform:junit-platform-console-standalone:1.6.2",
  "org.awaitility:awaitility:4.1.1",
  "org.assertj:assertj-core:3.23.1",
  "org.mockito:mockito-core:1.9.5",
  "org.apache.commons:commons-math:2.2",
  "io.dropwizard.metrics:metrics-core:4.1.12.1",
  "org.xerial.snappy:snappy-java:1.1.10.5",
  "org.slf4j:slf4j-simple:1.7.36",
];
const suiteWithinMs = 3_000_000;

test("the tests of Curator's recipes pass", { timeout: suiteWithinMs }, async (t) => {
  const [java, compiler] = [locate("java", "Java"), locate("javac", "a Java compiler")];
  const sources = join(repository, "test", "suites", "curator");
  const folder = await cached(`curator-suite-${version}`, (folder) => mavenJars(folder, pom(dependencies)));
  const [classes, reports] = [temporaryFolder("curator-classes"), temporaryFolder("curator-reports")];
  mkdirSync(classes, { recursive: true });
  writeFileSync(join(classes, "simplelogger.properties"), "org.slf4j.simpleLogger.defaultLogLevel=off\n");
  const jars = `${join(folder, "jars")}/*`;
  await run(compiler, ["-cp", jars, "-d", classes, ...readdirSync(sources).map((name) => join(sources, name))]);
  const script = join(await standIns(), "zkServer.sh");
  const launcher = ["-Xmx1g", `-Dserver.script=${script}`, "-cp", `${classes}:${jars}`];
  const engine = ["org.junit.platform.console.ConsoleLauncher", "-e", "junit-jupiter", "--details=none"];
  const selection = ["-p", "org.apache.curator.framework.recipes", "--reports-dir", reports];
  await run(java, [...launcher, ...engine, ...selection], { timeoutMs: suiteWithinMs, mayFail: true });
  judge(t, junitOutcomes(reports), {
    passedMin: 250,
    mayFail: [
      {
        name: /TestLeaderLatch testNoServerAtStart/,
        because:
          "its listener lets the test go on before it counts, and the test looks at the count; it fails on ZooKeeper too",
      },
    ],
  });
});
