// `cabildo backup`: fetches all data of a running ensemble from one of its members, into a file that is whole or not there.

import { createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { type VerifiedBackup, verifyBackup } from "../adapters/backup/reader.ts";
import { isNoSpace } from "../adapters/storage/files.ts";
import { CoordinationError } from "../base/errors.ts";
import { Machine } from "../state/machine.ts";
import { coordinationModels } from "../state/models.ts";
import { TreeModel } from "../state/tree/model.ts";
import { type AccessOptions, askOperation, memberAccess } from "./member-access.ts";
import { tellError } from "./operator-failure.ts";
import { bytesText } from "./status.ts";

export interface BackupOptions extends AccessOptions {
  /** A file, or `-` for stdout. */
  readonly out?: string;
  readonly output: string;
}

export async function runBackup(options: BackupOptions & { readonly out: string }): Promise<number> {
  try {
    if (options.out === "-") await pipeline(await askOperation(memberAccess(options), "backup"), process.stdout);
    else tellBackup(options.out, await fetchBackup(options), options.output);
    return 0;
  } catch (error) {
    return tellError(error, options.output);
  }
}

/** Checks a file as restoring it would: every byte, and that this version reads the state that it holds. */
export async function runVerify(file: string, output: string): Promise<number> {
  try {
    const backup = await verifyBackup(file);
    const machine = await readState(file, backup);
    tellBackup(file, backup, output, { znodes: machine.model(TreeModel).tree.nodeCount });
    return 0;
  } catch (error) {
    return tellError(error, output, { isChange: false });
  }
}

/** The state in a verified backup. Throws "damaged" where this version cannot read it. */
export async function readState(file: string, backup: VerifiedBackup): Promise<Machine> {
  const machine = new Machine(coordinationModels());
  const restorer = machine.restore();
  try {
    for await (const chunk of backup.payload()) restorer.push(chunk);
    const { appliedIndex, sequence } = restorer.complete();
    if (appliedIndex !== backup.header.index || sequence !== backup.header.sequence)
      throw new Error("its state is not the one that its header names");
  } catch (error) {
    const why = `${file} is undamaged, and version ${backup.header.program} wrote it, but this version cannot read it: `;
    throw new CoordinationError("damaged", "not-applied", `${why}${(error as Error).message}`, { cause: error });
  }
  restorer.finish();
  return machine;
}

async function fetchBackup(options: BackupOptions & { readonly out: string }): Promise<VerifiedBackup> {
  const { out } = options;
  if ((await stat(out).catch(() => null)) !== null) {
    throw new CoordinationError("configuration", "not-applied", `${out} is there already: name another file`);
  }
  const access = memberAccess(options);
  const unfinished = `${out}.unfinished`;
  await rm(unfinished, { force: true });
  try {
    const response = await askOperation(access, "backup");
    await pipeline(response, createWriteStream(unfinished, { flags: "wx", mode: 0o600, flush: true })).catch(
      (error) => {
        throw interrupted(error);
      },
    );
    const backup = await verifyBackup(unfinished);
    await rename(unfinished, out);
    await syncDirectory(dirname(out));
    return backup;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function interrupted(error: Error): CoordinationError {
  const code = isNoSpace(error) ? "no-space" : "connection-lost";
  const why = `the backup was cut short (${error.message}), and nothing of it was kept: try again; the member's log may say more`;
  return new CoordinationError(code, "not-applied", why, { cause: error });
}

function tellBackup(
  file: string,
  { header, fileBytes, sha256 }: VerifiedBackup,
  output: string,
  more: object = {},
): void {
  const taken = new Date(header.takenAt).toISOString();
  const { program, cluster, member, index, term, sequence } = header;
  if (output === "json") {
    const facts = { file, bytes: fileBytes, program, taken, cluster, member, index, term, sequence, ...more, sha256 };
    process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    return;
  }
  const counted = Object.entries(more).map(([name, count]) => `, ${count} ${name}`);
  process.stdout.write(
    `${file}: whole, ${bytesText(fileBytes)}, sequence ${sequence} (entry ${index}, term ${term})${counted.join("")}\n` +
      `taken ${taken} from member ${member} of ensemble ${cluster}, by version ${program}\n`,
  );
}
