// The directories of a member, and what storage needs to work there.

import type { Logger } from "../../base/logger.ts";
import type { Chance } from "./chance.ts";
import type { Files } from "./files.ts";

export interface Place {
  readonly files: Files;
  readonly dataDirectory: string;
  readonly logDirectory: string;
  readonly directories: readonly string[];
  readonly member: number;
  readonly logger: Logger;
  readonly chance: Chance;
  readonly wall: () => number;
}
