// The echo door in the real server, beside ZooKeeper's: over one log, on sockets, through a snapshot and a restart.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLogger } from "../../src/base/logger.ts";
import type { MemberReport } from "../../src/management/report.ts";
import { connectZooKeeper } from "../../src/protocols/zookeeper/client/index.ts";
import type { Replica } from "../../src/replica/replica.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { DOORS } from "../../src/server/doors.ts";
import { type RunningMember, runMember } from "../../src/server/member.ts";
import { freePort } from "../support/ports.ts";
import { ECHO_DOOR, ECHO_SECTION } from "./echo/door.ts";
import { ECHO_MODEL_FACTORY } from "./echo/model.ts";

let directory = "";
let ports: { zooKeeper: number; echo: number; admin: number };
let member: RunningMember;

/** The three lists, with one more line each. */
async function start(): Promise<RunningMember> {
  const file = join(directory, "cabildo.yaml");
  const yaml = `
data: ${directory}
admin: { port: ${ports.admin} }
zookeeper: { port: ${ports.zooKeeper}, address: 127.0.0.1 }
echo: { port: ${ports.echo}, address: 127.0.0.1, prefix: ">" }
`;
  const files = {
    read: (path: string) => (path === file ? yaml : null),
    permissions: () => 0o600,
    isDirectory: () => true,
  };
  const { configuration } = loadConfiguration({ file, files, doorSections: [ECHO_SECTION] });
  return runMember(configuration, silentLogger, { doorKinds: [...DOORS, ECHO_DOOR], models: [ECHO_MODEL_FACTORY] });
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "cabildo-echo-"));
  ports = { zooKeeper: await freePort(), echo: await freePort(), admin: await freePort() };
  member = await start();
});

after(async () => {
  await member.stop();
  rmSync(directory, { recursive: true });
});

/** A client of the door: lines that come are kept until they are asked for. */
class EchoClient {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #text = "";
  #wake: () => void = () => {};

  constructor() {
    this.#socket = connect(ports.echo, "127.0.0.1");
    this.#socket.setEncoding("latin1").on("data", (chunk) => {
      const lines = (this.#text + chunk).split("\n");
      this.#text = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake();
    });
  }

  async next(): Promise<readonly string[]> {
    while (this.#lines.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const line = this.#lines.shift()!;
    assert.ok(line.startsWith(">"), `${line} has the prefix that is set`);
    return line.slice(1).split(" ");
  }

  async ask(line: string): Promise<readonly string[]> {
    this.#socket.write(`${line}\n`);
    return this.next();
  }

  /** Until the leader has raised the feature level, commands of the model are refused. */
  async askWhenRaised(line: string): Promise<readonly string[]> {
    for (;;) {
      const answer = await this.ask(line);
      if (answer[1] !== "feature-level") return answer;
      await sleep(20);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

test("the door serves its model: values, leases, events, beside ZooKeeper's clients", { timeout: 30_000 }, async () => {
  const [writer, watcher] = [new EchoClient(), new EchoClient()];
  const [opened, lease] = await writer.askWhenRaised("open 1000");
  assert.equal(opened, "lease");
  assert.equal((await watcher.ask("watch a"))[0], "watching");
  assert.equal((await writer.ask(`put a first ${lease}`))[0], "done");
  const [event, sequence, ...rest] = await watcher.next();
  assert.deepEqual([event, ...rest], ["event", "a", "first"]);
  assert.deepEqual((await watcher.ask("get a")).slice(2), ["first"]);
  assert.equal((await writer.ask("put b lasting"))[0], "done");
  const gone = await watcher.next(); // the lease is not kept
  assert.deepEqual([gone[0], gone[2]], ["gone", "a"]);
  assert.ok(Number(gone[1]) > Number(sequence));
  assert.equal((await writer.ask(`put a late ${lease}`)).join(" "), "refused session-expired");

  const client = await connectZooKeeper(`127.0.0.1:${ports.zooKeeper}`);
  await client.create("/beside", "it");
  await client.close();
  const report = (await (await fetch(`http://127.0.0.1:${ports.admin}/status`)).json()) as MemberReport;
  assert.deepEqual(
    report.doors.map(({ kind }) => kind),
    ["zookeeper", "echo"],
  );
  writer.close();
  watcher.close();
});

test("its state is in the snapshot and in the log, and is there again after a restart", {
  timeout: 30_000,
}, async () => {
  const client = new EchoClient();
  assert.equal((await client.ask("put c before"))[0], "done");
  await (member.member as Replica).takeSnapshotNow();
  assert.equal((await client.ask("put d behind"))[0], "done");
  client.close();
  await member.stop();
  member = await start();
  const again = new EchoClient();
  for (const [key, value] of [
    ["b", "lasting"],
    ["c", "before"],
    ["d", "behind"],
  ]) {
    assert.deepEqual((await again.ask(`get ${key}`)).slice(2), [value], `${key} is there`);
  }
  assert.equal((await again.ask("get a"))[0], "none");
  again.close();
});
