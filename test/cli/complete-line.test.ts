// What completion offers from a cluster: by the command that the shells' scripts run, and by those scripts in real shells.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { questionOf, wordsOf } from "../../src/cli/complete-line.ts";
import { ASK_COMMAND, completionScript } from "../../src/cli/completion.ts";
import { contextsFile, putContext } from "../../src/cli/contexts.ts";
import { program } from "../../src/cli/program.ts";
import { builtServer } from "../support/built-server.ts";
import { servers } from "./support.ts";

const { url, c, network, cutUrl, run: runOnServers } = await servers();
const folder = mkdtempSync(join(tmpdir(), "cabildo-completion-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const main = await builtServer();
mkdirSync(join(folder, "bin"));
writeFileSync(join(folder, "bin", "cabildo"), `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`);
chmodSync(join(folder, "bin", "cabildo"), 0o755);
const environment = {
  ...process.env,
  PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
  XDG_CONFIG_HOME: folder,
  CABILDO_CONNECT: url,
  CABILDO_COMPLETION_TIMEOUT: "20", // the machine may be busy
};

for (const path of ["/app", "/app/flags", "/app/flow", "/app/web:8080", "/app/a b", "/apple"])
  await c.nodes.create(path);

async function run(line: string, others: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const { status, out, err } = await runOnServers([ASK_COMMAND, "--", line], {
    environment: { XDG_CONFIG_HOME: folder, CABILDO_COMPLETION_TIMEOUT: "20", ...others },
  });
  assert.deepEqual([status, err], [0, ""], line);
  return out.split("\n").slice(0, -1);
}

test("the nodes below what is typed, from the cluster of the line, of the environment or of the context", async () => {
  assert.deepEqual(await run("cabildo get /app/fl"), ["/app/flags", "/app/flow"]);
  assert.deepEqual(await run("cabildo get /ap"), ["/app", "/apple"]);
  assert.deepEqual(await run("cabildo ls "), ["/app", "/apple", "/zookeeper"]);
  assert.deepEqual(await run("true && cabildo import x.jsonl --to /app/w"), ["/app/web:8080"]);
  assert.deepEqual(await run("cabildo lock /app/fla"), ["/app/flags"]);
  assert.deepEqual(await run("cabildo locks /x '/app/fla"), ["/app/flags"]);
  assert.deepEqual(await run(String.raw`cabildo get /app/a\ `), ["/app/a b"]);
  const elsewhere = { CABILDO_CONNECT: "zookeeper://127.0.0.1:1" };
  assert.deepEqual(await run(`cabildo get --connect ${url}/app /fla`, elsewhere), ["/flags"]);
  assert.deepEqual(await run(`cabildo get --connect=${url} -o json /app/fla`, elsewhere), ["/app/flags"]);
  for (const name of ["here", "hers"]) {
    putContext(name, { connect: url, management: null, tokenFile: null }, contextsFile(environment));
  }
  assert.deepEqual(await run("cabildo get --context here /app/fla", elsewhere), ["/app/flags"]);
  assert.deepEqual(await run("cabildo get / --context he", elsewhere), ["here", "hers"]);
  assert.deepEqual(await run("cabildo context use her", elsewhere), ["here", "hers"]);
});

test("nothing where nothing can be known, and no word about it", async () => {
  for (const line of [
    "cabildo get /none/",
    "cabildo get app",
    "cabildo get /app /app/", // that is an argument too many
    "cabildo set /app /app/",
    "cabildo get --connect /app",
    "cabildo get --connect zookeeper://127.0.0.1:1 /",
    "cabildo get --connect nonsense:// /",
    "cabildo get --context none /",
    "cabildo get $HOME/",
    "cabildo lock x -- cat /",
    "cabildo none /",
    "",
  ]) {
    assert.deepEqual(await run(line), [], line);
  }
});

test("a server that does not answer is left after a second", async () => {
  network.set(0, 1, "swallow");
  const began = performance.now();
  assert.deepEqual(await run(`cabildo get --connect ${cutUrl} /app/`, { CABILDO_COMPLETION_TIMEOUT: "" }), []);
  const took = performance.now() - began;
  network.heal("cut");
  assert.ok(took < 5000, `it took ${took} ms, on a machine that may be busy`); // a client by itself tries for ten seconds
});

test("words as a shell reads them", () => {
  assert.deepEqual(wordsOf(`a 'b c' "d \\"e" f\\ g`), ["a", "b c", 'd "e', "f g"]);
  assert.deepEqual(wordsOf("a; b | c 'd e"), ["c", "d e"]);
  assert.deepEqual(wordsOf("a "), ["a", ""]);
  assert.deepEqual([wordsOf("a $b"), wordsOf('a "x$b"'), wordsOf("a `b`")], [null, null, null]);
  assert.deepEqual(wordsOf("a '$b'"), ["a", "$b"]);
  assert.equal(questionOf(program(), ["cabildo", "get", "--context", ""])?.wants, "context");
  assert.equal(questionOf(program(), ["cabildo", "status", ""]), null);
});

/** What bash offers, for words as bash splits them. */
function bashOffers(line: string, words: readonly string[]): readonly string[] {
  const script = `
    ${completionScript(program(), "bash")}
    COMP_LINE="$1"; COMP_POINT=\${#1}; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _cabildo
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ["--norc", "-c", script, "bash", line, ...words];
  const out = execFileSync("bash", args, { encoding: "utf8", env: environment, cwd: folder });
  return out.split("\n").filter((each) => each !== "");
}

test("bash offers nodes and contexts, also where colons split words, and no files in their place", () => {
  const plain = (line: string) => bashOffers(line, line.split(" "));
  assert.deepEqual(plain("cabildo get /app/fl"), ["/app/flags", "/app/flow"]);
  assert.deepEqual(plain("cabildo get / --context he"), ["here", "hers"]);
  assert.deepEqual(plain("cabildo context us"), ["use"]);
  assert.deepEqual(plain("cabildo context use he"), ["here", "hers"]);
  assert.deepEqual(plain("cabildo get cab"), [], "the folder has such a file");
  assert.deepEqual(plain("cabildo get /app/a"), ["/app/a\\ b"]);
  assert.deepEqual(bashOffers("cabildo get /app/web:80", ["cabildo", "get", "/app/web", ":", "80"]), ["8080"]);
  assert.deepEqual(bashOffers("cabildo get /app/web:", ["cabildo", "get", "/app/web", ":"]), ["8080"]);
  const port = url.split(":").at(-1)!;
  const words = ["cabildo", "get", "--connect", "zookeeper", ":", "//127.0.0.1", ":", `${port}/app`, "/fla"];
  assert.deepEqual(bashOffers(`cabildo get --connect ${url}/app /fla`, words), ["/flags"]);
});

test("fish offers them too", (context) => {
  if (spawnSync("fish", ["--version"]).status !== 0) return context.skip("there is no fish");
  const script = `${completionScript(program(), "fish")}\ncomplete -C $argv[1]`;
  const fishOffers = (line: string) =>
    execFileSync("fish", ["--no-config", "-c", script, line], { encoding: "utf8", env: environment })
      .split("\n")
      .map((each) => each.split("\t")[0])
      .filter((each) => each !== "");
  assert.deepEqual(fishOffers("cabildo get /app/fl"), ["/app/flags", "/app/flow"]);
  assert.deepEqual(fishOffers("cabildo get / --context he"), ["here", "hers"]);
});
