// The ports of a door. It refuses connections beyond the limits, and those whose certificate is not accepted. It hands each of
// the others to the door as a port and a peer; the door never sees a socket.

import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { CoordinationError } from "../../base/errors.ts";
import { type Logger, silentLogger } from "../../base/logger.ts";
import type { Acceptor } from "../../transport/connection.ts";
import type { TurnedAway } from "../../transport/door.ts";
import { remoteAddressOf } from "./addresses.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { CLOSING_MS_MAX, CONNECTIONS_PER_ADDRESS_MAX, TLS_HANDSHAKE_MS_MAX } from "./limits.ts";
import { SocketPort } from "./socket-port.ts";
import { type ListenAddress, SocketServer, type SocketServerEvents, type Speaks } from "./socket-server.ts";
import { certificateOf, handshakeTrouble, isCertifiedFor, type TlsOptions } from "./tls.ts";

export interface ClientTls extends TlsOptions {
  /** Whether a client's certificate must name the address that it comes from. */
  readonly verifyClientHost?: boolean | undefined;
}

export interface ListenPort extends ListenAddress {
  readonly speaks: Speaks;
}

export interface ListenerOptions {
  /** What log lines call its ports, such as "client port". */
  readonly name: string;
  readonly ports: readonly ListenPort[];
  /** Needed where a port speaks TLS. */
  readonly tls?: ClientTls | undefined;
  /** Given where several listeners share one count; else this one has the usual limits. */
  readonly limits?: ConnectionLimits | undefined;
  /** Connections that wait to be accepted; the system's own choice unless given. */
  readonly backlog?: number | undefined;
  /** Whether the system looks after silent connections, by TCP's keep-alive. */
  readonly tcpKeepAlive?: boolean | undefined;
  readonly logger?: Logger | undefined;
  readonly acceptor: Acceptor;
  readonly onTurnedAway?: ((why: TurnedAway) => void) | undefined;
}

export interface Listener {
  /** Where it listens, in the order of `ports`. */
  readonly addresses: readonly AddressInfo[];
  /** New certificates, for the clients that come from now on; throws where they cannot be used. */
  renewTls(tls: ClientTls): void;
  /** Stops listening and lets the door's connections end; those that have not after a second are cut. */
  close(): Promise<void>;
}

/** Rejects with `configuration` where a port cannot be had, or is to speak TLS without a key. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  if (options.tls === undefined && options.ports.some(({ speaks }) => speaks !== "plain")) {
    throw new CoordinationError("configuration", "not-applied", "TLS for clients needs a key and a certificate");
  }
  const listener = new DoorListener(options);
  try {
    await listener.listen();
  } catch (error) {
    await listener.close();
    throw error;
  }
  return listener;
}

class DoorListener implements Listener, SocketServerEvents {
  readonly #options: ListenerOptions;
  readonly #logger: Logger;
  readonly #limits: ConnectionLimits;
  readonly #sockets = new Set<Socket>();
  readonly #server: SocketServer;
  #verifiesClientHost: boolean;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#limits = options.limits ?? new ConnectionLimits({ perAddressMax: CONNECTIONS_PER_ADDRESS_MAX, totalMax: 0 });
    this.#verifiesClientHost = options.tls?.verifyClientHost === true;
    this.#server = new SocketServer({
      tls: options.tls,
      handshakeMs: TLS_HANDSHAKE_MS_MAX,
      backlog: options.backlog,
      allowHalfOpen: true,
      events: this,
    });
  }

  get addresses(): readonly AddressInfo[] {
    return this.#server.addresses;
  }

  async listen(): Promise<void> {
    for (const { speaks, ...address } of this.#options.ports) {
      try {
        await this.#server.listen(address, speaks);
      } catch (cause) {
        const message = `cannot listen on ${address.host ?? "*"}:${address.port}: ${(cause as Error).message}`;
        throw new CoordinationError("configuration", "not-applied", message, { cause });
      }
    }
  }

  renewTls(tls: ClientTls): void {
    this.#server.renewTls(tls);
    this.#verifiesClientHost = tls.verifyClientHost === true;
  }

  async close(): Promise<void> {
    const late = setTimeout(() => this.#cut(), CLOSING_MS_MAX);
    await this.#server.close();
    clearTimeout(late);
    this.#cut();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  // ------------------------------------------------------------------------------------------------------ the sockets

  admit(socket: Socket): boolean {
    const address = addressOf(socket);
    const tooMany = this.#limits.enter(address);
    if (tooMany !== null) {
      this.#turnAway(socket, "limit", tooMany);
      return false;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#limits.leave(address);
    });
    return true;
  }

  onSocket(socket: Socket): void {
    const address = addressOf(socket);
    if (this.#verifiesClientHost && !isCertifiedFor(socket)) {
      this.#turnAway(socket, "certificate", `the certificate of ${address} is refused: it does not name this address`);
      return;
    }
    socket.setKeepAlive(this.#options.tcpKeepAlive === true);
    const peer = {
      address,
      port: socket.remotePort ?? 0,
      secure: socket instanceof TLSSocket,
      certificate: certificateOf(socket)?.raw ?? null,
    };
    SocketPort.open(socket, this.#options.acceptor, peer);
  }

  onHandshakeFailed(socket: TLSSocket, error: Error): void {
    const who = socket.remoteAddress ?? "a client that has gone";
    this.#turnAway(socket, "handshake", `TLS with ${who} failed: ${handshakeTrouble(error, socket)}`);
  }

  onBadCertificate(socket: TLSSocket): void {
    const message = `the certificate of ${socket.remoteAddress} is refused: ${socket.authorizationError}`;
    this.#turnAway(socket, "certificate", message);
  }

  onAcceptFailed(error: Error): void {
    this.#logger.error(`${this.#options.name}: ${error.message}`);
  }

  #turnAway(socket: Socket, why: TurnedAway, message: string): void {
    this.#logger.warn(message);
    this.#options.onTurnedAway?.(why);
    socket.destroy();
  }
}

function addressOf(socket: Socket): string {
  return remoteAddressOf(socket) ?? "unknown";
}
