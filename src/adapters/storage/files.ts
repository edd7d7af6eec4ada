// The file system's port: the few operations that storage needs. The real one is in `system-files.ts`. Tests and the simulator
// bring one that fails, fills up, stalls, or forgets what was never synced.

export interface Files {
  /** "create" fails where the file exists, "update" and "read" where it does not. */
  open(path: string, mode: "create" | "update" | "read"): Promise<number>;
  close(file: number): Promise<void>;
  length(file: number): Promise<number>;
  /** Fills `into` from `position` on; returns how many bytes there were. */
  read(file: number, into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, or fails having written any part of them. */
  write(file: number, bytes: Uint8Array, position: number): Promise<void>;
  /** Makes all that was written to the file durable, and its length. */
  sync(file: number): Promise<void>;
  /** `write` and `sync` on the caller's thread: half the cost, for a disk that answers at once. */
  writeNow(file: number, bytes: Uint8Array, position: number): void;
  syncNow(file: number): void;
  truncate(file: number, length: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  /** Makes it and what is above it, durably; no error where it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>;
}

/** Whether the disk, or this user's share of it, has no room: the one failure that passes by itself. */
export function isNoSpace(error: unknown): boolean {
  const code = (error as { readonly code?: string } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

export function isAbsent(error: unknown): boolean {
  return (error as { readonly code?: string } | null)?.code === "ENOENT";
}

export async function readWhole(files: Files, path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await files.open(path, "read");
  try {
    const bytes = new Uint8Array(Math.min(bytesMax, await files.length(file)));
    return bytes.subarray(0, await files.read(file, bytes, 0));
  } finally {
    await files.close(file);
  }
}

export async function removeIfThere(files: Files, path: string): Promise<void> {
  await files.remove(path).catch((error) => {
    if (!isAbsent(error)) throw error;
  });
}
