// `cabildo context`: which cluster a command uses, and the file that keeps the names.

import assert from "node:assert/strict";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { chosenCluster, managementOfContext } from "../../src/cli/chosen-cluster.ts";
import { contextsFile, putContext, readContexts, removeContext, useContext } from "../../src/cli/contexts.ts";
import { memberAccess, memberAddress } from "../../src/cli/member-access.ts";
import { startOf } from "../../src/cli/status.ts";
import { servers } from "./support.ts";

const { url, run: runOnServers } = await servers();
const home = mkdtempSync(join(tmpdir(), "cabildo-contexts-"));
after(() => rmSync(home, { recursive: true, force: true }));

const NOTHING = { management: null, tokenFile: null };
/** What the commands that run in this process see. */
process.env["XDG_CONFIG_HOME"] = home;
for (const name of ["CABILDO_CONNECT", "CABILDO_CONTEXT", "CABILDO_TOKEN_FILE"]) delete process.env[name];
const FILE = contextsFile();

function written(text: string): void {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, text);
}

/** Without the servers in the environment, unless told. */
function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return runOnServers(args, { environment: { XDG_CONFIG_HOME: home, CABILDO_CONNECT: "", ...environment } });
}

test("a command uses its flag, else the environment, else the context in use", async () => {
  const nowhere = "zookeeper://127.0.0.1:1";
  assert.equal((await run(["context", "add", "here", "--connect", url])).status, 0);
  assert.equal((await run(["context", "add", "nowhere", "--connect", nowhere])).status, 0);
  assert.equal((await run(["context", "use", "nowhere"])).status, 0);

  const inUse = await run(["ls", "/"]);
  assert.equal(inUse.status, 1);
  assert.match(inUse.err, /at zookeeper:\/\/127\.0\.0\.1:1 \(context nowhere\)\?/);
  for (const [args, environment] of [
    [["--context", "here"], {}],
    [["--connect", url], {}],
    [[], { CABILDO_CONTEXT: "here" }],
    [[], { CABILDO_CONNECT: url }],
    [[], { CABILDO_CONNECT: url, CABILDO_CONTEXT: "nowhere" }],
    [["--context", "here"], { CABILDO_CONNECT: nowhere }],
  ] as const) {
    const { status, out, err } = await run(["ls", "/", ...args], environment);
    assert.deepEqual([status, out], [0, "zookeeper\n"], `${args} ${JSON.stringify(environment)}: ${err}`);
  }
  const both = await run(["get", "/", "--context", "here", "--connect", url]);
  assert.deepEqual([both.status, both.err.includes("exclude each other")], [2, true], both.err);
  const unknown = await run(["get", "/", "--context", "heer"]);
  assert.equal(unknown.status, 2);
  assert.match(unknown.err, /there is no context "heer"\. Did you mean "here"\?/);

  const shown = JSON.parse((await run(["context", "show", "-o", "json"], { CABILDO_CONTEXT: "here" })).out);
  assert.deepEqual([shown.name, shown.connect, shown.chosenBy, shown.file], ["here", url, "CABILDO_CONTEXT", FILE]);
  const { out } = await run(["context", "list"]);
  assert.match(out, /^ +NAME +CONNECT +MANAGEMENT +TOKEN FILE\n +here +\S+\n\* +nowhere /);
  assert.equal((await run(["context", "use", "--none"])).status, 0);
  assert.equal((await run(["context", "remove", "nowhere"])).status, 0);
  assert.deepEqual(Object.keys(Object.fromEntries(readContexts().byName)), ["here"]);
  const again = await run(["context", "add", "here", "--connect", nowhere]);
  assert.match(again.err, /there is a context "here" already: --overwrite/);
  rmSync(FILE);
});

test("status and operators' commands ask the management ports of the context, with its token", () => {
  const tokenFile = join(home, "token");
  const other = join(home, "other-token");
  writeFileSync(tokenFile, "of the context\n");
  writeFileSync(other, "another\n");
  putContext("prod", { connect: "zookeeper://zoo1:2281", management: "zoo1:9000,zoo2:9001", tokenFile });
  putContext("plain", { connect: "zookeeper://zoo1:2281/app", ...NOTHING });
  const zoo1 = { host: "zoo1", port: 9000 };
  assert.deepEqual(startOf([], { context: "prod", output: "text", timeoutMs: 1 }), {
    addresses: [zoo1, { host: "zoo2", port: 9001 }],
    isGuess: false,
  });
  assert.deepEqual(managementOfContext(readContexts().byName.get("plain")!), [{ host: "zoo1", port: 8180 }]);
  assert.deepEqual(memberAccess({ context: "prod" }), { address: zoo1, token: "of the context" });
  assert.deepEqual(memberAddress({}), { host: "127.0.0.1", port: 8080 });

  useContext("prod");
  assert.deepEqual(memberAccess({}), { address: zoo1, token: "of the context" });
  assert.deepEqual(memberAccess({ tokenFile: other }).token, "another");
  process.env["CABILDO_TOKEN_FILE"] = other;
  assert.equal(memberAccess({}).token, "another", "the environment goes before the context in use");
  assert.equal(memberAccess({ context: "prod" }).token, "of the context", "a flag goes before the environment");
  delete process.env["CABILDO_TOKEN_FILE"];
  assert.throws(
    () => memberAccess({ member: "elsewhere:8080" }),
    /token is needed/,
    "its token stays with its cluster",
  );
  assert.deepEqual(memberAccess({ member: "zoo2:9001", context: "prod" }), {
    address: { host: "zoo2", port: 9001 },
    token: "of the context",
  });
  assert.throws(() => memberAccess({ config: "zoo.cfg", context: "prod" }), /exclude each other/);
  process.env["CABILDO_CONNECT"] = "zookeeper://elsewhere";
  assert.deepEqual(memberAddress({}), { host: "127.0.0.1", port: 8080 }, "the environment means another cluster");
  delete process.env["CABILDO_CONNECT"];
  rmSync(FILE);
});

test("the file is its owner's alone, is replaced as a whole, and keeps comments and links", () => {
  putContext("one", { connect: "zoo1", ...NOTHING });
  assert.equal(statSync(FILE).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(FILE)).mode & 0o777, 0o700);
  const before = join(home, "before.yaml");
  linkSync(FILE, before);
  const text = readFileSync(FILE, "utf8");
  writeFileSync(FILE, `# of the team\n${readFileSync(FILE, "utf8")}`);
  putContext("2", { connect: "zoo2", ...NOTHING });
  useContext("2");
  assert.equal(readFileSync(before, "utf8"), `# of the team\n${text}`, "another file has taken its place");
  assert.match(readFileSync(FILE, "utf8"), /^# of the team\n/);
  assert.deepEqual(readdirSync(dirname(FILE)), ["contexts.yaml"]);
  removeContext("2");
  assert.equal(readContexts().current, null, "the one in use has gone");
  removeContext("one");
  putContext("one", { connect: "zoo1", ...NOTHING });
  assert.deepEqual([...readContexts().byName.keys()], ["one"]);

  const linked = join(home, "linked.yaml");
  symlinkSync(FILE, linked);
  putContext("three", { connect: "zoo3", ...NOTHING }, linked);
  assert.deepEqual([...readContexts().byName.keys()], ["one", "three"]);
  rmSync(FILE);
});

test("what is wrong in the file is told with its line, and disturbs only those who need it", () => {
  const cases: readonly (readonly [text: string, why: RegExp])[] = [
    ["contexts:\n  a:\n    conect: zoo1\n", /contexts\.yaml line 3: "conect" is no entry .* Did you mean "connect"\?/],
    ["contexts:\n  a:\n    tokenFile: /t\n", /line 2: the context "a" has no "connect"/],
    ["contexts:\n  a:\n    connect: [zoo1]\n", /line 3: connect is a text/],
    ["contexts:\n  a:\n    connect: 'http://zoo1'\n", /line 2: the context "a": .*"http" is no scheme/],
    ["contexts:\n  a: { connect: zoo1, management: 'x:y' }\n", /line 2: .*"x:y" is no management address/],
    ["contexts:\n  a: { connect: zoo1, tokenFile: t }\n", /line 2: .*"t" is no absolute path/],
    ["contexts:\n  a b: { connect: zoo1 }\n", /line 2: "a b" is no name/],
    ["contexts:\n  a: { connect: zoo1 }\n\ncurrent: b\n", /line 4: current names "b"/],
    ["contexts:\n  a: { connect: zoo1 }\n  a: { connect: zoo2 }\n", /line 3: Map keys must be unique/],
    ["- a\n", /line 1: the file must be lines of the form key: value/],
    ["current: [\n", /contexts\.yaml line \d: /],
  ];
  for (const [text, why] of cases) {
    written(text);
    assert.throws(() => readContexts(), why, text);
    assert.throws(() => putContext("x", { connect: "zoo1", ...NOTHING }), why, "nothing is written over it");
    assert.equal(readFileSync(FILE, "utf8"), text);
  }
  assert.equal(chosenCluster({ connect: "zoo1" }).kind, "url");
  assert.throws(() => chosenCluster({}), /contexts\.yaml line/);
  written("");
  assert.deepEqual(chosenCluster({}), { kind: "default" });
});

test("a secret is not taken in: neither in the URL nor as a token", () => {
  for (const connect of ["zookeeper://bob:secret@zoo1", "bob:secret@zoo1"]) {
    assert.throws(
      () => putContext("x", { connect, ...NOTHING }),
      (error: Error) => !error.message.includes("secret") && /passwords are given by/.test(error.message),
    );
  }
  assert.deepEqual([...readContexts().byName], []);
});
