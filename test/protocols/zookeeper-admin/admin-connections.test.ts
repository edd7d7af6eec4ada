// Slow, silent and greedy callers of the admin server cost themselves, and a probe of the member's health is answered.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import type { HttpServer } from "../../../src/management/http-server.ts";
import { contextOf, startAdminServer } from "./fakes.ts";

const lines: string[] = [];
const log = { info() {}, warn: (line: string) => void lines.push(line), error() {} };

describe("the admin server's connections", { timeout: 60_000 }, () => {
  let server: HttpServer;
  const opened: Socket[] = [];

  before(async () => {
    server = (await startAdminServer(contextOf(), { host: "127.0.0.1", port: 0 }, log))!;
  });
  after(async () => {
    for (const socket of opened) socket.destroy();
    await server.close();
  });

  async function open(from: string, bytes: string): Promise<Socket> {
    const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: from });
    opened.push(socket);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(bytes);
    return socket;
  }

  /** The answer's first line; "" where the connection closes instead. */
  async function ask(from: string, path: string): Promise<string> {
    const socket = await open(from, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) text += chunk;
    return text.split("\r\n")[0]!;
  }

  const half = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";

  test("a hundred requests that never end, from one address or from many, leave health and commands answered", async () => {
    for (let i = 0; i < 100; i++) await open("127.0.0.1", half);
    assert.equal(await ask("127.0.0.1", "/livez"), "HTTP/1.1 200 OK");
    assert.equal(await ask("127.0.0.1", "/commands/ruok"), "HTTP/1.1 200 OK");
    for (let i = 0; i < 100; i++) await open(`127.0.1.${i + 1}`, i % 2 === 0 ? half : "");
    assert.equal(await ask("127.0.0.1", "/livez"), "HTTP/1.1 200 OK");
    assert.equal(await ask("127.0.2.1", "/metrics"), "HTTP/1.1 200 OK");
    assert.ok(
      lines.some((line) => /^admin server: \d+ connections.* already: the one that has asked for nothing/.test(line)),
    );
    assert.ok(lines.length < 5, "one line for many");
  });

  test("one address takes no more than its share", async () => {
    const others = await Promise.all(Array.from({ length: 20 }, (_, i) => open(`127.0.3.${i + 1}`, half)));
    for (let i = 0; i < 60; i++) await open("127.0.4.1", half);
    assert.equal(await ask("127.0.4.1", "/livez"), "HTTP/1.1 200 OK");
    assert.deepEqual(
      others.map((socket) => socket.destroyed || socket.readableEnded),
      others.map(() => false),
    );
  });

  test("a request that does not end is answered with 408, or cut off, within its time", async () => {
    const slow = await open("127.0.5.1", half);
    slow.resume();
    const began = performance.now();
    await once(slow, "close");
    assert.ok(performance.now() - began < 20_000, "Node looks only every 30 s unless told");
  });

  test("who asks again before it was answered is closed: a chunk full of requests is not worked through", async () => {
    const request = "GET /commands/mntr HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const greedy = await open("127.0.6.1", request.repeat(1000));
    let text = "";
    greedy.on("data", (chunk) => {
      text += chunk;
    });
    await once(greedy, "close");
    assert.ok(text.split("HTTP/1.1 200").length <= 3, "one answer, and no thousand");
    assert.equal(await ask("127.0.6.1", "/livez"), "HTTP/1.1 200 OK");
  });

  test("a connection that is kept asks one request after the other", async () => {
    const socket = await open("127.0.7.1", "");
    for (let i = 0; i < 20; i++) {
      socket.write("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      const [chunk] = (await once(socket, "data")) as [Buffer];
      assert.match(String(chunk), /^HTTP\/1.1 200 OK/);
    }
  });
});
