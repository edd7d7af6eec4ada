// `cabildo watch --exec`: runs a shell command for each change, one at a time. While one runs, further changes of a node are kept as one.

import { spawn } from "node:child_process";
import { say } from "./servers.ts";

export interface TellableChange {
  readonly type: string;
  readonly path: string;
  /** What the node holds; null where it has gone. */
  readonly data: Uint8Array | null;
}

export class ChangeCommand {
  readonly #command: string;
  /** By path: the latest change of each, in order of the first. */
  readonly #waiting = new Map<string, TellableChange>();
  #running: Promise<void> | null = null;

  constructor(command: string) {
    this.#command = command;
  }

  tell(change: TellableChange): void {
    this.#waiting.set(change.path, change);
    this.#running ??= this.#runAll().finally(() => {
      this.#running = null;
    });
  }

  /** Completes when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #runAll(): Promise<void> {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next[0]);
      await this.#run(next[1]);
    }
  }

  /** The change stands in the command's environment, the node's data on its stdin. */
  #run({ type, path, data }: TellableChange): Promise<void> {
    return new Promise((resolve) => {
      const env = { ...process.env, CABILDO_CHANGE: type, CABILDO_PATH: path };
      const child = spawn(this.#command, { shell: true, env, stdio: ["pipe", "inherit", "inherit"] });
      child.stdin.on("error", () => {}); // it may not read
      child.stdin.end(data ?? new Uint8Array(0));
      child.once("error", (error) => {
        say(`the command cannot be run: ${error.message}`);
        resolve();
      });
      child.once("close", (code, signal) => {
        if (code !== 0) say(`the command ended with ${signal ?? code}, for ${type} ${path}`);
        resolve();
      });
    });
  }
}
