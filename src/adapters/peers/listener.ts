// The listening sockets for other members: plain, TLS or both. A caller that does not send its hello in time is disconnected.
// When there are too many callers, the one that has been silent longest is disconnected.

import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type ListenAddress, SocketServer, type SocketServerEvents, type Speaks } from "../clients/socket-server.ts";
import { handshakeTrouble } from "../clients/tls.ts";
import type { After } from "../timers.ts";
import type { PeerTls } from "./peer-tls.ts";
import type { RateLimitedWarnings } from "./warnings.ts";

const HELLO_MS = 5000;
const UNIDENTIFIED_MAX = 128;

export interface ListenerOptions {
  readonly tls: PeerTls | undefined;
  /** With TLS, callers without it are taken too. */
  readonly isPlainTaken: boolean;
  readonly warnings: RateLimitedWarnings;
  readonly after: After;
  readonly onCall: (socket: Socket) => void;
}

export class Listener implements SocketServerEvents {
  readonly #server: SocketServer;
  readonly #speaks: Speaks;
  /** Callers that have not said who they are, the longest silent first. */
  readonly #unidentified = new Map<string, { readonly socket: Socket; readonly cancelDeadline: () => void }>();
  readonly #warnings: RateLimitedWarnings;
  readonly #after: After;
  readonly #onCall: (socket: Socket) => void;

  constructor(options: ListenerOptions) {
    this.#warnings = options.warnings;
    this.#after = options.after;
    this.#onCall = options.onCall;
    this.#speaks = options.tls === undefined ? "plain" : options.isPlainTaken ? "either" : "tls";
    this.#server = new SocketServer({ tls: options.tls, events: this });
  }

  get addresses(): readonly AddressInfo[] {
    return this.#server.addresses;
  }

  async listen(address: ListenAddress): Promise<void> {
    await this.#server.listen(address, this.#speaks);
  }

  /** New certificates: for those who call from now on. */
  renewTls(tls: PeerTls): void {
    this.#server.renewTls(tls);
  }

  /** This caller has said who it is; the socket may be the TLS socket around the one that came. */
  noteIdentified(socket: Socket): void {
    this.#forget(keyOf(socket));
  }

  #forget(key: string): void {
    this.#unidentified.get(key)?.cancelDeadline();
    this.#unidentified.delete(key);
  }

  async close(): Promise<void> {
    for (const { socket, cancelDeadline } of this.#unidentified.values()) {
      cancelDeadline();
      socket.destroy();
    }
    this.#unidentified.clear();
    await this.#server.close();
  }

  // ------------------------------------------------------------------------------------------------------ the sockets

  admit(socket: Socket): boolean {
    if (this.#unidentified.size >= UNIDENTIFIED_MAX) {
      const [oldest] = this.#unidentified.values();
      this.#warnings.warn("too many", `more than ${UNIDENTIFIED_MAX} callers on the peer port do not say who they are`);
      this.noteIdentified(oldest!.socket);
      oldest!.socket.destroy();
    }
    const key = keyOf(socket);
    const cancelDeadline = this.#after(HELLO_MS, () => {
      this.#warnings.warn("silent", `${key} called on the peer port and did not say who it is: cut off`);
      this.#unidentified.delete(key);
      socket.destroy();
    });
    this.#unidentified.set(key, { socket, cancelDeadline });
    socket.on("close", () => {
      if (this.#unidentified.get(key)?.socket === socket) this.#forget(key);
    });
    return true;
  }

  onSocket(socket: Socket): void {
    this.#onCall(socket);
  }

  onBadCertificate(socket: TLSSocket): void {
    this.#warnings.warn(
      "tls",
      `${keyOf(socket)} called on the peer port with a certificate that is refused: ${socket.authorizationError}`,
    );
  }

  onHandshakeFailed(socket: TLSSocket, error: Error): void {
    const caller = socket.remoteAddress === undefined ? "somebody who has gone" : keyOf(socket);
    const isCutOff = (error as NodeJS.ErrnoException).code === "ECONNRESET";
    const { authorizationError } = socket; // where there is one, Node ends it without another word
    if (isCutOff && !authorizationError) return; // it thought better of it, as one does whose own call is answered
    const trouble = handshakeTrouble(error, socket);
    const reason = authorizationError ? `its certificate is refused: ${trouble}` : trouble;
    this.#warnings.warn("tls", `${caller} called on the peer port and failed in TLS: ${reason}`);
  }

  onAcceptFailed(error: Error): void {
    this.#warnings.warn("accept", `the peer port cannot take a call: ${error.message}`);
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
