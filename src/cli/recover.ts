// `cabildo recover`: what a stopped member holds, and a new ensemble from it where the old one has lost its majority for good.

import type { ServerConfiguration } from "../server/configuration/configuration.ts";
import { asidesOf, whileHeld } from "../server/member-directories.ts";
import { beginEnsemble } from "../server/new-ensemble.ts";
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
    return await whileHeld(configuration, async (held) => {
      const salvaged = await salvage(configuration, logger);
      if (forceNewEnsemble !== true) {
        tellHeld(configuration, salvaged, output);
        return 0;
      }
      const aside = `before-recovery-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
      const kept = asidesOf(configuration, aside).map((each) => each.aside);
      const [place, them] = kept.length === 1 ? ["it", "it"] : ["them, each into the directory above it", "them"];
      const { machine, term } = salvaged;
      const remedy =
        `A recovery was cut short here. What this member held is in ${kept.join(" and ")}. Remove everything else but myid, move what is ` +
        `in ${place} back, and recover again.`;
      const founded = await beginEnsemble({ configuration, held, aside, machine, term, sequenceGap, remedy, logger });
      tellFounded(configuration, founded, output);
      if (output !== "json") {
        process.stdout.write(`What it held before is in ${kept.join(" and ")}: remove ${them} when all is well\n`);
      }
      return 0;
    });
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
