// A member inside a program: started from an object, waited for, used, closed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CoordinationError, connect, LockLostError, ReleasedError } from "../../../src/index.ts";
import { ConfigurationError, type Member, type MemberOptions, startMember } from "../../../src/server/index.ts";
import { freePort } from "../../support/ports.ts";
import { until } from "../members/story.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-embedding-"));
after(() => rm(folder, { recursive: true }));
let folders = 0;
const data = (): string => join(folder, `${++folders}`);

/** Three members that know each other; none is started yet. */
async function three(): Promise<readonly MemberOptions[]> {
  const members: Record<number, { readonly host: string; readonly peerPort: number }> = {};
  for (const id of [1, 2, 3]) members[id] = { host: "127.0.0.1", peerPort: await freePort() };
  return [1, 2, 3].map((id) => ({ id, data: data(), members }));
}

const failure = (promise: Promise<unknown>): Promise<CoordinationError> =>
  promise.then(
    () => assert.fail("it did not fail"),
    (error) => {
      assert.ok(error instanceof CoordinationError, String(error));
      return error;
    },
  );

const leaderOf = (members: readonly Member[]): Member => {
  const leaders = members.filter(({ status }) => status.role === "leader");
  assert.equal(leaders.length, 1);
  return leaders[0]!;
};

test("one member alone: ready, used without a socket, and closed", async () => {
  await using member = await startMember({ data: data() });
  await member.ready();
  assert.equal(member.id, 1);
  assert.deepEqual([member.status.role, member.status.leader, member.status.hasQuorum], ["leader", 1, true]);
  const c = await member.connect({ root: "/app" });
  assert.equal(await c.lock("billing").run(() => 7), 7);
  await member.close();
  assert.equal(await member.ended, null);
  assert.equal((await failure(member.ready())).code, "closed");
  assert.equal((await failure(member.connect())).code, "closed");
});

test("three members: ready says who is missing, and all are ready once a majority is there", async () => {
  const [one, two, three_] = await three();
  await using first = await startMember(one!);
  const alone = await failure(first.ready({ timeoutMs: 300 }));
  assert.equal(alone.code, "no-quorum");
  assert.match(
    alone.message,
    /^member 1 is not ready after 300 ms: there is no quorum\. Not connected to member 2 \(127\.0\.0\.1:\d+\), 3 \(.*\): start them/,
  );
  const controller = new AbortController();
  const waiting = failure(first.ready({ signal: controller.signal }));
  controller.abort(new Error("enough"));
  assert.equal((await waiting).code, "aborted");
  await using second = await startMember(two!);
  await using third = await startMember(three_!);
  await Promise.all([first, second, third].map((member) => member.ready({ timeoutMs: 20_000 })));
  assert.equal(new Set([first, second, third].map(({ status }) => status.leader)).size, 1);
  const { status } = second;
  assert.deepEqual(JSON.parse(JSON.stringify(status)), status, "plain data");
  assert.deepEqual(
    status.members.map(({ id, votes, role, isConnected }) => [id, votes, role, isConnected]),
    [1, 2, 3].map((id) => [id, true, "participant", true]),
  );
  assert.match(status.members[0]!.peers.join(), /^127\.0\.0\.1:\d+$/);
});

test("a leader that closes hands leadership over, and its locks are released at once", async () => {
  const members = await Promise.all((await three()).map((options) => startMember(options)));
  try {
    await Promise.all(members.map((member) => member.ready()));
    const leader = leaderOf(members);
    const others = members.filter((member) => member !== leader);
    const [c, other] = [await leader.connect(), await others[0]!.connect()];
    const held = await c.lock("billing").acquire();
    const term = leader.status.term;
    const next = other.lock("billing").acquire({ timeoutMs: 8000 });
    const begun = performance.now();
    await leader.close();
    const took = performance.now() - begun;
    assert.ok(took < 3000, `closing took ${took} ms`);
    assert.ok(held.signal.reason instanceof LockLostError || held.signal.reason instanceof ReleasedError);
    await next;
    assert.ok(performance.now() - begun < 4000, "the other did not wait for the session to expire");
    await until("another leads", () => others.some(({ status }) => status.role === "leader"), 2000);
    assert.equal(
      leaderOf(others).status.term,
      term + 1,
      "it was asked to lead, and nobody waited for an election timeout",
    );
  } finally {
    await Promise.all(members.map((member) => member.close()));
  }
});

test("closing ends within its deadline, without a quorum and with a session that cannot be ended", async () => {
  const members = await Promise.all((await three()).map((options) => startMember(options)));
  await Promise.all(members.map((member) => member.ready()));
  const c = await members[0]!.connect({ sessionTimeoutMs: 30_000 });
  await c.lock("billing").acquire();
  await Promise.all([members[1]!.close(), members[2]!.close()]);
  const warned: string[] = [];
  const begun = performance.now();
  await members[0]!.close({ timeoutMs: 1500 });
  const took = performance.now() - begun;
  assert.ok(took < 1900, `closing took ${took} ms`);
  assert.deepEqual(warned, []);
});

test("a member whose disk was wiped is ready once it holds all that was acknowledged, and the ensemble counts it", async () => {
  const settings = await three();
  const members = await Promise.all(settings.map((options) => startMember(options)));
  try {
    await Promise.all(members.map((member) => member.ready()));
    const c = await members[0]!.connect();
    await c.counter("orders").add(5n);
    await members[2]!.close();
    await rm(settings[2]!.data!, { recursive: true });
    members[2] = await startMember(settings[2]!);
    await members[2].ready();
    const { appliedIndex, members: listed } = members[2].status;
    assert.ok(appliedIndex > 0);
    assert.equal(listed.find(({ id }) => id === 3)?.votes, true);
    // It counts: with it and one other there is a quorum.
    await members[1]!.close();
    const survivor = await members[2].connect();
    assert.equal(await survivor.counter("orders").get(), 5n);
  } finally {
    await Promise.all(members.map((member) => member.close()));
  }
});

test("other processes use it by its port, and clients of TCP and of memory exclude each other", async () => {
  const port = await freePort();
  await using member = await startMember({ data: data(), zookeeper: { port, address: "127.0.0.1" } });
  await member.ready();
  await using inside = await member.connect({ root: "/app" });
  await using outside = await connect(`zookeeper://127.0.0.1:${port}/app`);
  const held = await inside.lock("billing").acquire();
  assert.equal(await outside.lock("billing").tryAcquire(), null);
  await held.release();
});

test("what cannot be started is told, and leaves nothing running", async () => {
  const problems = await failure(startMember({ data: data(), zookeeper: { port: 70_000 } }));
  assert.ok(problems instanceof ConfigurationError);
  assert.match((await failure(startMember(null as never))).message, /^startMember: it is given an object/);
  const noLogger = startMember({ data: data(), logger: console.log as never });
  assert.match((await failure(noLogger)).message, /^startMember: logger is an object with info, warn and error/);
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  try {
    const place = data();
    const refused = await failure(startMember({ data: place, zookeeper: { port, address: "127.0.0.1" } }));
    assert.equal(refused.code, "configuration");
    assert.match(refused.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
    const busy = {
      id: 1,
      members: { 1: { host: "127.0.0.1", peerPort: port }, 2: "127.0.0.1:1:2", 3: "127.0.0.1:3:4" },
    };
    const refusedPeers = await failure(startMember({ data: place, ...busy }));
    assert.equal(refusedPeers.code, "configuration");
    // The directory is free again.
    await using member = await startMember({ data: place });
    await member.ready();
    assert.match((await failure(startMember({ data: place }))).message, /another process is using this data directory/);
  } finally {
    taken.close();
  }
});

test("it is silent unless a logger is given, which is told in lines", async (t) => {
  const write = t.mock.method(process.stderr, "write");
  await using quiet = await startMember({ data: data() });
  await quiet.ready();
  await quiet.close();
  assert.equal(write.mock.callCount(), 0);
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  await using told = await startMember({ data: data(), logger: { info: note, warn: note, error: note } });
  await told.ready();
  assert.ok(
    lines.some((line) => /lead/.test(line)),
    lines.join("\n"),
  );
});

test("connections that the program closed itself are not closed again, and many are not kept", async () => {
  await using member = await startMember({ data: data() });
  for (let i = 0; i < 20; i++) {
    await using c = await member.connect();
    await c.counter("n").add(1n);
  }
  await using c = await member.connect();
  assert.equal(await c.counter("n").get(), 20n);
  await sleep(0);
});

test("times to be ready and to close are checked, and may have no end", async () => {
  await using member = await startMember({ data: data() });
  await member.ready({ timeoutMs: Number.POSITIVE_INFINITY });
  await member.ready({ timeoutMs: 2 ** 40 });
  for (const [options, why] of [
    [{ timeoutMs: -1 }, "timeoutMs is a number from 0, not -1"],
    [{ timeoutMs: Number.NaN }, "timeoutMs is a number from 0, not NaN"],
    [{ timeoutMs: "3 s" }, 'timeoutMs is a number from 0, not "3 s"'],
    [{ signal: 3 }, "signal is an AbortSignal, not 3"],
    [{ timeout: 3 }, 'there is no option "timeout": did you mean timeoutMs?'],
  ] as const) {
    const { code, message } = await failure(member.ready(options as never));
    assert.deepEqual([code, message], ["configuration", `member.ready: ${why}`]);
  }
  const warned: string[] = [];
  const warn = (line: string) => void warned.push(line);
  for (const timeoutMs of [Number.POSITIVE_INFINITY, Number.NaN, -1]) {
    const other = await startMember({ data: data(), logger: { info() {}, warn, error: warn } });
    await other.ready();
    const c = await other.connect();
    const held = await c.lock("billing").acquire();
    await other.close({ timeoutMs });
    assert.equal(await other.ended, null);
    assert.ok(held.signal.reason instanceof LockLostError || held.signal.reason instanceof ReleasedError);
  }
  assert.deepEqual(warned, []);
});
