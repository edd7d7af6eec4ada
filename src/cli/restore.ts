// `cabildo restore`: a new ensemble from a backup. It writes the data directory of the first member; the others start empty.

import { verifyBackup } from "../adapters/backup/reader.ts";
import { CoordinationError } from "../base/errors.ts";
import { ConfigurationError, type ServerConfiguration } from "../server/configuration/configuration.ts";
import { loadConfiguration } from "../server/configuration/load.ts";
import { requireEmptyDirectories, whileMade } from "../server/member-directories.ts";
import { beginEnsemble, type FoundedEnsemble } from "../server/new-ensemble.ts";
import { readState } from "./backup.ts";
import { createLogger } from "./logger.ts";
import { tellError } from "./operator-failure.ts";
import type { ServerFlag } from "./server.ts";

export interface RestoreOptions {
  readonly sequenceGap: number;
  readonly output: string;
}

export async function runRestore(
  file: string,
  config: string | null,
  flags: readonly ServerFlag[],
  { sequenceGap, output }: RestoreOptions,
): Promise<number> {
  try {
    const configuration = settingsOf(config, flags);
    await requireEmptyDirectories(configuration); // before a long read; it is checked again once they are locked
    const backup = await verifyBackup(file);
    const machine = await readState(file, backup);
    const founded = await whileMade(configuration, (held) =>
      beginEnsemble({
        configuration,
        held,
        aside: null,
        machine,
        term: backup.header.term,
        sequenceGap,
        remedy: `The restore of ${file} into this directory was cut short. Remove everything here but myid, and restore again.`,
        logger: createLogger({ level: "error" }),
      }),
    );
    tellFounded(configuration, founded, output);
    return 0;
  } catch (error) {
    return tellError(error, output);
  }
}

export function settingsOf(file: string | null, flags: readonly ServerFlag[]): ServerConfiguration {
  try {
    return loadConfiguration({ file, environment: process.env, flags }).configuration;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new CoordinationError("configuration", "not-applied", error.problems.join("; "), { cause: error });
  }
}

export function tellFounded(
  { id, dataDir, members }: ServerConfiguration,
  { cluster, sequence, leasesEnded }: FoundedEnsemble,
  output: string,
): void {
  if (output === "json") {
    process.stdout.write(`${JSON.stringify({ member: id, dataDir, cluster, sequence, leasesEnded }, null, 2)}\n`);
    return;
  }
  const others = members.filter((member) => member.id !== id && member.role === "participant").map((one) => one.id);
  const next =
    others.length === 0
      ? "start this member"
      : `start this member, and member${others.length > 1 ? "s" : ""} ${others.join(" and ")} with empty data directories`;
  process.stdout.write(
    `${dataDir}: member ${id} of the new ensemble ${cluster}, whose sequence begins at ${sequence}\n` +
      `${leasesEnded} sessions have ended, with their ephemeral nodes and locks. Next: ${next}\n`,
  );
}
