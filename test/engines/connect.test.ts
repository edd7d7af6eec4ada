// What `connect` and a member's `connect` say when there is no session to be had: at once where nobody listens, by name where no quorum is.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CoordinationError, connect } from "../../src/index.ts";
import { type Member, type MemberAddress, startMember } from "../../src/server/index.ts";
import { freePort } from "../support/ports.ts";

const folder = await mkdtemp(join(tmpdir(), "cabildo-connect-"));
after(() => rm(folder, { recursive: true }));

async function failureOf(promise: Promise<unknown>): Promise<CoordinationError> {
  const error = await promise.then(
    () => assert.fail("it has succeeded"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof CoordinationError, String(error));
  assert.equal(error.outcome, "not-applied");
  return error;
}

function member(name: string, port: number, members?: Readonly<Record<number, MemberAddress>>): Promise<Member> {
  const data = join(folder, name);
  return startMember({ id: 1, data, members, zookeeper: { port, address: "127.0.0.1", session: { tick: "500ms" } } });
}

test("where every server refuses the connection it is told at once, with what was tried", async () => {
  const [one, two] = [await freePort(), await freePort()];
  const begun = performance.now();
  const error = await failureOf(connect(`zookeeper://127.0.0.1:${one},127.0.0.1:${two}`));
  assert.ok(performance.now() - begun < 3000, "it does not wait for its time limit");
  assert.equal(error.code, "connection-lost");
  assert.match(error.message, /every server refused the connection/);
  for (const port of [one, two]) assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port} .*ECONNREFUSED`));
  assert.match(error.message, /waitForServers/);
});

test("a host that does not exist is told at once too", async () => {
  const error = await failureOf(connect("zookeeper://no-such-host.invalid:2181", { connectTimeoutMs: 9000 }));
  assert.equal(error.code, "connection-lost", error.message);
  assert.match(error.message, /no-such-host\.invalid:2181 its name is not resolved/);
});

test("with waitForServers it waits until one listens", async () => {
  const port = await freePort();
  const connecting = connect(`zookeeper://127.0.0.1:${port}`, { waitForServers: true });
  await new Promise((resolve) => setTimeout(resolve, 400));
  const late = await member("late", port);
  const c = await connecting;
  assert.equal(await c.counter("orders").add(), 1n);
  await c.close();
  await late.close();
});

test("a server that is silent: the error names the option of the time limit", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const error = await failureOf(connect(`zookeeper://127.0.0.1:${address.port}`, { connectTimeoutMs: 300 }));
  assert.equal(error.code, "deadline");
  assert.match(error.message, /no server gave a session within 300 ms \(connectTimeoutMs; 127\.0\.0\.1:\d+ /);
  for (const socket of sockets) socket.destroy();
  server.close();
});

test("one of three members runs: no quorum, and who is missing, over TCP and in its own process", async () => {
  const clients = [await freePort(), await freePort(), await freePort()];
  const peers = [await freePort(), await freePort(), await freePort()];
  const members = Object.fromEntries(peers.map((peerPort, i) => [i + 1, { host: "127.0.0.1", peerPort }]));
  const alone = await member("alone", clients[0]!, members);
  const url = `zookeeper://${clients.map((port) => `127.0.0.1:${port}`).join(",")}`;
  const remote = await failureOf(connect(url, { connectTimeoutMs: 1000 }));
  assert.equal(remote.code, "no-quorum", remote.message);
  assert.match(remote.message, /no quorum within 1000 ms \(connectTimeoutMs\)/);
  assert.match(remote.message, new RegExp(`127\\.0\\.0\\.1:${clients[0]} runs without one`));
  for (const port of clients.slice(1)) {
    assert.match(remote.message, new RegExp(`not reached: .*127\\.0\\.0\\.1:${port} \\(.*ECONNREFUSED`));
  }
  const local = await failureOf(alone.connect({ connectTimeoutMs: 1000 }));
  assert.equal(local.code, "no-quorum", local.message);
  assert.match(
    local.message,
    /member 1, in this process, is one of 3; not reached: member 2 \(\S+\), member 3 \(\S+\)$/,
  );
  await alone.close();
});
