// What is set is what happens: each setting reaches the part that it is for.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { type RunningMember, runMember } from "../../src/server/member.ts";
import { Authority } from "../support/certificates.ts";
import { freePort } from "../support/ports.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-settings-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let last = 0;
/** A member alone, in this process. */
async function member(...lines: readonly string[]) {
  const base = join(directory, String(++last));
  const [port, data] = [await freePort(), join(base, "data")];
  const usual = [`dataDir=${data}`, `clientPort=${port}`, "clientPortAddress=127.0.0.1", "admin.enableServer=false"];
  const file = join(directory, `${last}.cfg`);
  writeFileSync(file, `${[...usual, ...lines].join("\n")}\n`);
  const { configuration, warnings } = loadConfiguration({ file });
  const said: string[] = [];
  const note = (line: string) => said.push(line);
  const start = (changes: Partial<typeof configuration> = {}): Promise<RunningMember> =>
    runMember({ ...configuration, ...changes }, { info: note, warn: note, error: note });
  return { address: `127.0.0.1:${port}`, base, configuration, warnings, said, start };
}

/** The interfaces that make up the configuration, with their fields. */
function settings(): readonly (readonly [owner: string, field: string])[] {
  const places = [
    "server/configuration/configuration.ts",
    "protocols/configured-door.ts",
    "protocols/zookeeper/settings.ts",
  ];
  const source = places.map((place) => readFileSync(new URL(`../../src/${place}`, import.meta.url), "utf8")).join("\n");
  const interfaces = source.matchAll(/^(?:export )?interface (ServerConfiguration|\w+Settings) \{\n([\s\S]*?)^\}/gm);
  return [...interfaces].flatMap(([, owner, body]) =>
    [...body!.matchAll(/^ {2}readonly (\w+):/gm)].map(([, field]) => [owner!, field!] as const),
  );
}

test("no setting is read and then forgotten", () => {
  const folder = new URL("../../src/server/", import.meta.url);
  const users = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const places = [...users.map((name) => `server/${name}`), "protocols/zookeeper/door-kind.ts"];
  const text = places.map((place) => readFileSync(new URL(`../../src/${place}`, import.meta.url), "utf8")).join("\n");
  const all = settings();
  assert.ok(all.length > 60, "the settings were found");
  // Told to whoever asks for the file, by the names that were given in it.
  const unused = all.filter(([owner, field]) => `${owner}.${field}` !== "ServerConfiguration.file");
  assert.deepEqual(
    unused.filter(([, field]) => !new RegExp(`\\b${field}\\b`).test(text)).map((pair) => pair.join(".")),
    [],
  );
});

test("a directory that is missing, where none is to be made, is an error, and stays missing", async () => {
  const { configuration, start, base } = await member();
  const storage = { ...configuration.storage, createDirectories: false };
  await assert.rejects(start({ storage }), {
    code: "configuration",
    message: new RegExp(`there is no directory ${base}/data, and datadir\\.autocreate is false`),
  });
  assert.ok(!existsSync(base));
});

test("a directory that cannot be made is named", async () => {
  const { start, base } = await member();
  writeFileSync(base, "a file where a directory should be");
  await assert.rejects(start(), {
    code: "configuration",
    message: new RegExp(`cannot keep data in ${base}/data: ENOTDIR`),
  });
});

test("a key and a certificate that do not belong together are told by their names", async () => {
  const authority = new Authority();
  const [one, other] = [authority.issue(), authority.issue()];
  const files = [`ssl.keyFile=${one.keyFile}`, `ssl.certificateFile=${other.certificateFile}`];
  const { start, address } = await member(...files, "client.portUnification=true");
  await assert.rejects(start(), {
    code: "configuration",
    message: new RegExp(`TLS with ${one.keyFile} and ${other.certificateFile} cannot be: .*mismatch`),
  });
  await assert.rejects(ZooKeeperClient.connect(address), "nothing was left running");
});

test("syncs of the log are measured, and told where they are slower than they should be", async () => {
  const port = await freePort();
  const metrics = ["metricsProvider.className=prometheus", "metricsProvider.httpHost=127.0.0.1"];
  const slow = ["fsync.warningthresholdms=0", "clientTcpKeepAlive=true", "tcpKeepAlive=true"];
  const { start, address, said } = await member(...slow, ...metrics, `metricsProvider.httpPort=${port}`);
  const running = await start();
  const client = await ZooKeeperClient.connect(address);
  for (let i = 0; i < 10; i++) await client.create(`/n${i}`);
  await client.close();
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const count = Number(/^etcd_disk_wal_fsync_duration_seconds_count (\d+)$/m.exec(text)?.[1]);
  const sum = Number(/^etcd_disk_wal_fsync_duration_seconds_sum (\S+)$/m.exec(text)?.[1]);
  assert.ok(count >= 10 && sum > 0, `${count} syncs in ${sum} s`);
  assert.match(text, new RegExp(`^etcd_disk_wal_fsync_duration_seconds_bucket\\{le="\\+Inf"\\} ${count}$`, "m"));
  assert.equal(said.filter((line) => /a sync of the log took/.test(line)).length, 1, "one line, however many are slow");
  await running.stop();
});

test("what is set and has no effect here is named", async () => {
  const pointless = [
    "leaderServes=no",
    "localSessionsEnabled=true",
    "localSessionsUpgradingEnabled=true",
    "forceSync=no",
  ];
  const { warnings } = await member(...pointless, "autopurge.purgeInterval=0", "autopurge.snapRetainCount=1");
  for (const name of ["leaderServes", "localSessionsEnabled", "localSessionsUpgradingEnabled", "forceSync"]) {
    assert.ok(
      warnings.some((line) => line.includes(`${name} has no effect`)),
      name,
    );
  }
  assert.ok(warnings.some((line) => line.includes("autopurge.purgeInterval has no effect")));
  assert.ok(warnings.some((line) => line.includes("autopurge.snapRetainCount is at least 3")));
});
