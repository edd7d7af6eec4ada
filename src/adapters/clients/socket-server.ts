// A server of sockets on listening ports: plain, TLS, or both on one port. It knows no protocol. Its owner decides who is
// admitted, and what happens with a socket.

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { assert } from "../../base/assert.ts";
import { contextOptions, showsBadCertificate, type TlsOptions } from "./tls.ts";

/** A unified port ("either") is told by the first byte of each connection which of the two it is. */
export type Speaks = "plain" | "tls" | "either";

export interface ListenAddress {
  /** All addresses unless given. */
  readonly host?: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

export interface SocketServerOptions {
  /** For ports that speak it. */
  readonly tls?: TlsOptions | undefined;
  /** How long a TLS handshake, and the first byte on a unified port, may take; unless given the owner has a deadline. */
  readonly handshakeMs?: number | undefined;
  /** Connections that wait to be accepted; the system's own choice unless given. */
  readonly backlog?: number | undefined;
  /** Whether a client that sends nothing more can still be answered. */
  readonly allowHalfOpen?: boolean | undefined;
  readonly events: SocketServerEvents;
}

export interface SocketServerEvents {
  /** A connection came, and nothing was read from it yet. False: the owner has turned it away. */
  admit(socket: Socket): boolean;
  /** Bytes can be read and written: on the socket that was admitted, or on the TLS socket around it. */
  onSocket(socket: Socket): void;
  /** A TLS handshake failed. The socket is destroyed afterwards. */
  onHandshakeFailed(socket: TLSSocket, error: Error): void;
  /** The handshake is done, and nobody vouches for the certificate that was shown. The socket is destroyed afterwards. */
  onBadCertificate(socket: TLSSocket): void;
  /** A port that listens cannot accept a connection. */
  onAcceptFailed(error: Error): void;
}

/** The first byte of a TLS connection: a record of the handshake. */
const TLS_HANDSHAKE_RECORD = 0x16;

export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #events: SocketServerEvents;
  readonly #servers: Server[] = [];
  /** Listens nowhere: it is given the sockets on which TLS is spoken. */
  readonly #tls: TlsServer | null;

  /** Throws where the TLS options cannot be used. */
  constructor(options: SocketServerOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#tls = options.tls === undefined ? null : this.#createTlsServer(options.tls);
  }

  /** Where it listens, in the order of the calls of `listen`. */
  get addresses(): readonly AddressInfo[] {
    return this.#servers.filter((server) => server.listening).map((server) => server.address() as AddressInfo);
  }

  /** Rejects with the system's error where the address cannot be had. */
  async listen({ host, port }: ListenAddress, speaks: Speaks): Promise<AddressInfo> {
    assert(speaks === "plain" || this.#tls !== null, "a port for TLS without a key");
    const { backlog, allowHalfOpen = false } = this.#options;
    const server = createServer({ allowHalfOpen, noDelay: true }, (socket) => this.#take(socket, speaks));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(
        {
          port,
          exclusive: true,
          ...(host === undefined ? {} : { host }),
          ...(backlog === undefined ? {} : { backlog }),
        },
        () => {
          server.off("error", reject);
          resolve();
        },
      );
    });
    server.on("error", (error) => this.#events.onAcceptFailed(error));
    this.#servers.push(server);
    return server.address() as AddressInfo;
  }

  /** New certificates, for the connections that come from now on; throws where they cannot be used. */
  renewTls(tls: TlsOptions): void {
    this.#tls?.setSecureContext(contextOptions(tls));
  }

  /** Stops listening at once; completes when all sockets that came are closed. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        return new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
      }),
    );
  }

  #take(socket: Socket, speaks: Speaks): void {
    socket.on("error", () => {}); // its close follows, and that is heard
    if (!this.#events.admit(socket)) return;
    if (speaks === "tls") this.#tls!.emit("connection", socket);
    else if (speaks === "plain") this.#events.onSocket(socket);
    else this.#takeEither(socket, this.#tls!);
  }

  #takeEither(socket: Socket, tls: TlsServer): void {
    const { handshakeMs } = this.#options;
    if (handshakeMs !== undefined) socket.setTimeout(handshakeMs, () => socket.destroy());
    socket.once("readable", () => {
      if (handshakeMs !== undefined) socket.setTimeout(0);
      const first = socket.read(1) as Uint8Array | null;
      if (first === null) {
        socket.destroy(); // its client has closed before it said anything
        return;
      }
      socket.unshift(first);
      if (first[0] === TLS_HANDSHAKE_RECORD) tls.emit("connection", socket);
      else this.#events.onSocket(socket);
    });
  }

  #createTlsServer(options: TlsOptions): TlsServer {
    const { clientAuth = "need" } = options;
    const { handshakeMs, allowHalfOpen = false } = this.#options;
    const server = createTlsServer({
      ...contextOptions(options),
      requestCert: clientAuth !== "none",
      rejectUnauthorized: clientAuth === "need",
      allowHalfOpen,
      ...(handshakeMs === undefined ? {} : { handshakeTimeout: handshakeMs }),
    });
    server.on("secureConnection", (socket) => {
      if (!showsBadCertificate(socket)) {
        this.#events.onSocket(socket);
        return;
      }
      this.#events.onBadCertificate(socket);
      socket.destroy();
    });
    server.on("tlsClientError", (error, socket) => {
      this.#events.onHandshakeFailed(socket, error);
      socket.destroy();
    });
    return server;
  }
}
