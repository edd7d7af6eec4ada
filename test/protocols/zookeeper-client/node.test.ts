// The client on Node: what is wrong with its options is said at once, and a signal ends the wait for a connection.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { CoordinationError, connectZooKeeper, openZooKeeper } from "../../../src/protocols/zookeeper/client/index.ts";
import { nodePorts } from "../../../src/protocols/zookeeper/client/node.ts";
import { failureOf } from "./support/story.ts";

test("options that cannot be are refused before anything is begun", () => {
  const wrongs: [Parameters<typeof openZooKeeper>[1], RegExp][] = [
    [{ sessionTimeoutMs: 0 }, /sessionTimeoutMs is a number from 1/],
    [{ sessionTimeoutMs: Number.NaN }, /sessionTimeoutMs/],
    [{ requestTimeoutMs: -1 }, /requestTimeoutMs/],
    [{ requestTimeoutMs: 2 ** 40 }, /requestTimeoutMs/],
    [{ attemptTimeoutMs: "5" as never }, /attemptTimeoutMs/],
    [{ clockRateMargin: 1 }, /clockRateMargin is a part of 1/],
    [{ tls: { cert: "no certificate" } }, /^tls: /],
  ];
  for (const [options, why] of wrongs) {
    assert.throws(
      () => openZooKeeper("127.0.0.1:2181", options),
      (error) => error instanceof CoordinationError && error.code === "configuration" && why.test(error.message),
    );
  }
});

test("a signal ends the wait for the first connection, with nothing left", async () => {
  const server = createServer((socket) => socket.resume()); // takes calls, and says nothing
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const left = () => process.getActiveResourcesInfo().filter((name) => /TCPSocket|Timeout|Immediate/.test(name));
  assert.deepEqual(left(), []);
  const aborted = await failureOf(connectZooKeeper(`127.0.0.1:${port}`, { signal: AbortSignal.abort() }));
  assert.ok(aborted instanceof CoordinationError && aborted.code === "aborted");

  const ending = new AbortController();
  const waiting = failureOf(connectZooKeeper(`127.0.0.1:${port}`, { signal: ending.signal }));
  await new Promise<void>((resolve) => server.once("connection", () => resolve()));
  ending.abort(new Error("enough"));
  const error = await waiting;
  assert.ok(error instanceof CoordinationError && error.code === "aborted");
  assert.equal((error.cause as Error).message, "enough");
  await new Promise<void>((resolve) => server.close(() => setImmediate(resolve))); // its own sockets end a turn later
  assert.deepEqual(left(), []);
});

test("a call whose deadline lies beyond what timers can do does not end at once", async () => {
  const client = openZooKeeper("127.0.0.1:1");
  let isOver = false;
  const call = failureOf(client.exists("/", { timeoutMs: 2 ** 33 })).then(() => {
    isOver = true;
  });
  const forever = failureOf(client.connected({ timeoutMs: Number.POSITIVE_INFINITY }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(isOver, false);
  await client.close();
  await Promise.all([call, forever]);
});

test("nothing is heard of a connection that was cut, whatever comes of it", async (t) => {
  const server = createServer((socket) => socket.end("ro")); // as ZooKeeper answers a word, and hangs up
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const heard: string[] = [];
  await new Promise<void>((resolve) => {
    const link = nodePorts().transport.dial(
      { host: "127.0.0.1", address: "127.0.0.1", port },
      {
        onOpen: () => heard.push("open"),
        onData: () => {
          heard.push("data");
          link.destroy(() => setImmediate(resolve));
        },
        onClose: () => heard.push("close"),
      },
    );
  });
  assert.deepEqual(heard, ["open", "data"]);
});
