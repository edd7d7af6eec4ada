// The few files that a configuration leads to: read through this, so that everything else is tested on text alone.

import { readFileSync, statSync } from "node:fs";

export interface FileReader {
  /** The text of a file; null where there is none. */
  read(path: string): string | null;
  isDirectory(path: string): boolean;
}

export const disk: FileReader = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
        return null;
      throw error;
    }
  },
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
};
