// The reference: Apache ZooKeeper's own server, installed from Maven Central into .cache/ once. What it does is the
// answer wherever the facts are silent.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache.ts";
import { locate, run } from "./commands.ts";

export const referenceVersion = "3.9.5";
/** The release before, which Debian ships: it answers some things differently, and clients meet it. */
export const olderVersion = "3.8.0";

export interface ReferenceZooKeeper {
  readonly version: string;
  readonly java: string;
  /** Logging set to warnings, then the server's jar and everything it needs. */
  readonly classpath: string;
  readonly mainClass: string;
}

/** Installs ZooKeeper unless it is there. Throws MissingRuntime when this machine has no Java or no Maven. */
export async function referenceZooKeeper(
  version = referenceVersion,
  withPrometheus = false,
): Promise<ReferenceZooKeeper> {
  const java = locate("java", "Java");
  const folder = await cached(`zookeeper-${version}${withPrometheus ? "-prometheus" : ""}`, async (folder) => {
    await mavenJars(
      folder,
      pom([
        `org.apache.zookeeper:zookeeper:${version}`,
        ...whatTheServerAlsoLoads,
        ...(withPrometheus ? exporter : []),
      ]),
    );
    mkdirSync(join(folder, "conf"));
    writeFileSync(join(folder, "conf", "simplelogger.properties"), logging);
  });
  return {
    version,
    java,
    classpath: `${join(folder, "conf")}:${join(folder, "jars")}/*`,
    mainClass: "org.apache.zookeeper.server.quorum.QuorumPeerMain",
  };
}

// What the server loads by name but its published description leaves to the packager: metrics, a codec, a logger.
const whatTheServerAlsoLoads = [
  "io.dropwizard.metrics:metrics-core:4.1.12.1",
  "org.xerial.snappy:snappy-java:1.1.10.5",
  "org.slf4j:slf4j-simple:2.0.13",
];

/** Of 3.9.4, the latest that Maven Central's mirrors have; the names of metrics are the server's. Jetty is left to the packager. */
const exporter = [
  "org.apache.zookeeper:zookeeper-prometheus-metrics:3.9.4",
  "org.eclipse.jetty:jetty-server:9.4.57.v20241219",
  "org.eclipse.jetty:jetty-servlet:9.4.57.v20241219",
];

/** Copies the jars that a pom asks for, and theirs, into `<folder>/jars`. */
export async function mavenJars(folder: string, pom: string): Promise<void> {
  const maven = locate("mvn", "Maven");
  writeFileSync(join(folder, "pom.xml"), pom);
  const args = ["-B", "-q", "-f", join(folder, "pom.xml"), "dependency:copy-dependencies"];
  await run(maven, [...args, `-DoutputDirectory=${join(folder, "jars")}`], { cwd: folder, timeoutMs: 600_000 });
}

/** A pom with nothing but dependencies, each given as group:artifact:version, or as group:artifact:version:type. */
export function pom(dependencies: readonly string[]): string {
  const each = dependencies.map((dependency) => {
    const [group, artifact, version, type = "jar"] = dependency.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><type>${type}</type></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cabildo.test</groupId><artifactId>installed</artifactId><version>1</version>
  <dependencies>${each.join("\n    ")}</dependencies>
</project>
`;
}

const logging = `org.slf4j.simpleLogger.defaultLogLevel=warn
org.slf4j.simpleLogger.showDateTime=true
org.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS
`;
