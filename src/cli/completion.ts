// Shell completion, made from the commands themselves, so that it is always complete.

import type { Command, Option } from "commander";
import { isAskable, valueName } from "./complete-line.ts";

/** The command by which the scripts ask for names of nodes and contexts. It stands in no help. */
export const ASK_COMMAND = "__complete";

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Flag[];
  /** What its argument may be, where that is a choice. */
  readonly choices: readonly string[];
  /** It runs another command, which completes itself. */
  readonly runsOthers: boolean;
  /** Its arguments may be names of nodes or contexts. */
  readonly asks: boolean;
}

interface Flag {
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  /** Its value may be the name of a node or a context. */
  readonly asks: boolean;
}

export function completionScript(program: Command, shell: string): string {
  const shown = program.commands.filter((command) => command.name() !== ASK_COMMAND);
  const commands = shown.map((command) => completed(command));
  if (shell === "bash") return bash(commands);
  return shell === "zsh" ? zsh(commands) : fish(commands);
}

function completed(command: Command): Completed {
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    summary: command.summary(),
    options: command.options.map(flagOf),
    choices: [...choicesOf(argument?.parseArg), ...command.commands.map((inside) => inside.name())],
    runsOthers: command.registeredArguments.at(-1)?.name() === "command",
    asks: [command, ...command.commands].some((each) => each.registeredArguments.some((one) => isAskable(one.name()))),
  };
}

function flagOf(option: Option): Flag {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: choicesOf(option.parseArg),
    asks: isAskable(valueName(option.flags)),
  };
}

function choicesOf(parse: unknown): readonly string[] {
  return typeof parse === "function" && "choices" in parse ? (parse.choices as readonly string[]) : [];
}

// --------------------------------------------------------------------------------------------------------------- bash

function bash(commands: readonly Completed[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const words = commands.map(({ name, options, choices }) => {
    const flags = [...options.flatMap((option) => option.flags), "--help"];
    return `    ${name}) words="${[...choices, ...flags].join(" ")}" ;;`;
  });
  const values = commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map((flag) => `    ${flag.flags.map((each) => `${name}:${each}`).join("|")}) ${bashValue(flag)} ;;`),
  );
  const runners = commands.filter(({ runsOthers }) => runsOthers).map(({ name }) => name);
  const asking = commands.filter(({ asks }) => asks).map(({ name }) => name);
  return `# cabildo's completion for bash
# Offers the names of nodes and contexts that there are.
_cabildo_ask() {
  local line="\${COMP_LINE:0:COMP_POINT}" word prefix each
  word="\${line##*[[:space:]]}"
  # For bash a word also ends at a colon: what is offered begins behind it.
  case "$current" in
    :|=) prefix="$word" ;;
    *) prefix="\${word%"$current"}" ;;
  esac
  while IFS= read -r each; do
    printf -v each %q "$each"
    COMPREPLY+=("\${each#"$prefix"}")
  done < <(cabildo ${ASK_COMMAND} -- "$line" 2>/dev/null)
  case "\${COMPREPLY[0]}" in
    */*) compopt -o nospace 2>/dev/null ;;
  esac
}
_cabildo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words at
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  # Behind -- stands another command, with a completion of its own.
  case "$command" in
    ${runners.join("|")})
      for ((at = 2; at < COMP_CWORD; at++)); do
        if [ "\${COMP_WORDS[at]}" = "--" ]; then
          if declare -F _command_offset >/dev/null; then _command_offset $((at + 1))
          elif [ "$COMP_CWORD" -eq $((at + 1)) ]; then COMPREPLY=($(compgen -c -- "$current"))
          else COMPREPLY=($(compgen -f -- "$current")); fi
          return
        fi
      done ;;
  esac
  case "$command:$before" in
${values.join("\n")}
  esac
  case "$command" in
    ${asking.join("|")})
      case "$current" in
        -*) ;;
        *) _cabildo_ask; [ "\${#COMPREPLY[@]}" -eq 0 ] || return ;;
      esac ;;
  esac
  case "$command" in
${words.join("\n")}
    help) words="${names}" ;;
    *) return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case "$command" in
    ${asking.join("|")}) return ;; # a file is no node
  esac
  [ "\${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o bashdefault -F _cabildo cabildo
`;
}

function bashValue({ choices, asks }: Flag): string {
  if (asks) return "_cabildo_ask; return";
  const what = choices.length > 0 ? `-W "${choices.join(" ")}"` : "-f";
  return `COMPREPLY=($(compgen ${what} -- "$current")); return`;
}

// ---------------------------------------------------------------------------------------------------------------- zsh

function zsh(commands: readonly Completed[]): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map((command) => {
    const specs = command.options.map(zshSpec);
    if (command.runsOthers) specs.push("'1:name:_cabildo_ask'", "'*:::command:_normal'");
    else if (command.asks && command.choices.length > 0)
      specs.push(`'1:what:(${command.choices.join(" ")})'`, "'*:what:_cabildo_ask'");
    else if (command.asks) specs.push("'*:what:_cabildo_ask'");
    else if (command.choices.length > 0) specs.push(`'1:what:(${command.choices.join(" ")})'`);
    else specs.push("'*:what:_files'");
    return `      ${command.name}) _arguments ${specs.join(" ")} ;;`;
  });
  return `#compdef cabildo
# cabildo's completion for zsh
# Offers the names of nodes and contexts that there are.
_cabildo_ask() {
  local -a names
  names=(\${(f)"$(cabildo ${ASK_COMMAND} -- "$LBUFFER" 2>/dev/null)"})
  compadd -S '' -- $names
}
_cabildo() {
  local -a commands
  commands=(
${list.join("\n")}
  )
  local curcontext="$curcontext" state line
  _arguments -C '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe 'command' commands ;;
    argument) case "$words[1]" in
${cases.join("\n")}
    esac ;;
  esac
}
compdef _cabildo cabildo
`;
}

function zshSpec({ flags, description, takesValue, choices, asks }: Flag): string {
  const text = description.replaceAll(/[[\]:]/g, "\\$&");
  const value = takesValue
    ? `:value:${choices.length > 0 ? `(${choices.join(" ")})` : asks ? "_cabildo_ask" : "_files"}`
    : "";
  const spec = quoted(`[${text}]${value}`);
  return flags.length > 1 ? `{${flags.join(",")}}${spec}` : `${flags[0]}${spec}`;
}

// --------------------------------------------------------------------------------------------------------------- fish

function fish(commands: readonly Completed[]): string {
  const lines = ["# cabildo's completion for fish"];
  for (const { name, summary, options, choices, asks } of commands) {
    lines.push(`complete -c cabildo -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
    const inside = `-n '__fish_seen_subcommand_from ${name}'`;
    if (choices.length > 0) lines.push(`complete -c cabildo -f ${inside} -a '${choices.join(" ")}'`);
    if (asks) lines.push(`complete -c cabildo -f ${inside} -a ${FISH_ASK}`);
    for (const flag of options) lines.push(`complete -c cabildo ${inside} ${fishFlag(flag)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Offers the names of nodes and contexts that there are. */
const FISH_ASK = `'(cabildo ${ASK_COMMAND} -- (commandline -cp | string collect) 2>/dev/null)'`;

function fishFlag({ flags, description, takesValue, choices, asks }: Flag): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = takesValue
    ? choices.length > 0
      ? [`-x -a '${choices.join(" ")}'`]
      : [asks ? `-x -a ${FISH_ASK}` : "-r"]
    : [];
  return [...names, ...value, `-d ${quoted(description)}`].join(" ");
}

/** For shells: in single quotes, whatever stands in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
