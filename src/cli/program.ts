// The commands, their flags and their help. Each command's code is loaded only when it runs.

import { Command, type CommanderError } from "commander";
import { CABILDO_VERSION } from "../base/version.ts";
import { oneOf, wholeNumber } from "./arguments.ts";
import type { ClusterOptions } from "./chosen-cluster.ts";
import { addContenderCommands } from "./contender-commands.ts";
import { addContextCommands, withContext } from "./context-commands.ts";
import { addCoordinationCommands } from "./coordination-commands.ts";
import { EXIT_USAGE } from "./exit.ts";
import { addOperatorCommands } from "./operator-commands.ts";
import { onMember, type ServerOptions, serverFlags } from "./server-flags.ts";

export function program(): Command {
  const cabildo = new Command("cabildo")
    .description("Distributed coordination: a Raft-replicated server that ZooKeeper clients use unchanged.")
    .version(CABILDO_VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .commandsGroup(HELP_GROUP) // of the command help, and of what stands in no other group
    .helpCommand("help [command]", "print the help of a command")
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError("(see --help)")
    .enablePositionalOptions() // a command's own --version is its own
    .exitOverride(leave);

  const server = onMember(cabildo.command("server"))
    .summary("run one member in the foreground")
    .description(
      "Runs one member in the foreground, from a zoo.cfg (any *.cfg or *.properties) or a cabildo.yaml. Without FILE, " +
        "everything comes from the environment and from flags. Flags beat environment beat file beat default.",
    )
    .argument("[file]", "zoo.cfg or cabildo.yaml")
    .addHelpText("after", SERVER_HELP)
    .action(async (file: string | undefined, options: ServerOptions) => {
      const { runServer } = await import("./server.ts");
      await runServer(file ?? null, serverFlags(options));
    });
  server.exitOverride(leave);

  const dev = cabildo
    .command("dev")
    .summary("run a whole cluster on this machine")
    .description("Runs a cluster on loopback for development, each member its own process, until Ctrl-C.")
    .option("--members <number>", "how many members (default: 3)", wholeNumber(1, 9))
    .option(
      "--port <port>",
      "the first member's client port; the others follow (default: 2181)",
      wholeNumber(1, 65_535),
    )
    .option("--data <directory>", "keep the data here; without it, it is gone in the end")
    .action(async (options: DevOptions) => {
      const { runDev } = await import("./dev.ts");
      await runDev({ members: options.members ?? null, port: options.port ?? null, data: options.data ?? null });
    });
  dev.exitOverride(leave);

  const status = withContext(cabildo.command("status"))
    .summary("show the members of a cluster")
    .description(
      "Asks members how they are, and those that they tell of, and prints a table. The exit status is 1 if they have no quorum.",
    )
    .argument(
      "[address...]",
      "management addresses (admin.serverPort), host:port; one is enough (default: those of the context, else 127.0.0.1:8080 to 8082)",
    )
    .option(
      "--connect <url>",
      "where clients come in (CABILDO_CONNECT): management ports are 5899 above, as 8080 is of 2181",
    )
    .option("-o, --output <format>", "table or json", oneOf("table", "json"), "table")
    .option("--timeout <seconds>", "how long to wait for each", wholeNumber(1, 600), 2)
    .action(async (addresses: string[], options: StatusFlags) => {
      const { runStatus } = await import("./status.ts");
      const { timeout, ...rest } = options;
      process.exitCode = await runStatus(addresses, { ...rest, timeoutMs: timeout * 1000 });
    });
  status.exitOverride(leave);

  const doctor = withContext(cabildo.command("doctor"))
    .summary("look for what is wrong with a cluster, and say what to do")
    .description(
      "Asks every member, and checks quorum, members, versions, lag, disks, clocks, ports and limits. Each finding names its remedy. " +
        "Exit status: 0 nothing but warnings, 1 problems.",
    )
    .argument("[address...]", "as for status")
    .option("--connect <url>", "as for status")
    .option("-o, --output <format>", "text or json", oneOf("text", "json"), "text")
    .option("--timeout <seconds>", "how long to wait for each", wholeNumber(1, 600), 2)
    .action(async (addresses: string[], options: StatusFlags) => {
      const { runDoctor } = await import("./doctor.ts");
      const { timeout, ...rest } = options;
      process.exitCode = await runDoctor(addresses, { ...rest, timeoutMs: timeout * 1000 });
    });
  doctor.exitOverride(leave);

  const check = cabildo
    .command("check")
    .summary("check that a recorded history is linearizable")
    .description(
      "Checks whether a history of concurrent operations is linearizable (its format: docs/checking.md). If it is not, " +
        "says why, and draws it as a page beside the history.",
    )
    .argument("<history>", "a JSON file")
    .option("--html <file>", "where to draw it, whatever the verdict (default: beside it, if it is not linearizable)")
    .option("--no-html", "draw nothing")
    .option("--seconds <number>", "how long to search", wholeNumber(1, 86_400), 60)
    .option("-o, --output <format>", "text or json", oneOf("text", "json"), "text")
    .addHelpText("after", CHECK_HELP)
    .action(async (history: string, options: CheckOptions) => {
      const { runCheck } = await import("./check.ts");
      process.exitCode = runCheck(history, {
        html: options.html === false ? "never" : options.html === undefined ? "if-violated" : { file: options.html },
        seconds: options.seconds,
        json: options.output === "json",
      });
    });
  check.exitOverride(leave);

  const explain = cabildo
    .command("explain")
    .summary("say what an error's code means, and what to do")
    .argument("<code>", "as an error or an exit status has it, such as no-quorum, -101 or 75")
    .option("-o, --output <format>", "text or json", oneOf("text", "json"), "text")
    .action(async (code: string, options: { output: string }) => {
      const { runExplain } = await import("./explain.ts");
      process.exitCode = runExplain(code, options.output);
    });
  explain.exitOverride(leave);

  addCoordinationCommands(cabildo, leave);
  addContenderCommands(cabildo, leave);
  addOperatorCommands(cabildo, leave);
  addContextCommands(cabildo, leave);
  putInGroups(cabildo);
  return cabildo;
}

const HELP_GROUP = "Help and checks:";
/** In the order of the help. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Run servers:": ["server", "dev"],
  "Coordinate:": ["lock", "elect", "locks", "elections", "sessions"],
  "Nodes:": ["get", "set", "create", "ls", "rm", "watch", "export", "import"],
  "Operate a cluster:": ["context", "status", "doctor", "member", "leader", "backup", "restore", "recover"],
  [HELP_GROUP]: ["explain", "check", "bench", "completion"],
};

function putInGroups(cabildo: Command): void {
  const order = Object.values(GROUPS).flat();
  const commands = cabildo.commands as Command[]; // the help shows them, and the groups, in this order
  commands.sort((one, other) => order.indexOf(one.name()) - order.indexOf(other.name()));
  for (const [heading, names] of Object.entries(GROUPS)) {
    for (const name of names) cabildo.commands.find((command) => command.name() === name)?.helpGroup(heading);
  }
}

const SERVER_HELP = `
Examples:
  cabildo server /etc/zookeeper/zoo.cfg
  cabildo server cabildo.yaml --client-port 2281
  cabildo server zoo.cfg -Dzookeeper.globalOutstandingLimit=2000

SIGTERM hands leadership over, drains and ends within 5 seconds; a second one ends at once.
CABILDO_LOG_LEVEL=info|warn|error and CABILDO_LOG_FORMAT=text|json say what goes to stderr.`;

const CHECK_HELP = `
Exit status: 0 linearizable, 1 not, 2 no such history, 3 not decided in time.`;

interface StatusFlags extends ClusterOptions {
  readonly output: string;
  /** Seconds. */
  readonly timeout: number;
}

interface DevOptions {
  readonly members?: number;
  readonly port?: number;
  readonly data?: string;
}

interface CheckOptions {
  /** A file, or false for --no-html. */
  readonly html?: string | false;
  readonly seconds: number;
  readonly output: string;
}

/** Help and version were asked for: 0. Everything else that ends the program here is a slip of the user's: 2. */
function leave(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
}
