// The completion scripts: that they know every command, and, in a real bash, what they offer.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { ASK_COMMAND, completionScript } from "../../src/cli/completion.ts";
import { program } from "../../src/cli/program.ts";

const SHOWN = program().commands.filter((command) => command.name() !== ASK_COMMAND);
const COMMANDS = SHOWN.map((command) => command.name());

/** What bash offers for the last of these words. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `
    ${completionScript(program(), "bash")}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _cabildo
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync("bash", ["--norc", "-c", script, "bash", "cabildo", ...words], { encoding: "utf8" });
  return out.split("\n").filter((line) => line !== "");
}

test("bash: commands, their options, and the choices of an option", () => {
  assert.deepEqual(offered("elect"), ["elect", "elections"]);
  assert.deepEqual(offered("comp"), ["completion"]);
  assert.deepEqual([...offered("")].sort(), [...COMMANDS, "help", "--help", "--version"].sort());
  assert.deepEqual(offered("lock", "x", "--w"), ["--wait"]);
  assert.deepEqual(offered("get", "/x", "-o", ""), ["text", "json"]);
  assert.deepEqual(offered("status", "--output", "t"), ["table"]);
  assert.deepEqual(offered("lock", "x", "--on-unsure", "a"), ["abort"]);
  assert.deepEqual(offered("completion", "f"), ["fish"]);
  assert.deepEqual(offered("help", "st"), ["status"]);
  assert.deepEqual(offered("member", "re"), ["remove"]);
});

test("bash: where no option fits it offers files, and behind -- commands", () => {
  assert.deepEqual(offered("server", "package.js"), ["package.json"]);
  assert.ok(offered("lock", "x", "--", "ech").includes("echo"));
  assert.deepEqual(offered("lock", "x", "--", "ls", "--w"), [], "no options of ours for another's command");
});

test("every shell's script names every command and every long option", () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = completionScript(program(), shell);
    for (const command of SHOWN) {
      assert.match(script, new RegExp(`\\b${command.name()}\\b`), `${shell}: ${command.name()}`);
      for (const { long } of command.options) {
        const flag = shell === "fish" ? `-l ${long!.slice(2)}` : long!;
        assert.ok(script.includes(flag), `${shell}: ${command.name()} ${long}`);
      }
    }
  }
});

test("what stands in a description cannot end a script's quotes", () => {
  const cabildo = program();
  cabildo.command("odd").summary("it's `odd` $(exit 1)").option("--odd", "it's [odd]: $(exit 1)");
  for (const shell of ["zsh", "fish"]) {
    const script = completionScript(cabildo, shell);
    assert.ok(script.includes("it'\\''s"), shell);
  }
  execFileSync("bash", ["-n", "-c", completionScript(cabildo, "bash")]);
});
