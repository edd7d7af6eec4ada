// The commands of operators: backups, and what becomes of an ensemble as a whole.

import type { Command, CommanderError } from "commander";
import { oneOf, wholeNumber } from "./arguments.ts";
import type { BackupOptions } from "./backup.ts";
import type { RecoverOptions } from "./recover.ts";
import type { RestoreOptions } from "./restore.ts";
import { onMember, type ServerOptions, serverFlags } from "./server-flags.ts";

export function addOperatorCommands(cabildo: Command, leave: (error: CommanderError) => never): void {
  const backup = withAccess(cabildo.command("backup"))
    .summary("copy all data of a running cluster into a file")
    .description(
      "Fetches everything that was acknowledged before the call from one member, while it serves. The file is checksummed, " +
        "and is there only once it is whole.",
    )
    .option("--out <file>", "where to; - for stdout")
    .addHelpText("after", BACKUP_HELP)
    .action(async (options: BackupOptions) => {
      const { out } = options;
      if (out === undefined) return backup.error("error: --out says which file to write");
      const { runBackup } = await import("./backup.ts");
      process.exitCode = await runBackup({ ...options, out });
    });
  backup.exitOverride(leave);
  const verify = formatted(backup.command("verify"))
    .summary("check that a backup can be restored")
    .description(
      "Reads a backup to its end: every byte must be what was written, and this version must be able to read its state.",
    )
    .argument("<file>", "a backup")
    .action(async (file: string, options: { output: string }) => {
      const { runVerify } = await import("./backup.ts");
      process.exitCode = await runVerify(file, options.output);
    });
  verify.exitOverride(leave);

  const restore = formatted(onMember(cabildo.command("restore")))
    .summary("begin a new cluster from a backup")
    .description(
      "Writes a backup into the empty data directory of one member, which then begins a new ensemble. Its other members start " +
        "with empty directories. All sessions, ephemeral nodes and locks end.",
    )
    .argument("<file>", "a backup")
    .argument("[config]", "this member's zoo.cfg or cabildo.yaml")
    .option(SEQUENCE_GAP, SEQUENCE_GAP_TEXT, wholeNumber(0, 2 ** 44), 2 ** 36)
    .addHelpText("after", RESTORE_HELP)
    .action(async (file: string, config: string | undefined, options: ServerOptions & RestoreOptions) => {
      const { runRestore } = await import("./restore.ts");
      process.exitCode = await runRestore(file, config ?? null, serverFlags(options), options);
    });
  restore.exitOverride(leave);

  const recover = formatted(onMember(cabildo.command("recover")))
    .summary("begin a new cluster from one survivor, when a majority is lost for good")
    .description(
      "Says what the data directory of a stopped member holds. With --force-new-ensemble it makes that member the first of a new " +
        "ensemble. What only the lost members held is lost; no member of the old ensemble can come back.",
    )
    .argument("[config]", "the stopped member's zoo.cfg or cabildo.yaml")
    .option("--force-new-ensemble", "begin a new ensemble from this directory")
    .option(SEQUENCE_GAP, SEQUENCE_GAP_TEXT, wholeNumber(0, 2 ** 44), 2 ** 36)
    .addHelpText("after", RECOVER_HELP)
    .action(async (config: string | undefined, options: ServerOptions & RecoverOptions) => {
      const { runRecover } = await import("./recover.ts");
      process.exitCode = await runRecover(config ?? null, serverFlags(options), options);
    });
  recover.exitOverride(leave);
}

const SEQUENCE_GAP = "--sequence-gap <number>";
const SEQUENCE_GAP_TEXT =
  "begin so many sequence numbers above the old cluster's, so that no fencing token is given twice: at least what it applied since";

function withAccess(command: Command): Command {
  return formatted(command)
    .option("--member <host:port>", "the member's management port (admin.serverPort), instead of 127.0.0.1:8080")
    .option("--token-file <file>", "holds the member's token, instead of CABILDO_TOKEN_FILE")
    .option("--config <file>", "the member's zoo.cfg or cabildo.yaml, which says both");
}

function formatted(command: Command): Command {
  return command.option("-o, --output <format>", "text or json", oneOf("text", "json"), "text");
}

const BACKUP_HELP = `
Examples:
  cabildo backup --config /etc/cabildo/zoo.cfg --out monday.backup
  cabildo backup --member 127.0.0.1:8080 --token-file /var/lib/cabildo/operator-token --out monday.backup
  cabildo backup verify monday.backup

A member draws its token at its first start and keeps it in its data directory (operator-token). It answers operators on its own
machine only, unless admin.remoteOperations says otherwise: then the data cross the network unencrypted.`;

const RESTORE_HELP = `
Example:
  cabildo restore monday.backup zoo.cfg && cabildo server zoo.cfg      # on one machine; empty directories on the others`;

const RECOVER_HELP = `
1. Stop every member that is left. Save the data directories.
2. Compare what each survivor holds:        cabildo recover zoo.cfg
3. On the one that holds most:              cabildo recover --force-new-ensemble zoo.cfg
4. Start it; start the others with empty data directories.`;
