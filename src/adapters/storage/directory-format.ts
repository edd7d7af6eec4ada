// The format of a data directory, as its identity says it: which programs may open it. It is raised with the feature level, so
// that an older program ends at its start with a reason, and changes nothing. Without this, it would take for damage what it
// cannot read in the log, and set it aside.

import type { Logger } from "../../base/logger.ts";
import type { After } from "../timers.ts";
import { type Files, isNoSpace } from "./files.ts";
import { directoryFormatOf, type Identity, writeIdentity } from "./identity.ts";

const AGAIN_MS = 1000;

export interface DirectoryFormatOptions {
  readonly files: Files;
  readonly directory: string;
  readonly after: After;
  readonly logger: Logger;
  readonly onFailure: (error: Error) => void;
}

/** Invariant: the format on the disk is never above what a level asked for, and never goes back. */
export class DirectoryFormat {
  readonly #options: DirectoryFormatOptions;
  #identity: Identity;
  #wanted: number;
  #writing: Promise<void> | null = null;
  #isClosed = false;

  constructor(identity: Identity, options: DirectoryFormatOptions) {
    this.#options = options;
    this.#identity = identity;
    this.#wanted = identity.format;
  }

  /** Asked often, with the level as it is. */
  requireLevel(level: number): void {
    const format = directoryFormatOf(level);
    if (format <= this.#wanted) return;
    this.#wanted = format;
    this.#write();
  }

  /** What is being written is finished first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  #write(): void {
    if (this.#isClosed || this.#writing !== null || this.#identity.format >= this.#wanted) return;
    const { files, directory, logger, after, onFailure } = this.#options;
    const next = { ...this.#identity, format: this.#wanted };
    this.#writing = writeIdentity(files, directory, next).then(
      () => {
        this.#writing = null;
        this.#identity = next;
        logger.info(`the data directory has format ${next.format} from now on: older versions refuse it`);
        this.#write();
      },
      (error: Error) => {
        this.#writing = null;
        if (this.#isClosed) return;
        if (isNoSpace(error)) after(AGAIN_MS, () => this.#write());
        else onFailure(error);
      },
    );
  }
}
