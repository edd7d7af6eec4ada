// The first start of a member: it writes an empty log, and then the identity.

import type { HardState } from "../../consensus/raft/types.ts";
import { foreignError } from "./damage.ts";
import { isAbsent } from "./files.ts";
import type { Found } from "./finding.ts";
import { directoryFormatOf, newIncarnation, writeIdentity } from "./identity.ts";
import { createJournal } from "./journal/creation.ts";
import type { Owner } from "./journal/segment.ts";
import { encodeContext } from "./log-records.ts";
import { recoverLog } from "./log-recovery.ts";
import { pathIn } from "./paths.ts";
import type { Place } from "./place.ts";

const BLANK: HardState = { term: 0, votedFor: null, commitIndex: 0 };

/** An empty log under a new incarnation. The identity comes last: a start that was cut short leaves none. */
export async function begin(place: Place, segmentBytes: number): Promise<Found> {
  const { files, dataDirectory, logDirectory, member, logger, chance } = place;
  const owner: Owner = { member, incarnation: newIncarnation(chance) };
  const context = encodeContext({ base: { index: 0, term: 0 }, hardState: BLANK });
  await createJournal({ files, directory: logDirectory, owner, segmentBytes, chance, context });
  const format = directoryFormatOf(0);
  await writeIdentity(files, dataDirectory, { owner, format });
  logger.info(`a new data directory for member ${member}: ${dataDirectory}`);
  const log = await recoverLog(files, logDirectory, owner);
  return { owner, format, log: log!, snapshots: [], restart: null };
}

/** ZooKeeper's own data: starting empty beside them would look like losing them. */
export async function refuseForeign({ files, directories }: Place): Promise<void> {
  for (const directory of directories) {
    const path = pathIn(directory, "version-2");
    const names = await files.list(path).catch((error) => {
      if (isAbsent(error) || (error as { readonly code?: string }).code === "ENOTDIR") return [];
      throw error;
    });
    const file = names.find((name) => name.startsWith("log.") || name.startsWith("snapshot."));
    if (file === undefined) continue;
    const remedy = "Choose an empty directory as `dataDir` and `dataLogDir`; nothing was changed";
    throw foreignError(pathIn(path, file), 0, "this directory holds data of Apache ZooKeeper", remedy);
  }
}
