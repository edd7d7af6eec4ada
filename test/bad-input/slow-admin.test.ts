// Callers of the admin server that send a byte now and then, or ask without fetching: health is answered all the time, and
// clients do not notice.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { freePort } from "../support/ports.ts";
import { isOurs, Scene } from "./scene.ts";

const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const slowCallers = 200;
const healthWithinMs = 5000; // on a quiet machine it is a few ms; 64 slow callers once made it 29 s

test(`${slowCallers} slow callers of the admin server leave health answered and clients alone`, {
  timeout: 120_000,
  skip: !isOurs,
}, async (t) => {
  const port = await freePort();
  await using scene = await Scene.open({
    config: [],
    configOf: (id) =>
      id === 1 ? ["admin.enableServer=true", `admin.serverPort=${port}`, "admin.serverAddress=127.0.0.1"] : [],
  });
  const callers: Socket[] = [];
  const call = async (bytes: string): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    callers.push(socket);
    await once(socket, "connect");
    socket.write(bytes);
    return socket;
  };
  let slowest = 0;
  for (let i = 0; i < slowCallers; i++) {
    const socket = await call(
      i % 2 === 0
        ? "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
        : "GET /commands/mntr HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    );
    socket.pause();
    if (i % 20 !== 19) continue;
    const asked = performance.now();
    await health(port);
    slowest = Math.max(slowest, performance.now() - asked);
  }
  for (const socket of callers) if (!socket.destroyed) socket.write("x");
  await health(port);
  t.diagnostic(`health within ${slowest.toFixed(0)} ms; the others: ${await scene.assertUnharmed(p99BoundMs)}`);
  for (const socket of callers) socket.destroy();
});

/** As a probe asks: on a connection of its own. */
async function health(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(healthWithinMs, () => socket.destroy(new Error("health is not answered")));
  socket.write("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const chunk of socket) text += chunk;
  assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
}
