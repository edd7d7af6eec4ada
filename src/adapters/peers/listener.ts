// Takes calls from other members, with or without TLS, or both. A caller that has not said who it is within its time is cut
// off, and so is the longest silent one when there are too many.

import net, { type AddressInfo, type Socket } from "node:net";
import tls from "node:tls";
import type { Complaints } from "./complaints.ts";
import { contextOptions, type PeerTls, showsBadCertificate } from "./tls.ts";

const HELLO_MS = 5000;
const SILENT_MAX = 128;
const TLS_HANDSHAKE_RECORD = 0x16;

export interface ListenAddress {
  readonly host?: string | undefined;
  readonly port: number;
}

export interface ListenerOptions {
  readonly tls: PeerTls | undefined;
  /** With TLS, callers without it are taken too. */
  readonly isPlainTaken: boolean;
  readonly complaints: Complaints;
  readonly onCall: (socket: Socket) => void;
}

export class Listener {
  readonly #servers: net.Server[] = [];
  readonly #tls: tls.Server | null;
  readonly #isPlainTaken: boolean;
  /** Callers that have not said who they are, the longest silent first. */
  readonly #silent = new Map<string, { readonly socket: Socket; readonly deadline: NodeJS.Timeout }>();
  readonly #complaints: Complaints;

  constructor(options: ListenerOptions) {
    this.#complaints = options.complaints;
    this.#isPlainTaken = options.isPlainTaken;
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

  /** New certificates: for those who call from now on. */
  renew(tls: PeerTls): void {
    this.#tls?.setSecureContext(contextOptions(tls));
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
    else if (this.#isPlainTaken) this.#takeEither(socket, this.#tls);
    else this.#tls.emit("connection", socket);
  }

  /** A caller speaks first, and its first byte tells how. */
  #takeEither(socket: Socket, secure: tls.Server): void {
    socket.once("readable", () => {
      const first = socket.read(1) as Uint8Array | null;
      if (first === null) return; // it went without a word
      socket.unshift(first);
      if (first[0] === TLS_HANDSHAKE_RECORD) secure.emit("connection", socket);
      else this.#onCall(socket);
    });
  }

  #tlsServer(options: PeerTls): tls.Server {
    const { clientAuth = "need" } = options;
    const server = tls.createServer({
      ...contextOptions(options),
      requestCert: clientAuth !== "none",
      rejectUnauthorized: clientAuth === "need",
    });
    server.on("secureConnection", (socket) => {
      if (!showsBadCertificate(socket)) {
        this.#onCall(socket);
        return;
      }
      this.#complaints.tell(
        "tls",
        `${keyOf(socket)} called on the peer port with a certificate that is refused: ${socket.authorizationError}`,
      );
      socket.destroy();
    });
    server.on("tlsClientError", (error, socket) => {
      const caller = socket.remoteAddress === undefined ? "somebody who has gone" : keyOf(socket);
      socket.destroy();
      const { authorizationError } = socket; // then Node ends it without another word
      const isCutOff = (error as NodeJS.ErrnoException).code === "ECONNRESET";
      if (isCutOff && !authorizationError) return; // it thought better of it, as one does whose own call is answered
      const reason = authorizationError ? `its certificate is refused: ${authorizationError}` : reasonOf(error);
      this.#complaints.tell("tls", `${caller} called on the peer port and failed in TLS: ${reason}`);
    });
    return server;
  }
}

/** OpenSSL's own word for it, without where in its sources it stands. */
function reasonOf(error: Error & { readonly reason?: string }): string {
  return error.reason ?? error.message;
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
