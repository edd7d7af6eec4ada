// The commands that show who holds and who waits.

import type { Command, CommanderError } from "commander";
import { oneOf, seconds } from "./arguments.ts";
import type { ListingOptions } from "./contenders.ts";
import { onCluster } from "./context-commands.ts";

export function addContenderCommands(cabildo: Command, leave: (error: CommanderError) => never): void {
  const locks = listing(cabildo.command("locks"))
    .summary("show who holds locks and permits, and who waits")
    .description(
      "Shows the holders and the waiters of locks, read-write locks and semaphores, in order: who they are, their fencing tokens and sessions, " +
        "and since when they are in the queue. Programs of Curator and kazoo are shown as they describe themselves.",
    )
    .argument(
      "[name...]",
      "names, or exact paths that begin with a slash (default: all below /locks, /rw-locks and /semaphores)",
    )
    .action(async (names: string[], options: ListingOptions) => {
      const { runLocks } = await import("./contenders.ts");
      process.exitCode = await runLocks(names, options);
    });
  locks.exitOverride(leave);

  const elections = listing(cabildo.command("elections"))
    .summary("show who leads, and who else stands")
    .description("Shows the leader and the candidates of elections, in order.")
    .argument("[name...]", "names, or exact paths that begin with a slash (default: all below /elections)")
    .action(async (names: string[], options: ListingOptions) => {
      const { runElections } = await import("./contenders.ts");
      process.exitCode = await runElections(names, options);
    });
  elections.exitOverride(leave);

  const sessions = listing(cabildo.command("sessions"))
    .summary("show sessions, and what they hold")
    .description(
      "Shows the sessions that are connected, from where and with which timeout, and the locks and elections that each has a place in. " +
        "The servers must allow the word cons; without it, only sessions with such places are shown.",
    )
    .action(async (options: ListingOptions) => {
      const { runSessions } = await import("./contenders.ts");
      process.exitCode = await runSessions(options);
    });
  sessions.exitOverride(leave);
}

function listing(command: Command): Command {
  return onCluster(command)
    .option("--session-timeout <seconds>", "of its own session (default: 10)", seconds(0.1, 3600))
    .option("--auth <scheme:credential>", "who you are, as digest:user:password (default: CABILDO_AUTH)")
    .option("-o, --output <format>", "table or json", oneOf("table", "json"), "table");
}
