// The files of deploy/ without their engines: what they would run is run, and their settings are read as a member reads them.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import type { ServerConfiguration } from "../../src/server/configuration/configuration.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { builtServer } from "../support/built-server.ts";
import { repository } from "../support/cache.ts";
import { startEnsemble } from "../support/ensemble.ts";
import { freePort } from "../support/ports.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-deploy-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(repository, "deploy", name), "utf8");

/** As a member would read it: every file that is named is there and holds a secret. */
function settings(environment: Readonly<Record<string, string>>, id?: string): ServerConfiguration {
  const files = { read: () => `${"x".repeat(40)}\n`, isDirectory: () => true, permissions: () => 0o440 };
  const flags = id === undefined ? [] : [{ flag: "--id", key: "myid", value: id }];
  const { configuration, warnings } = loadConfiguration({ file: null, environment, flags, files });
  assert.deepEqual(warnings, []);
  return configuration;
}

function hostsOf({ members }: ServerConfiguration): string[] {
  return members.map(({ addresses }) => addresses[0]!.host);
}

// ------------------------------------------------------------------------------------------------------------ Dockerfile

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

function instructions(): Instruction[] {
  const lines = read("Dockerfile")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const at = line.indexOf(" ");
      return { word: line.slice(0, at), rest: line.slice(at + 1) };
    });
}

function last(word: string): string {
  const found = instructions().findLast((one) => one.word === word);
  assert.ok(found !== undefined, `no ${word}`);
  return found.rest;
}

function imageEnvironment(): Record<string, string> {
  return Object.fromEntries(
    last("ENV")
      .split(" ")
      .map((pair) => pair.split("=") as [string, string]),
  );
}

test("the image's build commands make a program that runs, from the files that it copies", async () => {
  const stage = instructions().slice(
    1,
    instructions().findIndex(({ word }, i) => word === "FROM" && i > 0),
  );
  const runs = stage.filter(({ word }) => word === "RUN").map(({ rest }) => rest);
  assert.deepEqual(
    runs.map((run) => run.split(" ").slice(0, 3).join(" ")),
    ["npm ci --no-audit", "npm run build", "npm prune --omit=dev"],
  );
  const built = join(directory, "build");
  const ignored = new Set(readFileSync(join(repository, ".dockerignore"), "utf8").trim().split("\n"));
  cpSync(repository, built, { recursive: true, filter: (path) => !ignored.has(path.slice(repository.length + 1)) });
  for (const run of runs) execFileSync("sh", ["-c", run], { cwd: built, stdio: "ignore" });
  const image = join(directory, "opt");
  mkdirSync(image);
  for (const { rest } of instructions().filter(
    ({ word, rest }) => word === "COPY" && rest.startsWith("--from=build"),
  )) {
    const [, ...paths] = rest.split(" ");
    for (const path of paths.slice(0, -1)) {
      const name = path.replace("/build/", "");
      assert.ok(existsSync(join(built, name)), name);
      cpSync(join(built, name), join(image, name), { recursive: true });
    }
  }
  assert.ok(!existsSync(join(image, "node_modules", "typescript")), "what is only for development stays out");
  const linked = /ln -s \/opt\/cabildo\/(\S+) \/usr\/local\/bin\/(\S+)/.exec(last("RUN"));
  assert.deepEqual([linked?.[2], last("ENTRYPOINT"), last("CMD")], ["cabildo", '["cabildo"]', '["server"]']);
  const version = execFileSync(process.execPath, [join(image, linked![1]!), "--version"])
    .toString()
    .trim();
  assert.match(version, /^\d+\.\d+\.\d+/);
});

test("the image runs without root, on a data directory of that user's", () => {
  assert.equal(last("USER"), "node");
  const user = instructions().findLastIndex(({ word }) => word === "USER");
  const data = instructions().findIndex(({ word, rest }) => word === "RUN" && rest.includes("chown node:node /data"));
  assert.ok(data >= 0 && data < user);
  assert.equal(last("VOLUME"), "/data");
  assert.equal(settings({ ...imageEnvironment(), ZOO_MY_ID: "1" }).dataDir, "/data");
});

test("the image's health check says yes of a member that lives, and no of one that does not", async () => {
  const port = await freePort();
  const words = JSON.parse(/CMD (\[.*\])$/.exec(last("HEALTHCHECK"))![1]!) as string[];
  const command = words.map((word) => word.replace(":8080", `:${port}`));
  const check = (): number | null => spawnSync(process.execPath, command.slice(1)).status;
  assert.equal(command[0], "node");
  assert.equal(check(), 1);
  const config = ["admin.enableServer=true", `admin.serverPort=${port}`];
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1, config });
  assert.equal(check(), 0);
  await ensemble.stop();
});

// --------------------------------------------------------------------------------------------- compose and Kubernetes

test("compose: three members that find each other, one volume and one secret", () => {
  const file = parse(read("compose.yaml"), { merge: true });
  const names = Object.keys(file.services);
  assert.deepEqual(names, ["zoo1", "zoo2", "zoo3"]);
  for (const [position, name] of names.entries()) {
    const service = file.services[name];
    const configuration = settings({ ...imageEnvironment(), ...service.environment });
    assert.equal(configuration.id, position + 1);
    assert.deepEqual(hostsOf(configuration), names);
    assert.equal(service.hostname, name);
    assert.equal(configuration.peer.secrets.length, 1);
    assert.deepEqual(service.volumes, [`${name}:/data`]);
    assert.ok(service.ports.includes(`127.0.0.1:${2181 + position}:2181`));
    assert.match(service.environment.CABILDO_PEER_SECRET_FILE, new RegExp(`/${service.secrets[0]}$`));
    assert.ok(file.secrets[service.secrets[0]] && name in file.volumes);
  }
});

test("Kubernetes: the pods' names are the members', probes are answered, and a disruption takes one at most", () => {
  const all = parseAllDocuments(read("kubernetes/cabildo.yaml")).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS();
  });
  const of = (kind: string, name = "cabildo") => all.find((one) => one.kind === kind && one.metadata.name === name);
  const { spec } = of("StatefulSet");
  const [container] = spec.template.spec.containers;
  const environment = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  for (let ordinal = 0; ordinal < spec.replicas; ordinal++) {
    const script = container.command[2].replace("exec cabildo", "echo");
    const env = { ...process.env, HOSTNAME: `cabildo-${ordinal}` };
    const words = execFileSync("sh", ["-c", script], { env }).toString().trim().split(" ");
    assert.deepEqual(words.slice(0, 2), ["server", "--id"]);
    const configuration = settings({ ...imageEnvironment(), ...environment }, words[2]);
    assert.equal(configuration.id, ordinal + 1);
    assert.equal(hostsOf(configuration)[ordinal], `cabildo-${ordinal}.${spec.serviceName}`);
    assert.equal(configuration.members.length, spec.replicas);
    assert.deepEqual(configuration.admin.listen, { host: null, port: 8080 });
    assert.equal(configuration.admin.remoteOperations, false);
    assert.equal(configuration.dataDir, container.volumeMounts[0].mountPath);
  }
  const port = container.ports.find(({ name }: { name: string }) => name === "management");
  for (const [probe, path] of [
    ["livenessProbe", "/livez"],
    ["readinessProbe", "/readyz"],
  ] as const) {
    assert.deepEqual(container[probe].httpGet, { path, port: "management" });
    assert.equal(port.containerPort, 8080);
  }
  const labels = spec.template.metadata.labels;
  assert.deepEqual(spec.selector.matchLabels, labels);
  assert.deepEqual(
    [of("PodDisruptionBudget").spec.maxUnavailable, of("PodDisruptionBudget").spec.selector.matchLabels],
    [1, labels],
  );
  assert.deepEqual([of("Service").spec.clusterIP, of("Service").spec.publishNotReadyAddresses], ["None", true]);
  for (const name of ["cabildo", "cabildo-clients"]) assert.deepEqual(of("Service", name).spec.selector, labels);
  const { securityContext } = spec.template.spec;
  assert.equal(securityContext.runAsNonRoot && container.securityContext.readOnlyRootFilesystem, true);
  assert.ok(spec.template.spec.terminationGracePeriodSeconds > 5);
});

// -------------------------------------------------------------------------------------------------------------- systemd

const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;

test("systemd finds nothing wrong with the unit", {
  skip: analyze ? false : "systemd-analyze is not installed",
}, async () => {
  const main = await builtServer();
  const program = join(directory, "cabildo");
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`, { mode: 0o755 });
  const unit = join(directory, "cabildo.service");
  writeFileSync(unit, read("systemd/cabildo.service").replace("/usr/local/bin/cabildo", program));
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  const own = stderr.split("\n").filter((line) => line.includes("cabildo"));
  assert.deepEqual([status, own], [0, []]);
  writeFileSync(unit, read("systemd/cabildo.service").replace("Restart=on-failure", "Restart=perhaps"));
  const wrong = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  assert.match(wrong.stderr, /perhaps/);
});
