// The command as a shell runs it, from source: what it prints, where, and how it exits.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "cabildo-test-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function cabildo(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ status: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], { env: { ...process.env, ...env } });
    const out: string[] = [];
    const err: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => void out.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void err.push(text));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out: out.join(""), err: err.join("") }));
  });
}

test("every command stands in a group of the help, and an error's code is explained", async () => {
  const [help, known, number, unknown] = await Promise.all([
    cabildo(["--help"]),
    cabildo(["explain", "no-quorum"]),
    cabildo(["explain", "--", "-101"]),
    cabildo(["explain", "quorum"]),
  ]);
  assert.doesNotMatch(help.out, /^Commands:/m);
  for (const group of ["Run servers", "Coordinate", "Nodes", "Operate a cluster", "Help and checks"])
    assert.match(help.out, new RegExp(`^${group}:$`, "m"));
  assert.match(known.out, /^CoordinationError\.code: no-quorum\n {2}.*\n {2}Why: +.*\n {2}What to do: /);
  assert.match(number.out, /no-node \(ZooKeeper's -101\)/);
  assert.deepEqual([unknown.status, /Did you mean .*no-quorum/.test(unknown.err)], [2, true], unknown.err);
});

test("help and version are asked for: they go to stdout, and the exit status is 0", async () => {
  const [help, version, server] = await Promise.all([
    cabildo(["--help"]),
    cabildo(["--version"]),
    cabildo(["help", "server"]),
  ]);
  assert.deepEqual([help.status, version.status, server.status], [0, 0, 0]);
  for (const command of ["server", "dev", "status", "check", "lock", "elect", "get", "watch"])
    assert.match(help.out, new RegExp(`^  ${command} `, "m"));
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
  assert.match(server.out, /cabildo server \/etc\/zookeeper\/zoo\.cfg/);
});

test("a slip gets the nearest name suggested, on stderr, with exit status 2", async () => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["sttaus"], /unknown command 'sttaus'\n\(Did you mean status\?\)/],
    [["dev", "--member", "3"], /unknown option '--member'\n\(Did you mean --members\?\)/],
    [["server", "--set", "tickTime"], /key=value/],
    [
      ["server", "--set", "tickTmie=1", "--data", "/x", "--client-port", "1"],
      /^cabildo: -D: tickTmie is not a setting\. Did you mean "tickTime"\?\n$/,
    ],
    [["status", "-o", "yaml"], /must be table or json/],
    [["status", "nowhere:"], /"nowhere:" is no address/],
    [["dev", "--members", "0"], /whole number from 1 to 9/],
  ];
  for (const { status, out, err, message } of await Promise.all(
    cases.map(async ([args, message]) => ({ ...(await cabildo(args)), message })),
  )) {
    assert.match(err, message);
    assert.deepEqual([status, out], [2, ""], err);
  }
});

test("settings that cannot be: every problem with its place, exit status 2, and nothing made on the disk", async () => {
  const file = join(directory, "zoo.cfg");
  const data = join(directory, "data");
  writeFileSync(file, `dataDir=${data}\nclientPort=2181\ntickTime=never\nserver.1=zoo1:2888\n`);
  const { status, out, err } = await cabildo(["server", file], { CABILDO_ZOOKEEPER_LIMITS_FRAME: "12" });
  assert.deepEqual([status, out], [2, ""]);
  assert.match(err, /^cabildo: zoo\.cfg line 4: server\.1 must have the form /m);
  assert.match(err, /^cabildo: zoo\.cfg line 3: tickTime must be a time/m);
  assert.match(err, /^cabildo: environment variable CABILDO_ZOOKEEPER_LIMITS_FRAME: .* must say its unit/m);
  assert.ok(!existsSync(data));
});

test("status without members: a table, and exit status 1; the same as JSON", async () => {
  const [table, json] = await Promise.all([
    cabildo(["status", "127.0.0.1:23999"]),
    cabildo(["status", "127.0.0.1:23999", "-o", "json"]),
  ]);
  assert.deepEqual([table.status, json.status], [1, 1]);
  assert.match(table.out, /down: nobody listens there/);
  assert.deepEqual(JSON.parse(json.out), {
    hasQuorum: false,
    leader: null,
    members: [{ address: "127.0.0.1:23999", error: "nobody listens there" }],
  });
});
