// Takes calls from other members, with or without TLS. A caller that has not said who it is within its time is cut off, and
// so is the longest silent one when there are too many.

import net, { type AddressInfo, type Socket } from "node:net";
import tls from "node:tls";
import type { Complaints } from "./complaints.ts";

const HELLO_MS = 5000;
const SILENT_MAX = 128;

export interface PeerTls {
  readonly cert: string;
  readonly key: string;
  /** Who signs members' certificates: both sides show one. Without it, whoever this machine trusts. */
  readonly ca?: string | undefined;
  readonly passphrase?: string | undefined;
  /** Whether the one called must have a certificate for the host it was called by; default true. */
  readonly verifyHost?: boolean | undefined;
}

export interface ListenAddress {
  readonly host?: string | undefined;
  readonly port: number;
}

export class Listener {
  readonly #servers: net.Server[] = [];
  readonly #tls: tls.Server | null;
  /** Callers that have not said who they are, the longest silent first. */
  readonly #silent = new Map<string, { readonly socket: Socket; readonly deadline: NodeJS.Timeout }>();
  readonly #complaints: Complaints;

  constructor(options: { tls: PeerTls | undefined; complaints: Complaints; onCall: (socket: Socket) => void }) {
    this.#complaints = options.complaints;
    this.#onCall = options.onCall;
    this.#tls = options.tls === undefined ? null : this.#tlsServer(options.tls);
  }

  readonly #onCall: (socket: Socket) => void;

  get addresses(): readonly AddressInfo[] {
    return this.#servers.map((server) => server.address() as AddressInfo);
  }

  async listen({ host, port }: ListenAddress): Promise<void> {
    const server = net.createServer((socket) => this.#take(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) =>
      this.#complaints.tell("accept", `the peer port cannot take a call: ${error.message}`),
    );
    this.#servers.push(server);
  }

  /** This caller said who it is, or went. */
  settled(socket: Socket): void {
    const key = keyOf(socket);
    const silent = this.#silent.get(key);
    if (silent === undefined) return;
    clearTimeout(silent.deadline);
    this.#silent.delete(key);
  }

  async close(): Promise<void> {
    for (const { socket, deadline } of this.#silent.values()) {
      clearTimeout(deadline);
      socket.destroy();
    }
    this.#silent.clear();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #take(socket: Socket): void {
    if (this.#silent.size >= SILENT_MAX) {
      const [oldest] = this.#silent.values();
      this.#complaints.tell("too many", `more than ${SILENT_MAX} callers on the peer port do not say who they are`);
      this.settled(oldest!.socket);
      oldest!.socket.destroy();
    }
    const key = keyOf(socket);
    const deadline = setTimeout(() => {
      this.#complaints.tell("silent", `${key} called on the peer port and did not say who it is: cut off`);
      this.#silent.delete(key);
      socket.destroy();
    }, HELLO_MS);
    this.#silent.set(key, { socket, deadline });
    socket.on("close", () => {
      if (this.#silent.get(key)?.socket !== socket) return;
      clearTimeout(deadline);
      this.#silent.delete(key);
    });
    socket.on("error", () => {}); // its close follows
    if (this.#tls === null) this.#onCall(socket);
    else this.#tls.emit("connection", socket);
  }

  #tlsServer({ cert, key, ca, passphrase }: PeerTls): tls.Server {
    const server = tls.createServer({
      cert,
      key,
      ca,
      passphrase,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.on("secureConnection", (socket) => this.#onCall(socket));
    server.on("tlsClientError", (error, socket) => {
      this.#complaints.tell("tls", `${keyOf(socket)} called on the peer port and failed in TLS: ${error.message}`);
      socket.destroy();
    });
    return server;
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
