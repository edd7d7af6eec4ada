// `cabildo recover`: what a stopped member holds, and a new ensemble from it where the old one has lost its majority for good.

import { join } from "node:path";
import type { ServerConfiguration } from "../server/configuration/configuration.ts";
import { beginEnsemble } from "../server/new-ensemble.ts";
import { setDataAside } from "../server/old-data.ts";
import { type Salvaged, salvage } from "../server/salvage.ts";
import { createLogger } from "./logger.ts";
import { tellError } from "./operator-failure.ts";
import { settingsOf, tellFounded } from "./restore.ts";
import type { ServerFlag } from "./server.ts";

export interface RecoverOptions {
  /** Without it, only what the directory holds is told. */
  readonly forceNewEnsemble?: true;
  readonly sequenceGap: number;
  readonly output: string;
}

export async function runRecover(
  config: string | null,
  flags: readonly ServerFlag[],
  { forceNewEnsemble, sequenceGap, output }: RecoverOptions,
): Promise<number> {
  try {
    const configuration = settingsOf(config, flags);
    const logger = createLogger({ level: "error" });
    const salvaged = await salvage(configuration, logger);
    if (forceNewEnsemble !== true) {
      tellHeld(configuration, salvaged, output);
      return 0;
    }
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
    const aside = `before-recovery-${stamp}`;
    const founded = await beginEnsemble({
      configuration,
      machine: salvaged.machine,
      term: salvaged.term,
      sequenceGap,
      remedy:
        `A recovery was cut short here. What this directory held is in ${join(configuration.dataDir, aside)}. Remove everything else ` +
        "but myid, move what is in there back, and recover again.",
      prepare: () => setDataAside(configuration, aside),
      logger,
    });
    tellFounded(configuration, founded, output);
    if (output !== "json") {
      process.stdout.write(
        `What it held before is in ${join(configuration.dataDir, aside)}: remove it when all is well\n`,
      );
    }
    return 0;
  } catch (error) {
    return tellError(error, output, { isChange: forceNewEnsemble === true });
  }
}

function tellHeld({ id, dataDir }: ServerConfiguration, salvaged: Salvaged, output: string): void {
  const { machine, term, lastIndex, commitIndex, configuration } = salvaged;
  const { cluster, members } = configuration;
  const voters = members.filter(({ role }) => role === "voter").map((member) => member.id);
  if (output === "json") {
    const facts = { member: id, dataDir, cluster, voters, term, lastIndex, commitIndex, sequence: machine.sequence };
    process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    `${dataDir}: member ${id} of ensemble ${cluster}, whose voters are ${voters.join(", ")}\n` +
      `last entry ${lastIndex} of term ${term}, known to be committed: ${commitIndex}, sequence ${machine.sequence}\n` +
      "Nothing was changed. If a majority of the voters is lost for good, use the survivor whose last entry has the highest term,\n" +
      "and among those the highest number: --force-new-ensemble begins a new ensemble from it. What only lost members held is lost.\n",
  );
}
