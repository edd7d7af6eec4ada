// A door on real sockets, plain and TLS, and a client of it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { ByteReader, ByteWriter } from "../../../../src/base/bytes.ts";
import type { Clock } from "../../../../src/base/clock.ts";
import {
  readConnectReply,
  readReplyHeader,
  writeConnectRequest,
} from "../../../../src/protocols/zookeeper/codec/records.ts";
import { openZooKeeperServer, type ZooKeeperServer, type ZooKeeperServerOptions } from "./door-on-ports.ts";
import { FakeMember, type VirtualClock } from "./fake-member.ts";
import type * as ask from "./requests.ts";
import { frameOf } from "./test-client.ts";

export const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  defer: (task) => void setImmediate(task),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};

export async function withServer(
  options: Partial<ZooKeeperServerOptions>,
  body: (server: ZooKeeperServer, member: FakeMember) => Promise<void>,
): Promise<void> {
  const member = new FakeMember(clock as VirtualClock);
  const server = await openZooKeeperServer(member, {
    clock,
    clientPort: 0,
    clientPortAddress: "127.0.0.1",
    ...options,
  });
  try {
    await body(server, member);
  } finally {
    await server.close();
  }
}

/** A client on a socket: asks, and waits for the frame that answers. */
export class SocketClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => {};
  #xid = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  static plain(server: ZooKeeperServer): SocketClient {
    return new SocketClient(connect(server.clientAddress!.port, "127.0.0.1"));
  }

  static secure(port: number, options: ConnectionOptions): SocketClient {
    return new SocketClient(
      connectTls({ port, host: "127.0.0.1", ca: pem.authority, checkServerIdentity: () => undefined, ...options }),
    );
  }

  async greet(): Promise<number | null> {
    const writer = new ByteWriter();
    const password = new Uint8Array(16);
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: 0,
      timeoutMs: 9000,
      sessionId: 0,
      password,
      readOnly: false,
    });
    this.socket.write(writer.copy());
    const frame = await this.frame();
    return frame === null ? null : readConnectReply(frame).sessionId;
  }

  async call([opcode, encode, xid = ++this.#xid]: ask.Request): Promise<{
    xid: number;
    error: number;
    body: ByteReader;
  }> {
    this.socket.write(frameOf(xid, opcode, encode));
    const body = await this.frame();
    assert(body !== null, "the connection was closed");
    return { ...readReplyHeader(body), body };
  }

  /** The next frame; null when the connection closes instead. */
  async frame(): Promise<ByteReader | null> {
    for (;;) {
      if (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readInt32BE(0)) {
        const end = 4 + this.#bytes.readInt32BE(0);
        const frame = new ByteReader(new Uint8Array(this.#bytes.subarray(4, end)));
        this.#bytes = this.#bytes.subarray(end);
        return frame;
      }
      if (this.isClosed) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async everything(): Promise<string> {
    await this.closed;
    return this.#bytes.toString();
  }
}

// ------------------------------------------------------------------------------------------------------ certificates

const folder = mkdtempSync(join(tmpdir(), "cabildo-tls-"));
after(() => rmSync(folder, { recursive: true }));

export const pem = (() => {
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["authority", "stranger"]) {
    openssl(
      "req",
      "-x509",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    );
  }
  writeFileSync(join(folder, "names.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n");
  const issue = (name: string, subject: string): void => {
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-utf8", "-subj", subject);
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "authority.pem",
      "-CAkey",
      "authority.key",
      "-CAcreateserial",
      "-out",
      `${name}.pem`,
      "-days",
      "2",
    );
  };
  issue("server", "/CN=localhost");
  issue("client", "/C=ES/O=Example, Inc./CN=client");
  issue("odd", '/C=ES/ST=Málaga/UID=u1/DC=org/CN= José "x" /emailAddress=a@b.c/serialNumber=77');
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  return {
    authority: read("authority.pem"),
    server: { key: read("server.key"), cert: read("server.pem"), ca: read("authority.pem") },
    client: { key: read("client.key"), cert: read("client.pem") },
    stranger: { key: read("stranger.key"), cert: read("stranger.pem") },
    odd: read("odd.pem"),
  };
})();
