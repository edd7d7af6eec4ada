// `cabildo check` as a shell runs it, from source.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatHistory } from "../../src/checkers/history.ts";
import { register } from "../../src/checkers/models/register.ts";
import { drawn } from "../checkers/support/drawn.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "cabildo-test-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function check(...args: readonly string[]): Promise<{ status: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), MAIN, "check", ...args], {
      cwd: directory,
    });
    const out: string[] = [];
    const err: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => void out.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void err.push(text));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out: out.join(""), err: err.join("") }));
  });
}

function write(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return name;
}

const historyFile = (name: string, picture: string) => write(name, formatHistory(register, drawn(picture), "ms"));
const page = (name: string) => readFileSync(join(directory, name), "utf8");

const GOOD = "a: [write 1] [read 1] [write 2~";
const BAD = "a: [write 1] [write 2] [read 1]";

test("a linearizable history: one line of figures, exit status 0, and a page only where one was asked for", async () => {
  const { status, out, err } = await check(historyFile("good.json", GOOD));
  assert.match(out, /^good\.json: linearizable: 3 operations \(1 never answered\) on 1 key, \d+\.\d\d s\n$/);
  assert.deepEqual([status, err, existsSync(join(directory, "good.check.html"))], [0, "", false]);
  const asked = await check("good.json", "--html", "drawn.html");
  assert.equal(asked.status, 0);
  assert.match(asked.out, /\nDrawn in drawn\.html\n$/);
  assert.match(page("drawn.html"), /<h1 class="linearizable">/);
});

test("one that is not: why, where it is drawn, exit status 1", async () => {
  const { status, out, err } = await check(historyFile("bad.json", BAD));
  assert.deepEqual([status, err], [1, ""]);
  assert.match(out, /^bad\.json: not linearizable: 3 operations/);
  assert.match(
    out,
    /\nClient a's read on x was answered 1, which no order explains: .* x can only be 2\.\nDrawn in bad\.check\.html\n$/,
  );
  assert.match(page("bad.check.html"), /<h1 class="violated">/);
});

test("the same as JSON; and nothing drawn where nothing is to be", async () => {
  const { status, out } = await check(historyFile("quiet.json", BAD), "-o", "json", "--no-html");
  const { seconds, steps, explanation, ...report } = JSON.parse(out);
  assert.deepEqual([status, typeof seconds, typeof steps, typeof explanation], [1, "number", "number", "string"]);
  assert.deepEqual(report, {
    verdict: "violated",
    model: "register",
    operations: 3,
    unanswered: 0,
    keys: 1,
    page: null,
    violation: { key: "x", stuck: 2, order: [0, 1], open: [2], states: ["2"], statesAreAll: true },
  });
  assert.ok(!existsSync(join(directory, "quiet.check.html")));
});

test("what is no history: every problem with its place, exit status 2, and nothing made on the disk", async () => {
  const history = JSON.parse(formatHistory(register, drawn(BAD)));
  history.operations[0].call = "soon";
  history.operations[2].output.kind = "done";
  const before = readdirSync(directory).length + 1;
  const { status, out, err } = await check(write("broken.json", JSON.stringify(history)));
  assert.deepEqual([status, out], [2, ""]);
  assert.equal(
    err,
    'cabildo: broken.json: operations[0] (client "a"): call must be a number, not "soon"\n' +
      'cabildo: broken.json: operations[2] (client "a"): output.kind must be "value", not "done"\n',
  );
  assert.equal(readdirSync(directory).length, before);
});

test("no such file, no file at all, a second that is none: exit status 2", async () => {
  const [missing, none, wrong] = await Promise.all([check("nowhere.json"), check(), check("x.json", "--seconds", "0")]);
  assert.deepEqual([missing.status, none.status, wrong.status], [2, 2, 2]);
  assert.match(missing.err, /^cabildo: nowhere\.json cannot be read: /);
  assert.match(none.err, /missing required argument 'history'/);
  assert.match(wrong.err, /whole number from 1 to 86400/);
});

test("a page that cannot be written is said, and the verdict stays", async () => {
  const file = historyFile("elsewhere.json", BAD);
  const { status, out, err } = await check(file, "--html", "no/such/folder.html");
  assert.equal(status, 1);
  assert.match(out, /not linearizable/);
  assert.ok(!out.includes("Drawn"));
  assert.match(err, /^cabildo: no\/such\/folder\.html cannot be written: /);
  const good = await check(historyFile("fine.json", GOOD), "--html", "no/such/folder.html");
  assert.equal(good.status, 2, "a page was asked for, and there is none");
  assert.match(good.out, /linearizable/);
});

test("what cannot be decided in time: exit status 3, and what to do", async () => {
  const writers = [...Array(20).keys()].map((value) => `w${value}: [write ${value}                    ]`);
  const readers = [...Array(20).keys()].map((value) => `r${value}: [read ${value}                     ]`);
  const hard = historyFile(
    "hard.json",
    [...writers, ...readers, "x:                              [read 99]"].join("\n"),
  );
  const { status, out } = await check(hard, "--seconds", "1");
  assert.equal(status, 3);
  assert.match(out, /^hard\.json: undecided: 41 operations/);
  assert.match(out, /given up on x \(its time was up\).*--seconds/);
});
