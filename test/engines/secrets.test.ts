// What a program may log of a connection, whole: its status, states, sessions, handles, errors, log lines and diagnostics
// messages. None of it holds a secret, and JSON takes all of it.

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { CoordinationError, connect, LockLostError } from "../../src/index.ts";
import {
  connectZooKeeper,
  parseConnectString,
  SessionLostError,
  ZooKeeperError,
} from "../../src/protocols/zookeeper/client/index.ts";
import { startMember } from "../../src/server/index.ts";
import { freePort } from "../support/ports.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-secrets-"));
const port = await freePort();
const member = await startMember({ data: folder, zookeeper: { port, address: "127.0.0.1" } });
after(async () => {
  await member.close();
  await rm(folder, { recursive: true });
});

const AUTH = "bob:correct-horse";
const logged: unknown[] = [];
const logger = {
  info: (line: string) => void logged.push(line),
  warn: (line: string) => void logged.push(line),
  error: (line: string) => void logged.push(line),
};

/** Everything that a log would show of it. */
function shown(value: unknown): string {
  const text = inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: null });
  const json = JSON.stringify(value, (_key, one: unknown) => (typeof one === "bigint" ? String(one) : one));
  return `${text}\n${json}\n${String(value)}`;
}

function assertHarmless(value: unknown, password: Uint8Array): void {
  const text = shown(value).toLowerCase();
  const bytes = [...password];
  const forms = [
    Buffer.from(password).toString("hex"),
    Buffer.from(password)
      .toString("hex")
      .replace(/(..)(?!$)/g, "$1 "),
    Buffer.from(password).toString("base64").toLowerCase(),
    bytes.join(", "),
    bytes.join(","),
    JSON.stringify({ ...bytes }),
    "correct-horse",
  ];
  for (const form of forms) assert.ok(!text.includes(form), `a secret is shown: ${text.slice(0, 2000)}`);
}

test("nothing that a program can log of a connection holds a secret, and JSON takes all of it", async () => {
  const heard: unknown[] = [];
  const listener = (message: unknown) => void heard.push(message);
  const channels = ["tracing:cabildo:acquire:asyncEnd", "tracing:cabildo:release:asyncEnd", "cabildo:end"];
  for (const name of channels) subscribe(name, listener);
  const c = await connect(`zookeeper://127.0.0.1:${port}/app`, {
    auth: [{ scheme: "digest", auth: AUTH }],
    logger,
  });
  after(() => c.close()); // also where this fails
  const { client } = c.engine;
  const session = client.session!;
  const { password } = session;
  assert.ok(password.some((byte) => byte !== 0));
  const held = await c.lock("billing").acquire();
  const { signal } = held;
  const things: unknown[] = [
    c,
    c.status,
    c.engine,
    client,
    client.state,
    session,
    held,
    await c.multiLock(["a"]).acquire(),
  ];
  assert.deepEqual(JSON.parse(JSON.stringify(c.status)), {
    kind: "ready",
    session: {
      id: `0x${session.id.toString(16)}`,
      timeoutMs: 10_000,
      state: "sure",
      expiresInMs: JSON.parse(JSON.stringify(c.status)).session.expiresInMs,
    },
  });
  for (const one of things) {
    assert.doesNotThrow(() => JSON.stringify(one));
    assertHarmless(one, password);
  }
  await c.close();
  assert.ok(signal.reason instanceof LockLostError);
  assert.ok(session.signal.reason instanceof SessionLostError);
  const refusal = await client.create("/x").catch((error: unknown) => error);
  assert.ok(refusal instanceof CoordinationError);
  for (const one of [...things, c.status, client.state, signal.reason, session.signal.reason, refusal]) {
    assert.doesNotThrow(() => JSON.stringify(one));
    assertHarmless(one, password);
  }
  for (const name of channels) unsubscribe(name, listener);
  assert.ok(heard.length >= 3);
  for (const one of [...heard, ...logged]) assertHarmless(one, password);
});

test("an error in a log says what it says elsewhere: its message, code, outcome and cause", async () => {
  await using client = await connectZooKeeper(`127.0.0.1:${port}`);
  const refusal = await client.getData("/none").catch((error: unknown) => error);
  assert.ok(refusal instanceof ZooKeeperError);
  const { message } = refusal;
  const expected = {
    name: "ZooKeeperError",
    code: "rejected",
    outcome: "not-applied",
    reason: "no-node",
    errorCode: -101,
  };
  assert.deepEqual(JSON.parse(JSON.stringify(refusal)), { ...expected, path: "/none", message });
  const session = client.session!;
  await client.close();
  const late = await client.exists("/").catch((error: unknown) => error);
  assert.ok(late instanceof CoordinationError);
  assert.equal(JSON.parse(JSON.stringify(session.signal.reason)).sessionId, String(session.id));
});

test("a connect string that cannot be read is not repeated where it may hold a password", () => {
  for (const text of [
    "zookeeper://bob:correct-horse@zoo1:2181",
    "zookeeper://bob:correct/horse@zoo1:2181",
    "zookeeper://bob:correct?horse@zoo1",
    "http://bob:correct-horse@zoo1:2181",
    "bob:correct-horse@zoo1",
  ]) {
    assert.throws(
      () => parseConnectString(text),
      (error: Error) => !/correct|horse/.test(error.message) && /`auth` or `sasl`/.test(error.message),
      text,
    );
  }
  assert.equal(parseConnectString("zoo1/a@b").chroot, "/a@b");
});
