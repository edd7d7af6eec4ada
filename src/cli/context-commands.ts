// The command that keeps clusters under names, and the options by which the others are told which cluster is meant.

import type { Command, CommanderError } from "commander";
import { oneOf } from "./arguments.ts";
import type { AddOptions, ContextOptions } from "./context.ts";

export function addContextCommands(cabildo: Command, leave: (error: CommanderError) => never): void {
  const context = cabildo
    .command("context")
    .summary("keep clusters under names, and choose one")
    .description(
      "Keeps clusters under names in contexts.yaml, in $XDG_CONFIG_HOME/cabildo or ~/.config/cabildo. The file holds addresses and " +
        "paths, and no secrets.",
    )
    .addHelpText("after", CONTEXT_HELP);
  context.exitOverride(leave);
  const add = formatted(context.command("add"))
    .summary("add a context")
    .argument("<name>", "how to call it")
    .requiredOption("--connect <url>", "where its servers are: zookeeper:// or zookeeper+tls://")
    .option("--management <addresses>", "its management ports, host:port,host:port (default: they follow from the URL)")
    .option("--token-file <file>", "holds the token for operators; only the path is kept")
    .option("--overwrite", "replace a context of that name")
    .action(async (name: string, options: AddOptions) => {
      const { runContextAdd } = await import("./context.ts");
      process.exitCode = runContextAdd(name, options);
    });
  const list = formatted(context.command("list"))
    .summary("list the contexts; * stands before the one in use")
    .action(async (options: ContextOptions) => {
      const { runContextList } = await import("./context.ts");
      process.exitCode = runContextList(options);
    });
  const use = formatted(context.command("use"))
    .summary("choose the context that commands use")
    .argument("[name]", "a context")
    .option("--none", "use no context")
    .action(async (name: string | undefined, options: ContextOptions & { readonly none?: boolean }) => {
      const { runContextUse } = await import("./context.ts");
      process.exitCode = runContextUse(name, options);
    });
  const remove = formatted(context.command("remove"))
    .summary("remove a context")
    .argument("<name>", "a context")
    .action(async (name: string, options: ContextOptions) => {
      const { runContextRemove } = await import("./context.ts");
      process.exitCode = runContextRemove(name, options);
    });
  const show = formatted(context.command("show"))
    .summary("show a context; without a name, which cluster commands use, and why")
    .argument("[name]", "a context")
    .action(async (name: string | undefined, options: ContextOptions) => {
      const { runContextShow } = await import("./context.ts");
      process.exitCode = runContextShow(name, options);
    });
  for (const command of [add, list, use, remove, show]) command.exitOverride(leave);
}

/** The options of every command that connects to servers as a client does. */
export function onCluster(command: Command): Command {
  return withContext(
    command.option(
      "--connect <url>",
      "where the servers are (default: CABILDO_CONNECT, else the context, else zookeeper://127.0.0.1:2181; zookeeper+tls:// with TLS)",
    ),
  );
}

export function withContext(command: Command): Command {
  return command.option(
    "--context <name>",
    "the cluster, by its name (default: CABILDO_CONTEXT, else the one of `context use`)",
  );
}

function formatted(command: Command): Command {
  return command.option("-o, --output <format>", "text or json", oneOf("text", "json"), "text");
}

const CONTEXT_HELP = `
Examples:
  cabildo context add prod --connect zookeeper://zoo1:2181,zoo2:2181 --management zoo1:8080,zoo2:8080
  cabildo context use prod && cabildo ls /
  cabildo status --context staging

Which cluster a command uses: --connect or --context; else CABILDO_CONNECT; else CABILDO_CONTEXT; else the context of
\`context use\`; else zookeeper://127.0.0.1:2181.`;
