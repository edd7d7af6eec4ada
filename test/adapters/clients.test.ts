// The sockets of every door, with a door that says everything back: ports plain, with TLS and unified, limits, certificates and
// their renewal, and the end.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { type CertificateFiles, openCertificates } from "../../src/adapters/clients/certificates.ts";
import { ConnectionLimits } from "../../src/adapters/clients/connection-limits.ts";
import { type ListenerOptions, openListener } from "../../src/adapters/clients/listener.ts";
import { bytesOf } from "../../src/base/text.ts";
import type { Acceptor, ConnectionHandler, ConnectionPort, Peer } from "../../src/transport/connection.ts";
import { Authority, type Certificate } from "../support/certificates.ts";

const opened = new Set<() => unknown>();
after(() => Promise.all([...opened].map((close) => close())));

/** Says back what it hears; `end` closes, after its answer. */
class EchoDoor implements Acceptor {
  readonly peers: Peer[] = [];
  closed = 0;
  isServing = true;
  /** Whether who sends nothing more is still answered. */
  answersAfterEnd = false;

  accept(port: ConnectionPort, peer: Peer): ConnectionHandler | null {
    if (!this.isServing) return null;
    this.peers.push(peer);
    return {
      onChunk: (chunk) => {
        port.write(chunk.slice());
        if (Buffer.from(chunk).toString() === "end") port.end();
      },
      onDrain: () => {},
      onEnd: () => {
        if (!this.answersAfterEnd) return false;
        setImmediate(() => {
          port.write(bytesOf("late"));
          port.end();
        });
        return true;
      },
      onClosed: () => {
        this.closed += 1;
      },
    };
  }
}

async function listening(options: Partial<ListenerOptions> = {}) {
  const door = new EchoDoor();
  const lines: string[] = [];
  const turnedAway: string[] = [];
  const note = (line: string) => lines.push(line);
  const listener = await openListener({
    name: "test port",
    ports: [{ host: "127.0.0.1", port: 0, speaks: "plain" }],
    logger: { info: note, warn: note, error: note },
    acceptor: door,
    onTurnedAway: (why) => turnedAway.push(why),
    ...options,
  });
  opened.add(() => listener.close());
  return { door, lines, turnedAway, listener, port: listener.addresses[0]!.port };
}

function plain(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  opened.add(() => socket.destroy());
  return socket;
}

const authority = new Authority();
const server = authority.issue();
const client = authority.issue({ subject: "/CN=client" });
const elsewhere = authority.issue({ names: "DNS:elsewhere.example" });

function secure(port: number, options: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({ port, host: "127.0.0.1", ca: server.texts.ca, ...options });
  socket.on("error", () => {});
  opened.add(() => socket.destroy());
  return socket;
}

/** What comes until it is so much, or the connection ends. */
async function received(socket: Socket, count = Number.POSITIVE_INFINITY): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.length >= count) break;
  }
  return text;
}

/** Null: closed without an answer. */
async function echo(socket: Socket, word = "hello"): Promise<string | null> {
  socket.write(word);
  return (await received(socket, word.length).catch(() => "")) || null;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !holds(); ) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("a door gets the bytes of a connection and who is there, and hears once that it has gone", async () => {
  const { door, port } = await listening();
  const socket = plain(port);
  assert.equal(await echo(socket), "hello");
  assert.deepEqual(door.peers, [{ address: "127.0.0.1", port: socket.localPort, secure: false, certificate: null }]);
  socket.destroy();
  await until("the door hears of it", () => door.closed === 1);
  const other = plain(port);
  other.write("end");
  assert.equal(await received(other), "end");
  other.end();
  await until("the door hears of it", () => door.closed === 2);
});

test("who has said the last is answered if the door wants it, and closed if not", async () => {
  for (const [answersAfterEnd, expected] of [
    [true, "late"],
    [false, ""],
  ] as const) {
    const { door, port } = await listening();
    door.answersAfterEnd = answersAfterEnd;
    const socket = plain(port);
    socket.end();
    assert.equal(await received(socket), expected);
    await until("closed", () => door.closed === 1);
  }
});

test("a connection that the door does not take is closed", async () => {
  const { door, port } = await listening();
  door.isServing = false;
  assert.equal(await echo(plain(port)), null);
});

test("limits: from one address, in all, and shared by two listeners", async () => {
  const limits = new ConnectionLimits({ perAddressMax: 0, totalMax: 2 });
  const [one, two] = [await listening({ limits }), await listening({ limits })];
  const first = plain(one.port);
  assert.equal(await echo(first), "hello");
  assert.equal(await echo(plain(two.port)), "hello");
  assert.equal(await echo(plain(one.port)), null);
  assert.deepEqual([one.turnedAway, one.lines], [["limit"], ["too many connections: the limit is 2"]]);
  first.destroy();
  await until("it has left", () => limits.total === 1);
  assert.equal(await echo(plain(two.port)), "hello");

  const own = new ConnectionLimits({ perAddressMax: 1, totalMax: 0 });
  assert.equal(own.enter("a"), null);
  assert.equal(own.enter("b"), null);
  assert.equal(own.enter("a"), "too many connections from a: the limit is 1");
  own.leave("a");
  assert.equal(own.enter("a"), null);
  assert.equal(own.total, 2);
  assert.throws(() => own.leave("c"), /had not entered/);
});

test("a unified port: the first byte tells TLS from plain, and a certificate comes with the peer", async () => {
  const tls = { ...server.texts, clientAuth: "want" } as const;
  const { door, port } = await listening({ tls, ports: [{ host: "127.0.0.1", port: 0, speaks: "either" }] });
  assert.equal(await echo(plain(port)), "hello");
  assert.equal(await echo(secure(port)), "hello");
  assert.equal(await echo(secure(port, client.texts)), "hello");
  assert.deepEqual(
    door.peers.map((peer) => [peer.secure, peer.certificate !== null]),
    [
      [false, false],
      [true, false],
      [true, true],
    ],
  );
});

test("who comes to a unified port and leaves without a word takes no place there", async () => {
  const tls = { ...server.texts, clientAuth: "want" } as const;
  const limits = new ConnectionLimits({ perAddressMax: 3, totalMax: 0 });
  const ports = [{ host: "127.0.0.1", port: 0, speaks: "either" }] as const;
  const { port, turnedAway } = await listening({ tls, ports, limits });
  for (let i = 0; i < 10; i++) {
    const socket = plain(port);
    const gone = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    socket.end();
    await gone;
  }
  assert.equal(await echo(plain(port)), "hello");
  assert.deepEqual(turnedAway, []);
});

test("a certificate is asked for, vouched for, and for the address it comes from, as it is set", async () => {
  const ports = [{ host: "127.0.0.1", port: 0, speaks: "tls" }] as const;
  const stranger = new Authority().issue();
  const strict = await listening({ ports, tls: server.texts });
  assert.equal(await echo(secure(strict.port)), null);
  assert.equal(await echo(secure(strict.port, { ...stranger.texts, ca: server.texts.ca })), null);
  assert.equal(await echo(secure(strict.port, elsewhere.texts)), "hello");
  assert.deepEqual(strict.turnedAway, ["handshake", "handshake"]);

  const wanted = await listening({ ports, tls: { ...server.texts, clientAuth: "want", verifyClientHost: true } });
  assert.equal(await echo(secure(wanted.port, { ...stranger.texts, ca: server.texts.ca })), null);
  assert.equal(await echo(secure(wanted.port, elsewhere.texts)), null);
  assert.equal(await echo(secure(wanted.port, client.texts)), "hello");
  assert.deepEqual(wanted.turnedAway, ["certificate", "certificate"]);
  assert.match(wanted.lines[1]!, /certificate of 127\.0\.0\.1 is refused: it does not name this address/);
});

test("only the versions that are set are spoken", async () => {
  const ports = [{ host: "127.0.0.1", port: 0, speaks: "tls" }] as const;
  const { port } = await listening({ ports, tls: { ...server.texts, clientAuth: "none", minVersion: "TLSv1.3" } });
  assert.equal(await echo(secure(port, { maxVersion: "TLSv1.2" })), null);
  const socket = secure(port);
  assert.equal(await echo(socket), "hello");
  assert.equal(socket.getProtocol(), "TLSv1.3");
});

test("new certificates are used by all listeners of the files at once, and unusable ones by none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cabildo-renewal-"));
  after(() => rmSync(folder, { recursive: true }));
  const files: CertificateFiles = {
    keyFile: join(folder, "key.pem"),
    certificateFile: join(folder, "cert.pem"),
    authoritiesFile: null,
    passphrase: null,
    ciphers: null,
    reload: true,
  };
  const put = ({ keyFile, certificateFile }: Pick<Certificate, "keyFile" | "certificateFile">) => {
    copyFileSync(keyFile, files.keyFile);
    copyFileSync(certificateFile, files.certificateFile);
  };
  const lines: string[] = [];
  const note = (line: string) => lines.push(line);
  put(server);
  const certificates = await openCertificates(files, "for doors", { info: note, warn: note, error: note });
  opened.add(() => certificates.close());
  const ports: number[] = [];
  for (let i = 0; i < 2; i++) {
    const tls = { ...certificates.texts, clientAuth: "none" } as const;
    const { port, listener } = await listening({ tls, ports: [{ host: "127.0.0.1", port: 0, speaks: "tls" }] });
    certificates.onRenewed((texts) => listener.renewTls({ ...texts, clientAuth: "none" }));
    ports.push(port);
  }
  const subject = async (port: number) => {
    const socket = secure(port);
    await echo(socket);
    return socket.getPeerX509Certificate()?.subject;
  };
  assert.deepEqual([await subject(ports[0]!), await subject(ports[1]!)], ["CN=member", "CN=member"]);
  put({ keyFile: server.keyFile, certificateFile: client.certificateFile }); // they do not belong together
  await until("told", () =>
    lines.some((line) => /certificates for doors cannot be used, the old ones stay/.test(line)),
  );
  assert.equal(await subject(ports[0]!), "CN=member");
  put(client);
  await until("told", () => lines.some((line) => /new certificates for doors are in use/.test(line)));
  assert.deepEqual([await subject(ports[0]!), await subject(ports[1]!)], ["CN=client", "CN=client"]);
  assert.equal(certificates.texts.cert, client.texts.cert);
});

test("a port that is taken is told by address, and what was opened before is closed", async () => {
  const { port } = await listening();
  const free = await listening();
  await free.listener.close();
  const ports = [free.port, port].map((each) => ({ host: "127.0.0.1", port: each, speaks: "plain" }) as const);
  await assert.rejects(listening({ ports }), { code: "configuration", message: new RegExp(`127\\.0\\.0\\.1:${port}`) });
  await listening({ ports: [ports[0]!] });
});

test("TLS without a key is an error of the configuration", async () => {
  await assert.rejects(listening({ ports: [{ port: 0, speaks: "either" }] }), { code: "configuration" });
});

test("closing waits for connections that end, and cuts off those that do not", async () => {
  const { port, listener, door } = await listening();
  const socket = plain(port);
  assert.equal(await echo(socket), "hello");
  const began = performance.now();
  await listener.close();
  assert.ok(performance.now() - began < 5000);
  await until("the door hears of it", () => door.closed === 1);
  await assert.rejects(
    new Promise((resolve, reject) => connect(port, "127.0.0.1").on("connect", resolve).on("error", reject)),
    { code: "ECONNREFUSED" },
  );
});
