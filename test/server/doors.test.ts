// A door that was made outside of the tree, beside two of ZooKeeper's, in one member.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silentLogger } from "../../src/base/logger.ts";
import { gauge } from "../../src/base/metrics.ts";
import type { MemberReport } from "../../src/management/report.ts";
import type { DoorKind } from "../../src/protocols/door-kind.ts";
import type { DoorSection } from "../../src/protocols/door-section.ts";
import { text } from "../../src/protocols/setting-kinds.ts";
import { connectZooKeeper } from "../../src/protocols/zookeeper/client/index.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { DOORS } from "../../src/server/doors.ts";
import { type RunningMember, runMember } from "../../src/server/member.ts";
import { freePort } from "../support/ports.ts";

/** Sends every line back, with a prefix that is set. */
const LINES: DoorSection = { name: "lines", settings: { prefix: { kind: text, default: "" } } };
const LINES_DOOR: DoorKind = {
  name: "lines",
  open({ events }, { settings }) {
    const { prefix } = settings as { readonly prefix: string };
    let connections = 0;
    let isStopped = false;
    return {
      accept(port) {
        if (isStopped) return null;
        connections += 1;
        events.add("a client came");
        return {
          onChunk: (chunk) => void port.write(Buffer.concat([Buffer.from(prefix), chunk])),
          onDrain() {},
          onEnd: () => false,
          onClosed() {
            connections -= 1;
          },
        };
      },
      noteTurnedAway() {},
      stop() {
        isStopped = true;
      },
      metrics: () => [gauge("lines_connections", "Connections of the door of lines", connections)],
      report: () => ({
        serving: !isStopped,
        readOnly: false,
        connections,
        outstanding: 0,
        counts: {},
        facts: { prefix },
      }),
    };
  },
};

let directory = "";
let ports: readonly number[] = [];
let member: RunningMember;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "cabildo-doors-"));
  ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  const [first, second, lines, admin] = ports;
  const file = join(directory, "cabildo.yaml");
  const yaml = `
data: ${directory}
admin: { port: ${admin} }
zookeeper: [{ port: ${first}, address: 127.0.0.1 }, { port: ${second}, address: 127.0.0.1 }]
lines: { port: ${lines}, address: 127.0.0.1, prefix: ">" }
`;
  const files = {
    read: (path: string) => (path === file ? yaml : null),
    permissions: () => 0o600,
    isDirectory: () => true,
  };
  const { configuration } = loadConfiguration({ file, files, doorSections: [LINES] });
  member = await runMember(configuration, silentLogger, { doorKinds: [...DOORS, LINES_DOOR] });
});

after(async () => {
  await member.stop();
  rmSync(directory, { recursive: true });
});

test("each door serves its clients on its own ports, over one state", async () => {
  const one = await connectZooKeeper(`127.0.0.1:${ports[0]}`);
  const other = await connectZooKeeper(`127.0.0.1:${ports[1]}`);
  await one.create("/seen", "by both");
  assert.equal(Buffer.from((await other.getData("/seen")).data ?? []).toString(), "by both");
  await Promise.all([one.close(), other.close()]);
  assert.equal(await said(ports[2]!, "good day\n"), ">good day\n");
});

test("the management tells of each: its report, and its metrics beside those of the others", async () => {
  const base = `http://127.0.0.1:${ports[3]}`;
  const report = (await (await fetch(`${base}/status`)).json()) as MemberReport;
  assert.deepEqual(
    report.doors.map(({ kind, ports, serving }) => [kind, ports[0], serving]),
    [
      ["zookeeper", `127.0.0.1:${ports[0]}`, true],
      ["zookeeper", `127.0.0.1:${ports[1]}`, true],
      ["lines", `127.0.0.1:${ports[2]}`, true],
    ],
  );
  const metrics = await (await fetch(`${base}/metrics`)).text();
  assert.match(metrics, /^lines_connections \d+$/m);
  assert.match(metrics, /^znode_count \d+$/m);
  assert.match(metrics, new RegExp(`^znode_count\\{door="zookeeper 127\\.0\\.0\\.1:${ports[1]}"\\} \\d+$`, "m"));
  assert.equal((await fetch(`${base}/readyz`)).status, 200);
  type Events = { events: { kind: string; door: string | null; text: string }[] };
  const { events } = (await (await fetch(`${base}/events`)).json()) as Events;
  assert.ok(events.some(({ door, text }) => door === "lines" && text === "a client came"));
  assert.deepEqual(report.doors[2]!.facts, { prefix: ">" });
  assert.deepEqual(report.doors[0]!.facts, { mode: "serving", sessionTimeoutMinMs: 6000, sessionTimeoutMaxMs: 60_000 });
  assert.ok(events.some(({ kind, text }) => kind === "door" && text.startsWith("lines is open on")));
  assert.ok(events.some(({ kind }) => kind === "leader"));
});

test("the pages of the second door of a kind are below its name, and lead to themselves", async () => {
  const base = `http://127.0.0.1:${ports[3]}`;
  const portOf = async (path: string) => {
    const page = (await (await fetch(`${base}${path}/configuration`)).json()) as { client_port: number };
    return page.client_port;
  };
  assert.equal(await portOf("/commands"), ports[0]);
  assert.equal(await portOf("/zookeeper-2/commands"), ports[1]);
  assert.match(await (await fetch(`${base}/zookeeper-2/commands`)).text(), /href="\/zookeeper-2\/commands\/ruok"/);
  assert.match(await (await fetch(`${base}/commands`)).text(), /href="\/commands\/ruok"/);
  assert.match(await (await fetch(`${base}/nothing`)).text(), /\/commands, \/zookeeper-2\/commands/);
  const report = (await (await fetch(`${base}/status`)).json()) as MemberReport;
  assert.deepEqual(
    report.doors.map(({ name, pages }) => [name, pages]),
    [
      ["zookeeper", "/commands"],
      ["zookeeper-2", "/zookeeper-2/commands"],
      ["lines", null],
    ],
  );
});

test("a kind that the table does not have is told before anything listens", async () => {
  const file = join(directory, "other.yaml");
  const yaml = `data: ${join(directory, "other")}\nadmin: { enabled: false }\nlines: { port: ${ports[2]} }\n`;
  const files = {
    read: (path: string) => (path === file ? yaml : null),
    permissions: () => 0o600,
    isDirectory: () => true,
  };
  const { configuration } = loadConfiguration({ file, files, doorSections: [LINES] });
  await assert.rejects(runMember(configuration, silentLogger), /there is no door of the kind lines/);
});

function said(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(line));
    socket.on("error", reject);
    socket.once("data", (chunk) => {
      resolve(chunk.toString());
      socket.destroy();
    });
  });
}
