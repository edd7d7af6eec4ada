// A disk that really fills up: a small file system in memory, where the system lets this user mount one.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class SmallDisk {
  readonly directory: string;
  readonly #filler: string;

  /** Mounts it at `directory`, which is made. */
  constructor(directory: string, bytes: number) {
    mkdirSync(directory, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "cabildo-test", directory], { stdio: "pipe" });
    this.directory = directory;
    this.#filler = join(directory, "filler");
  }

  /** Null, or why none can be mounted. */
  static whyNot(): string | null {
    const directory = mkdtempSync(join(tmpdir(), "cabildo-mount-"));
    try {
      new SmallDisk(directory, 65_536)[Symbol.dispose]();
      return null;
    } catch (error) {
      return `no file system may be mounted here: ${(error as Error).message.trim().split("\n").at(-1)}`;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Takes so much of it away. */
  fill(bytes: number): void {
    writeFileSync(this.#filler, new Uint8Array(bytes));
  }

  /** Takes all that is left. */
  fillUp(): void {
    const file = openSync(this.#filler, "w");
    const some = new Uint8Array(4096);
    try {
      for (;;) writeSync(file, some);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  /** Nothing may be using it any more. */
  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.directory], { stdio: "pipe" });
  }
}
