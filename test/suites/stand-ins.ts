// Commands that stand in for those by which foreign suites start ZooKeeper: `java` with the server's main class, and
// `zkServer.sh`. They start our compiled server, or the reference where INTEROP_FLAVOUR says so, in the caller's process.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtServer } from "../support/built-server.ts";
import { repository } from "../support/cache.ts";
import { locate } from "../support/commands.ts";
import type { Flavour } from "../support/ensemble.ts";
import { referenceZooKeeper } from "../support/reference-zookeeper.ts";

/** Which server the suites play against: ours, unless INTEROP_FLAVOUR says zookeeper. */
export const flavour: Flavour = process.env["INTEROP_FLAVOUR"] === "zookeeper" ? "zookeeper" : "cabildo";

/** A folder for one suite's files, gone with the process. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cabildo-suite-${name}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder with the stand-ins. They rely on no environment: some suites clear it. */
export async function standIns(): Promise<string> {
  const java = locate("java", "Java");
  const folder = join(temporaryFolder("commands"), "bin");
  mkdirSync(folder);
  if (flavour === "zookeeper") {
    const { classpath, mainClass } = await referenceZooKeeper();
    const server = `-Xmx256m -Dzookeeper.admin.enableServer=false -cp '${classpath}' ${mainClass}`;
    write(folder, "zkServer.sh", `[ "$1" = start-foreground ]\nexec ${java} $SERVER_JVMFLAGS ${server} "$2"`);
    return folder;
  }
  const main = await builtServer();
  const words = `${process.execPath} ${join(repository, "test", "suites", "server-command.mjs")} ${main} ${java}`;
  write(folder, "java", `mapfile -d '' -t command < <(${words} "$@")\nexec "\${command[@]}"`);
  write(folder, "zkServer.sh", `[ "$1" = start-foreground ]\nexec ${process.execPath} ${main} server "$2"`);
  return folder;
}

/** A folder with a `java` that, whatever jar it is asked to run, is an ensemble of as many members as its last word says. */
export function clusterStandIn(): string {
  const folder = join(temporaryFolder("cluster"), "bin");
  mkdirSync(folder);
  const program = join(repository, "test", "suites", "cluster-program.ts");
  const tsx = join(repository, "node_modules", "tsx", "dist", "loader.mjs");
  write(folder, "java", `exec ${process.execPath} --import ${tsx} ${program} "\${@: -1}"`);
  return folder;
}

function write(folder: string, name: string, script: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/usr/bin/env bash\nset -eu\n${script}\n`);
  chmodSync(file, 0o755);
}
