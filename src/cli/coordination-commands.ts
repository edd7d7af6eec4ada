// The commands that coordinate: locks and elections around another program, and single nodes.

import type { Command, CommanderError } from "commander";
import { oneOf, seconds, wholeNumber } from "./arguments.ts";
import type { BenchOptions } from "./bench.ts";
import { onCluster } from "./context-commands.ts";
import type { ElectOptions } from "./elect.ts";
import type { ExportOptions, ImportOptions } from "./exported-nodes.ts";
import type { LockOptions } from "./lock.ts";
import type { CreateNodeOptions, ListOptions, NodeOptions, RemoveOptions, SetOptions } from "./nodes.ts";
import type { WatchOptions } from "./watch.ts";

export function addCoordinationCommands(cabildo: Command, leave: (error: CommanderError) => never): void {
  const lock = held(cabildo.command("lock"))
    .summary("run a command while holding a lock")
    .description(
      "Waits for the lock, runs the command while it is held, and ends with the command's exit status. When the lock is " +
        "lost, the command is made to end.",
    )
    .argument(
      "<name>",
      "a name (below /locks), or an exact path that begins with a slash, shared with Curator and kazoo",
    )
    .argument("<command...>", "what to run; put -- before it")
    .option(
      "--wait <seconds>",
      "how long to wait for the lock; 0: not at all (default: for ever)",
      seconds(0, WAIT_MAX),
    )
    .addHelpText("after", LOCK_HELP)
    .action(async (name: string, argv: string[], options: LockOptions) => {
      const { runLock } = await import("./lock.ts");
      process.exitCode = await runLock(name, argv, options);
    });
  lock.exitOverride(leave);

  const elect = held(cabildo.command("elect"))
    .summary("run a command while leading an election")
    .description("Stands for election, runs the command while it leads, and makes it end when leadership is lost.")
    .argument("<name>", "a name (below /elections), or an exact path that begins with a slash, shared with Curator")
    .argument("<command...>", "what to run; put -- before it")
    .option("--id <text>", "who the candidate is, for those who observe (default: host:process)")
    .option("--value <text>", "what others should know about it, such as its address")
    .option(
      "--priority <number>",
      "among those who wait, one with the highest priority leads next (default: 0)",
      wholeNumber(0, 1 << 30),
    )
    .option("--forever", "stand again after each term, until asked to end")
    .addHelpText("after", ELECT_HELP)
    .action(async (name: string, argv: string[], options: ElectOptions) => {
      const { runElect } = await import("./elect.ts");
      process.exitCode = await runElect(name, argv, options);
    });
  elect.exitOverride(leave);

  const get = onNode(cabildo.command("get"))
    .summary("print a node's data")
    .description("Prints exactly what the node holds; with -o json also its metadata.")
    .argument("<path>", "from the root, or below the chroot of the URL")
    .action(async (path: string, options: NodeOptions) => {
      const { runGet } = await import("./nodes.ts");
      process.exitCode = await runGet(path, options);
    });
  get.exitOverride(leave);

  const set = onNode(cabildo.command("set"))
    .summary("change a node's data")
    .description("Replaces what the node holds, by the value, or by what comes on stdin.")
    .argument("<path>", "from the root, or below the chroot of the URL")
    .argument("[value]", "the new data; stdin unless given, or if it is -")
    .option("--create", "make it, and its parents, where it is not there")
    .option("--version <number>", "only if it has this version", wholeNumber(0, 2 ** 31 - 1))
    .action(async (path: string, value: string | undefined, options: SetOptions) => {
      const { runSet } = await import("./nodes.ts");
      process.exitCode = await runSet(path, value, options);
    });
  set.exitOverride(leave);

  const create = onNode(cabildo.command("create"))
    .summary("create a node")
    .description("Creates a node, and prints its path.")
    .argument("<path>", "from the root, or below the chroot of the URL")
    .argument("[value]", "its data; - for stdin")
    .option("-p, --parents", "create missing parents too")
    .option("--sequential", "the servers put a number behind the name")
    .option("--container", "the servers remove it when its last child has gone")
    .option("--ttl <seconds>", "the servers remove it when it was not changed for so long", seconds(0.001, 2 ** 30))
    .action(async (path: string, value: string | undefined, options: CreateNodeOptions) => {
      const { runCreate } = await import("./nodes.ts");
      process.exitCode = await runCreate(path, value, options);
    });
  create.exitOverride(leave);

  const list = onNode(cabildo.command("ls"))
    .summary("list a node's children")
    .argument("[path]", "from the root, or below the chroot of the URL", "/")
    .option("-r, --recursive", "everything below")
    .action(async (path: string, options: ListOptions) => {
      const { runList } = await import("./nodes.ts");
      process.exitCode = await runList(path, options);
    });
  list.exitOverride(leave);

  const remove = onNode(cabildo.command("rm"))
    .summary("remove a node")
    .argument("<path>", "from the root, or below the chroot of the URL")
    .option("-r, --recursive", "with everything below it")
    .option("--version <number>", "only if it has this version", wholeNumber(0, 2 ** 31 - 1))
    .action(async (path: string, options: RemoveOptions) => {
      const { runRemove } = await import("./nodes.ts");
      process.exitCode = await runRemove(path, options);
    });
  remove.exitOverride(leave);

  const watch = onNode(cabildo.command("watch"))
    .summary("print what changes at a node")
    .description(
      "Prints what is there, then a line for each change, until it is asked to end. After a lost connection or session it " +
        "goes on with what has changed meanwhile. Changes that follow each other quickly are told as one.",
    )
    .argument("<path>", "a node, there or not yet")
    .option("-r, --recursive", "everything below as well")
    .option("--exec <command>", "run this in a shell for each change, one at a time, instead of printing it")
    .option("--no-initial", "leave out what is there at the beginning")
    .addHelpText("after", WATCH_HELP)
    .action(async (path: string, options: WatchOptions) => {
      const { runWatch } = await import("./watch.ts");
      process.exitCode = await runWatch(path, options);
    });
  watch.exitOverride(leave);

  const exported = onNode(cabildo.command("export"))
    .summary("print a node and all below it as JSON lines")
    .description(
      "Prints a line of JSON for a node and each node below it, without ephemeral nodes and without /zookeeper. It is read while " +
        "others write: for one moment's state take a backup.",
    )
    .argument("[path]", "what to export", "/")
    .option("--acls", "with access lists")
    .action(async (path: string, options: ExportOptions) => {
      const { runExport } = await import("./exported-nodes.ts");
      process.exitCode = await runExport(path, options);
    });
  exported.exitOverride(leave);

  const imported = onNode(cabildo.command("import"))
    .summary("create nodes from JSON lines")
    .description(
      "Creates the nodes of an export that are missing. Exit status 1: some are there with other data, and were left.",
    )
    .argument("[file]", "what `cabildo export` printed; stdin unless given, or if it is -")
    .option("--to <path>", "below which node", "/")
    .option("--overwrite", "give nodes that are there the data of the file")
    .action(async (file: string | undefined, options: ImportOptions) => {
      const { runImport } = await import("./exported-nodes.ts");
      process.exitCode = await runImport(file, options);
    });
  imported.exitOverride(leave);

  const bench = onNode(cabildo.command("bench"))
    .summary("measure how much a cluster takes")
    .description(
      "Loads a cluster with operations on nodes of its own, and prints how many a second it took and how long they took. It removes its " +
        "nodes in the end. Others notice it: do not load a cluster that people rely on.",
    )
    .argument("<load>", "set, get, create, or mixed (9 reads to 1 write)", oneOf("set", "get", "create", "mixed"))
    .option("--clients <number>", "connections, each with a session of its own", wholeNumber(1, 1000), 8)
    .option("--depth <number>", "operations in hand, of each client", wholeNumber(1, 1000), 16)
    .option("--seconds <number>", "how long (default: 10)", seconds(0.1, 3600))
    .option("--value-bytes <number>", "what each node holds", wholeNumber(0, 1_000_000), 256)
    .action(async (load: string, { seconds: duration = 10_000, ...options }: BenchFlags) => {
      const { runBench } = await import("./bench.ts");
      process.exitCode = await runBench({ ...options, load, duration });
    });
  bench.exitOverride(leave);

  const completion = cabildo
    .command("completion")
    .summary("print a shell's completion script")
    .argument("<shell>", "bash, zsh or fish", oneOf("bash", "zsh", "fish"))
    .addHelpText("after", COMPLETION_HELP)
    .action(async (shell: string) => {
      const { completionScript } = await import("./completion.ts");
      process.stdout.write(completionScript(cabildo, shell));
    });
  completion.exitOverride(leave);
  const ask = cabildo
    .command("__complete", { hidden: true })
    .argument("<line>", "a command line up to the cursor")
    .action(async (line: string) => {
      const { runComplete } = await import("./complete-line.ts");
      await runComplete(cabildo, line);
    });
  ask.exitOverride(leave);
}

type BenchFlags = Omit<BenchOptions, "load" | "duration"> & { readonly seconds?: number };

function onServers(command: Command): Command {
  return onCluster(command)
    .option(
      "--session-timeout <seconds>",
      "silence after which the servers let go of what it holds (default: 10)",
      seconds(0.1, 3600),
    )
    .option("--auth <scheme:credential>", "who you are, as digest:user:password (default: CABILDO_AUTH)");
}

function onNode(command: Command): Command {
  return onServers(command).option("-o, --output <format>", "text or json", oneOf("text", "json"), "text");
}

function held(command: Command): Command {
  return onServers(command)
    .option(
      "--grace <seconds>",
      "from SIGTERM to SIGKILL, when the command is made to end (default: 5)",
      seconds(0, 3600),
    )
    .option(
      "--on-unsure <what>",
      "when the servers are not reached: hold on until-deadline, or abort at once",
      oneOf("abort", "until-deadline"),
      "until-deadline",
    );
}

/** About as long as a timer can be. */
const WAIT_MAX = 2_000_000;

const HELD_EXIT_STATUS = `
Exit status: the command's; 128 and the signal's number if a signal ended it; 126 if it cannot be run, 127 if there is none;
69 servers not reached, 76 lost while it ran, 2 asked for in a way that cannot be`;

const LOCK_HELP = `
Examples:
  cabildo lock billing -- ./bill.sh
  cabildo lock /app/curators/lock --wait 30 --connect zookeeper://zoo1:2181,zoo2:2181 -- make deploy

The command finds CABILDO_LOCK_NAME and CABILDO_LOCK_TOKEN in its environment. The token is larger than that of every holder
before: send it with what you write, and let the store turn down what is lower than it has seen.
${HELD_EXIT_STATUS}, 75 not acquired in time.`;

const ELECT_HELP = `
Examples:
  cabildo elect cron -- ./scheduler
  cabildo elect cron --forever --id "$HOSTNAME" --priority 10 -- ./scheduler

The command finds CABILDO_ELECTION_NAME and CABILDO_ELECTION_TOKEN in its environment.
${HELD_EXIT_STATUS}.`;

const WATCH_HELP = `
Examples:
  cabildo watch /app --recursive -o json
  cabildo watch /app/flags --exec 'cat > /etc/app/flags.json && systemctl reload app'

The command of --exec finds CABILDO_CHANGE (present, created, data-changed, children-changed, deleted) and CABILDO_PATH in its
environment, and the node's data on its stdin. While it runs, further changes of a node are kept as one, the last.`;

const COMPLETION_HELP = `
Examples:
  source <(cabildo completion bash)                                      # in ~/.bashrc
  source <(cabildo completion zsh)                                       # in ~/.zshrc, behind compinit
  cabildo completion fish > ~/.config/fish/completions/cabildo.fish`;
