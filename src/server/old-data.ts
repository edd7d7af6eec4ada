// A member's data, moved aside within its directories before something else takes their place. Nothing is deleted.

import { moveData } from "../adapters/storage/set-aside.ts";
import { systemFiles } from "../adapters/storage/system-files.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

/** Into a directory of this name, below each of the member's directories. */
export async function setDataAside({ dataDir, logDir }: ServerConfiguration, name: string): Promise<void> {
  for (const directory of new Set([dataDir, logDir])) await moveData(systemFiles, directory, `${directory}/${name}`);
}
