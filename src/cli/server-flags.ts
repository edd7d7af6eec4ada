// The flags by which a command is told of a member's settings, beside its file: those of `cabildo server`.

import type { Command } from "commander";
import { keyAndValue } from "./arguments.ts";
import type { ServerFlag } from "./server.ts";

/** As commander gives them. */
export interface ServerOptions {
  readonly id?: string;
  readonly data?: string;
  readonly clientPort?: string;
  readonly foundWithout?: string;
  readonly skipEntry?: string;
  readonly set?: readonly string[];
}

export function onMember(command: Command): Command {
  return command
    .option("--id <number>", "this member's number, instead of the file myid")
    .option("--data <directory>", "where to keep the data (dataDir)")
    .option("--client-port <port>", "where clients come in (clientPort)")
    .option("--found-without <numbers>", "begin the ensemble without these participants (foundWithout)")
    .option("--skip-entry <indexes>", "leave out entries of the log that no member can apply (skipEntries)")
    .option("-D, --set <key=value>", "any setting of zoo.cfg, with or without the prefix zookeeper.", keyAndValue);
}

export function serverFlags({ id, data, clientPort, foundWithout, skipEntry, set = [] }: ServerOptions): ServerFlag[] {
  const flags = set.map((pair) => {
    const at = pair.indexOf("=");
    return { flag: "-D", key: pair.slice(0, at), value: pair.slice(at + 1).trim() };
  });
  if (data !== undefined) flags.push({ flag: "--data", key: "dataDir", value: data });
  if (id !== undefined) flags.push({ flag: "--id", key: "myid", value: id });
  if (clientPort !== undefined) flags.push({ flag: "--client-port", key: "clientPort", value: clientPort });
  if (skipEntry !== undefined) flags.push({ flag: "--skip-entry", key: "skipEntries", value: skipEntry });
  if (foundWithout !== undefined) flags.push({ flag: "--found-without", key: "foundWithout", value: foundWithout });
  return flags;
}
