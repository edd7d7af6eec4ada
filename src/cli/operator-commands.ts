// The commands of operators: backups, and what becomes of an ensemble as a whole.

import type { Command, CommanderError } from "commander";
import { oneOf, wholeNumber } from "./arguments.ts";
import type { BackupOptions } from "./backup.ts";
import { withContext } from "./context-commands.ts";
import type { MemberOptions } from "./members.ts";
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
    .option(SEQUENCE_GAP, SEQUENCE_GAP_TEXT, wholeNumber(0, 2 ** 44), SEQUENCE_GAP_DEFAULT)
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
    .option(SEQUENCE_GAP, SEQUENCE_GAP_TEXT, wholeNumber(0, 2 ** 44), SEQUENCE_GAP_DEFAULT)
    .addHelpText("after", RECOVER_HELP)
    .action(async (config: string | undefined, options: ServerOptions & RecoverOptions) => {
      const { runRecover } = await import("./recover.ts");
      process.exitCode = await runRecover(config ?? null, serverFlags(options), options);
    });
  recover.exitOverride(leave);

  addMemberCommands(cabildo, leave);
}

function addMemberCommands(cabildo: Command, leave: (error: CommanderError) => never): void {
  const member = cabildo
    .command("member")
    .summary("list, add, remove and promote the members of a cluster")
    .description("Shows who belongs to a running cluster, and changes it. Each change is answered when it is in force.")
    .addHelpText("after", MEMBER_HELP);
  member.exitOverride(leave);
  const list = withMember(formatted(member.command("list")))
    .summary("show the members")
    .action(async (options: MemberOptions) => {
      const { runMemberList } = await import("./members.ts");
      process.exitCode = await runMemberList(options);
    });
  const add = withAccess(member.command("add"))
    .summary("add a member")
    .argument("<server>", "as in a file: server.4=host:2888:3888;2181; with :observer behind the ports it never votes")
    .action(async (server: string, options: MemberOptions) => {
      const { runMemberAdd } = await import("./members.ts");
      process.exitCode = await runMemberAdd(server, options);
    });
  const remove = withAccess(member.command("remove"))
    .summary("remove a member")
    .argument("<number>", "the member's number", MEMBER_NUMBER)
    .action(async (id: number, options: MemberOptions) => {
      const { runMemberRemove } = await import("./members.ts");
      process.exitCode = await runMemberRemove(id, options);
    });
  const promote = withAccess(member.command("promote"))
    .summary("give an observer a vote")
    .argument("<number>", "the member's number", MEMBER_NUMBER)
    .action(async (id: number, options: MemberOptions) => {
      const { runMemberPromote } = await import("./members.ts");
      process.exitCode = await runMemberPromote(id, options);
    });
  const leader = cabildo
    .command("leader")
    .summary("hand leadership over")
    .description("Changes who leads a running cluster.");
  leader.exitOverride(leave);
  const transfer = withAccess(leader.command("transfer"))
    .summary("hand leadership to another member; asked of the one that leads")
    .option("--to <number>", "to whom; to the one that is furthest along unless given", MEMBER_NUMBER)
    .action(async (options: MemberOptions & { readonly to?: number }) => {
      const { runLeaderTransfer } = await import("./members.ts");
      process.exitCode = await runLeaderTransfer(options);
    });
  for (const command of [list, add, remove, promote, transfer]) command.exitOverride(leave);
}

const MEMBER_NUMBER = wholeNumber(0, 2 ** 31 - 1);

const SEQUENCE_GAP = "--sequence-gap <number>";
/** More than an ensemble applies in 39 days at 20,000 commands a second. */
const SEQUENCE_GAP_DEFAULT = 2 ** 36;
const SEQUENCE_GAP_TEXT =
  "begin so many sequence numbers above the old cluster's, so that no fencing token is given twice: at least what it applied since";

function withMember(command: Command): Command {
  return withContext(command)
    .option("--member <host:port>", "a member's management port (admin.serverPort), instead of 127.0.0.1:8080")
    .option("--config <file>", "that member's zoo.cfg or cabildo.yaml, which says it");
}

function withAccess(command: Command): Command {
  return withContext(formatted(command))
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

const MEMBER_HELP = `
Examples:
  cabildo member list
  cabildo member add --config zoo.cfg 'server.4=zoo4:2888:3888;2181'
  cabildo member remove --config zoo.cfg 2

Start a new member with a file that lists the old ones and itself, then add it. It votes when it has caught up.`;
