// A member that ends by itself, as when its disk fails: it stops serving at once, closes everything, and then `ended` settles.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openResources } from "../../../src/adapters/open-resources.ts";
import { systemFiles } from "../../../src/adapters/storage/system-files.ts";
import { silentLogger } from "../../../src/base/logger.ts";
import type { CoordinationError } from "../../../src/index.ts";
import type { DoorKind } from "../../../src/protocols/door-kind.ts";
import { ZOOKEEPER } from "../../../src/protocols/zookeeper/door-kind.ts";
import type { Replica } from "../../../src/replica/replica.ts";
import { loadEmbedded } from "../../../src/server/configuration/load.ts";
import { startMemberIn } from "../../../src/server/embedded-member.ts";
import { startMember } from "../../../src/server/index.ts";
import { runMember } from "../../../src/server/member.ts";
import { encodeOpenLease } from "../../../src/state/leases/commands.ts";
import { Leases } from "../../../src/state/leases/leases.ts";
import { freePort } from "../../support/ports.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-failure-"));
after(() => rm(folder, { recursive: true }));

/** Files whose syncs fail once the disk is broken. */
function breakableFiles() {
  const disk = { isBroken: false };
  const trouble = (): Error => Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  const files: typeof systemFiles = {
    ...systemFiles,
    sync: (file) => (disk.isBroken ? Promise.reject(trouble()) : systemFiles.sync(file)),
    syncNow: (file) => {
      if (disk.isBroken) throw trouble();
      systemFiles.syncNow(file);
    },
  };
  return { disk, files };
}

const failureOf = (promise: Promise<unknown>): Promise<CoordinationError> =>
  promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );

async function isListening(port: number): Promise<boolean> {
  const socket = dial(port, "127.0.0.1");
  const isOpen = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

test("a member whose disk fails refuses what it is asked, closes everything, and then has ended", async () => {
  const { disk, files } = breakableFiles();
  const [port, admin] = [await freePort(), await freePort()];
  const place = join(folder, "data");
  const settings = { data: place, zookeeper: { port, address: "127.0.0.1" }, admin: { port: admin } };
  const member = await startMemberIn({ storage: { files } }, { ...settings, closeOn: ["SIGHUP"] });
  const listeners = process.listenerCount("SIGHUP");
  await member.ready();
  const c = await member.connect();
  disk.isBroken = true;
  const begun = performance.now();
  const write = failureOf(c.counter("orders").add(1n));
  const end = await member.ended;
  assert.ok(performance.now() - begun < 2500, "it waits for nothing that could not be closed");
  assert.match(end?.message ?? "", /the disk failed under .*EIO/);
  const { role, leader, hasQuorum, followers } = member.status;
  assert.deepEqual(
    { role, leader, hasQuorum, followers },
    { role: "follower", leader: null, hasQuorum: false, followers: [] },
  );
  assert.deepEqual([await isListening(port), await isListening(admin)], [false, false]);
  const late = await failureOf(member.connect());
  assert.equal(late.code, "closed");
  assert.match(late.message, /member 1 has ended: the disk failed/);
  assert.equal((await failureOf(member.ready())).code, "closed");
  assert.ok((await write).code, "the write under way was answered");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(openResources(), [], "neither the member nor its connections are open");
  assert.equal(process.listenerCount("SIGHUP"), listeners - 1);
  // The directory is free.
  await using again = await startMember(settings);
  await again.ready();
  await member.close();
});

/** One of three members, the others of which do not run. */
async function withoutOthers(name: string) {
  const members: Record<number, { readonly host: string; readonly peerPort: number }> = {};
  for (const id of [1, 2, 3]) members[id] = { host: "127.0.0.1", peerPort: await freePort() };
  return { id: 1, data: join(folder, name), members };
}

test("whoever waits for a member when it fails hears once, and whoever asks later hears at once", async () => {
  const settings = await withoutOthers("waiters");
  const { configuration } = loadEmbedded({ settings, file: null, doorSections: [] });
  const running = await runMember(configuration, silentLogger);
  const replica = running.member as Replica;
  const heard: string[] = [];
  const ask = (when: string): void => {
    const note = (what: string, code: string | undefined): void => void heard.push(`${when} ${what}: ${code}`);
    replica.readBarrier((error) => note("read", error?.code));
    replica.leaseRemaining(7, (error) => note("lease", error?.code));
    encodeOpenLease(replica.begin(), 4000, "sixteen letters.");
    const onOutcome = (): void => note("command", "an outcome");
    replica.commit(replica.machine.model(Leases), { onOutcome, onRefused: ({ code }) => note("command", code) });
  };
  ask("before");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, []);
  replica.onFailure(new Error("the disk failed"));
  assert.deepEqual(heard, [], "nobody is called in the middle of what failed");
  assert.equal(running.ending.reason.message, "the disk failed");
  assert.equal(replica.admission(), "stopping");
  assert.equal((await running.ended)?.message, "the disk failed");
  assert.deepEqual(heard, ["before read: no-quorum", "before lease: no-quorum", "before command: closed"]);
  ask("after");
  await running.stop();
  assert.deepEqual(heard.slice(3), ["after read: closed", "after lease: closed", "after command: closed"]);
});

test("a member that fails while it starts does not start, leaves no port open, and its directory is free", async () => {
  const port = await freePort();
  const settings = { data: join(folder, "starting"), zookeeper: { port, address: "127.0.0.1" } };
  const { configuration } = loadEmbedded({ settings, file: null, doorSections: [] });
  const failing: DoorKind = {
    ...ZOOKEEPER,
    open: (host, ...rest) => {
      (host.member as Replica).onFailure(new Error("the disk failed"));
      return ZOOKEEPER.open(host, ...rest);
    },
  };
  const error = await failureOf(runMember(configuration, silentLogger, { doorKinds: [failing] }));
  assert.equal(error.message, "the disk failed");
  assert.equal(await isListening(port), false);
  await using again = await startMember(settings);
  await again.ready();
});

test("what waits for a first session or to be ready when its member is closed fails at once", async () => {
  const member = await startMember(await withoutOthers("closed"));
  const waiting = [failureOf(member.connect()), failureOf(member.ready())];
  await new Promise((resolve) => setTimeout(resolve, 50));
  const begun = performance.now();
  await member.close();
  for (const { code, message } of await Promise.all(waiting)) {
    assert.deepEqual([code, message], ["closed", "member 1 is closed"]);
  }
  assert.ok(performance.now() - begun < 2500);
});
