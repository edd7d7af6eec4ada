// Java for the suites: Apache's client and Curator from Maven Central, and the programs under java/ compiled beside them.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cached, repository } from "../support/cache.ts";
import { locate, run } from "../support/commands.ts";
import type { Command } from "../support/program.ts";
import { mavenJars, pom, referenceVersion } from "../support/reference-zookeeper.ts";

const sources = join(repository, "test", "interop", "java");
const dependencies = [
  `org.apache.zookeeper:zookeeper:${referenceVersion}`,
  "org.apache.curator:curator-recipes:5.9.0",
  "org.apache.curator:curator-x-discovery:5.9.0",
  "io.dropwizard.metrics:metrics-core:4.1.12.1",
  "org.xerial.snappy:snappy-java:1.1.10.5",
  "org.slf4j:slf4j-simple:2.0.13",
];

export interface Java {
  /** The command that runs the class of this name with these arguments. */
  program(mainClass: string, ...args: readonly string[]): Command;
  /** The same for measurements: compiled for long runs, not for a quick start. */
  measured(mainClass: string, ...args: readonly string[]): Command;
}

export async function java(): Promise<Java> {
  const virtualMachine = locate("java", "Java");
  const compiler = locate("javac", "a Java compiler");
  const libraries = await cached(`java-clients-${hash([dependencies.join("\n")])}`, (folder) =>
    mavenJars(folder, pom(dependencies)),
  );
  const files = readdirSync(sources).map((name) => join(sources, name));
  const jars = `${join(libraries, "jars")}/*`;
  const programs = await cached(
    `java-programs-${hash(files.map((file) => readFileSync(file, "utf8")))}`,
    async (folder) => {
      mkdirSync(join(folder, "classes"));
      await run(compiler, ["-cp", jars, "-d", join(folder, "classes"), "-Xlint:-deprecation", ...files]);
    },
  );
  const quiet = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-XX:+UseSerialGC"];
  const command = (options: readonly string[], mainClass: string, args: readonly string[]): Command => ({
    command: virtualMachine,
    args: [...quiet, ...options, "-cp", `${join(programs, "classes")}:${jars}`, mainClass, ...args],
  });
  return {
    program: (mainClass, ...args) => command(["-Xmx256m", "-XX:TieredStopAtLevel=1"], mainClass, args),
    measured: (mainClass, ...args) => command(["-Xmx512m"], mainClass, args),
  };
}

function hash(texts: readonly string[]): string {
  const sum = createHash("sha256");
  for (const text of texts) sum.update(text);
  return sum.digest("hex").slice(0, 12);
}
