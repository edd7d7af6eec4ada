// A client that has no room for another request refuses it at once. What the engine asks for again, it asks for later: the
// process goes on meanwhile, and with it the answers that make room.

import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, test } from "node:test";
import { ZooKeeperEngine } from "../../src/engines/zookeeper/engine.ts";
import { connectZooKeeper, nodePorts } from "../../src/protocols/zookeeper/client/index.ts";

const opened: (() => unknown)[] = [];
after(() => Promise.all(opened.map((close) => close())));

const EXISTS = 3;
const SET_WATCHES = 101;

/** Opens sessions, and answers every request with success: reads of a node's metadata when it is told to. */
async function server(onRequest: (operation: number, bytes: number) => void = () => {}) {
  const held: (() => void)[] = [];
  const sockets = new Set<Socket>();
  const state = { isHolding: false, held, sockets, port: 0 };
  const listening = createServer((socket) => {
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    let isOpen = false;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
        const frame = bytes.subarray(4, 4 + bytes.readInt32BE(0));
        bytes = bytes.subarray(4 + frame.length);
        if (!isOpen) {
          isOpen = true;
          const greeting = Buffer.alloc(41);
          greeting.writeInt32BE(37, 0);
          greeting.writeInt32BE(10_000, 8);
          greeting.writeBigInt64BE(77n, 12);
          greeting.writeInt32BE(16, 20);
          socket.write(greeting);
          continue;
        }
        const [xid, operation] = [frame.readInt32BE(0), frame.readInt32BE(4)];
        onRequest(operation, frame.length);
        const answer = (): void => {
          const reply = Buffer.alloc(20 + (operation === EXISTS ? 68 : 0));
          reply.writeInt32BE(reply.length - 4, 0);
          reply.writeInt32BE(xid, 4);
          reply.writeBigInt64BE(5n, 8);
          socket.write(reply);
        };
        if (state.isHolding && operation === EXISTS) held.push(answer);
        else answer();
      }
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  opened.push(
    () => listening.close(),
    () => {
      for (const socket of sockets) socket.destroy();
    },
  );
  const address = listening.address();
  state.port = typeof address === "object" && address !== null ? address.port : 0;
  return state;
}

test("a lock that is asked for while the backlog is full leaves the process running", { timeout: 20_000 }, async () => {
  const fake = await server();
  fake.isHolding = true;
  const ports = nodePorts(false);
  const client = await connectZooKeeper(`127.0.0.1:${fake.port}`, { backlogRequestsMax: 2, sessionTimeoutMs: 10_000 });
  opened.push(() => client.close());
  const engine = new ZooKeeperEngine(client, ports, {});
  const { status } = engine;
  assert.ok(status.kind === "ready");
  const reads = [client.exists("/a"), client.exists("/b")]; // all the room there is
  const contender = engine.mutex("x").contend(status.session, new Uint8Array(0));
  const polling = contender.poll().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50)); // never runs where the engine asks without end
  for (const answer of fake.held) answer();
  await Promise.all(reads);
  await client.close();
  await polling;
});

test("watches are set again in requests that the client itself lets pass", { timeout: 20_000 }, async () => {
  const lengths: number[] = [];
  const { port, sockets } = await server((operation, bytes) => {
    if (operation === SET_WATCHES) lengths.push(bytes);
  });
  const client = await connectZooKeeper(`127.0.0.1:${port}`, { requestBytesMax: 200, sessionTimeoutMs: 10_000 });
  opened.push(() => client.close());
  for (let i = 0; i < 10; i++) await client.exists(`/some/path/that/is/watched/${i}`, { watch: () => {} });
  const states: string[] = [];
  const back = new Promise<void>((resolve) =>
    client.onState(({ kind }) => {
      states.push(kind);
      if (kind === "connected") resolve();
    }),
  );
  for (const socket of sockets) socket.destroy();
  await back;
  await client.exists("/behind");
  assert.deepEqual(states, ["unsure", "connected"]);
  assert.ok(lengths.length > 1 && lengths.every((length) => length <= 200), `${lengths} bytes`);
});
