// A folder as a user has it after `npm install cabildo tsx`: our compiled package and tsx in its node_modules, with their commands.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { builtServer } from "./built-server.ts";
import { repository } from "./cache.ts";

export interface UserFolder extends Disposable {
  readonly path: string;
}

export async function userFolder(): Promise<UserFolder> {
  const main = await builtServer();
  const path = mkdtempSync(join(tmpdir(), "cabildo-user-"));
  const modules = join(path, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  writeFileSync(join(path, "package.json"), "{}\n");
  symlinkSync(dirname(dirname(dirname(main))), join(modules, "cabildo"));
  for (const name of ["tsx", "@types"]) symlinkSync(join(repository, "node_modules", name), join(modules, name));
  addCommand("cabildo", main);
  addCommand("tsx", join(repository, "node_modules", "tsx", "dist", "cli.mjs"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };

  function addCommand(name: string, program: string): void {
    const file = join(modules, ".bin", name);
    writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
    chmodSync(file, 0o755);
  }
}
