// The access to the few files that a configuration names. Everything else is tested on text alone.

import { readFileSync, statSync } from "node:fs";

export interface FileReader {
  /** The text of a file; null where there is none. */
  read(path: string): string | null;
  isDirectory(path: string): boolean;
  /** Who may do what with a file, as the system's nine bits; null where that says nothing. */
  permissions(path: string): number | null;
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
  permissions: (path) => {
    const mode = process.platform === "win32" ? undefined : statSync(path, { throwIfNoEntry: false })?.mode;
    return mode === undefined ? null : mode & 0o777;
  },
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
};
