// docs/quickstart.md and the first screen of README do what they say: their commands and programs run, in order, in a folder as a
// user has it. Only the ports are others, and what npm would install is linked.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type CodeBlock, codeBlocks } from "../support/page.ts";
import { Program } from "../support/program.ts";
import { userFolder } from "../support/user-folder.ts";

const PORT = 23_440;
const STEP_WITHIN_MS = 30_000;

/** Runs a page's blocks as a reader would, who has a terminal for each name. */
class Reader implements AsyncDisposable {
  readonly #folder: string;
  readonly #terminals = new Map<string, Program>();
  /** What an expected output is compared with: the last program, and how much of it has been read. */
  readonly #read = new Map<Program, number>();
  #last: Program | null = null;
  #exports = "";
  commands = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async follow(block: CodeBlock): Promise<void> {
    const text = withPorts(block.text);
    if (block.language === "ts") writeFileSync(join(this.#folder, block.settings.get("file")!), text);
    else if (block.language === "sh") await this.#run(text, block.settings);
    else if (block.language === "keys")
      for (const key of text.trim().split("\n")) this.#terminals.get("members")!.say(key);
    else if (block.language === "text") await this.#expect(text, block.settings.get("terminal"));
    else assert.fail(`what is a block of "${block.language}"?`);
  }

  async #run(text: string, settings: CodeBlock["settings"]): Promise<void> {
    this.commands += 1;
    if (text.startsWith("export ")) {
      this.#exports += text;
      return;
    }
    if (text.startsWith("npm install ")) {
      assert.equal(text, "npm install cabildo tsx\n", "what the folder has");
      return;
    }
    const terminal = settings.get("terminal");
    const program = this.#start(text, terminal !== undefined);
    this.#last = program;
    this.#read.set(program, 0);
    if (terminal !== undefined) {
      this.#terminals.set(terminal, program);
      return;
    }
    assert.equal(await program.ended, Number(settings.get("exit") ?? 0), `${text}\n${program.transcript()}`);
  }

  #start(text: string, isTerminal: boolean): Program {
    const script = `set -e\n${this.#exports}${text}`;
    const environment = { NO_COLOR: "1", TERM: "dumb" };
    const options = { cwd: this.#folder, environment };
    if (!isTerminal) return new Program({ command: "sh", args: ["-c", script], ...options }, []);
    const file = join(this.#folder, `terminal-${this.#terminals.size}.sh`);
    writeFileSync(file, script);
    return new Program({ command: "script", args: ["-qec", `sh ${file}`, "/dev/null"], ...options }, []);
  }

  /** Its lines come in this order; "…" stands for anything. */
  async #expect(text: string, terminal: string | undefined): Promise<void> {
    const program = terminal === undefined ? this.#last! : this.#terminals.get(terminal)!;
    for (const line of text.trimEnd().split("\n")) {
      const from = this.#read.get(program) ?? 0;
      const parts = line
        .trim()
        .split("…")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      const pattern = new RegExp(`^\\s*${parts.join(".*")}\\s*$`);
      const found = await program.line(pattern, { from, withinMs: STEP_WITHIN_MS });
      this.#read.set(program, program.lines.indexOf(found, from) + 1);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#terminals.get("members")?.say("\u0003");
    for (const program of this.#terminals.values()) {
      const timer = setTimeout(() => program.signal("SIGKILL"), 10_000);
      await program.ended;
      clearTimeout(timer);
    }
  }
}

/** A machine that runs tests may have a ZooKeeper at its usual port. */
function withPorts(text: string): string {
  return text
    .replaceAll("2181", String(PORT))
    .replaceAll("2182", String(PORT + 1))
    .replaceAll("2183", String(PORT + 2))
    .replaceAll("npx cabildo dev", `npx cabildo dev --port ${PORT}`);
}

test("the quick start, and the programs of both READMEs, work as they are written", async (context) => {
  if (process.platform !== "linux") return context.skip("util-linux's `script` makes the terminals");
  using folder = await userFolder();
  await using reader = new Reader(folder.path);
  for (const block of codeBlocks("docs/quickstart.md")) await reader.follow(block);
  assert.ok(reader.commands >= 9, `${reader.commands} commands`);
  for (const [page, said] of [
    ["README.md", "only one of us is here, with token …"],
    ["README.es.md", "aquí solo está uno de nosotros, con el token …"],
  ] as const) {
    const program = codeBlocks(page).find(({ language }) => language === "ts");
    assert.ok(program !== undefined, page);
    const text = program.text.replace("10_000", "100");
    await reader.follow({ language: "ts", settings: new Map([["file", "lock.mts"]]), text });
    await reader.follow({ language: "sh", settings: new Map(), text: "npx tsx lock.mts\n" });
    await reader.follow({ language: "text", settings: new Map(), text: said });
  }
});
