// Takes calls from other members, with or without TLS, or both. A caller that has not said who it is within its time is cut
// off, and so is the longest silent one when there are too many.

import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type ListenAddress, SocketServer, type SocketServerEvents, type Speaks } from "../clients/socket-server.ts";
import { handshakeTrouble } from "../clients/tls.ts";
import type { Complaints } from "./complaints.ts";
import type { PeerTls } from "./tls.ts";

const HELLO_MS = 5000;
const SILENT_MAX = 128;

export interface ListenerOptions {
  readonly tls: PeerTls | undefined;
  /** With TLS, callers without it are taken too. */
  readonly isPlainTaken: boolean;
  readonly complaints: Complaints;
  readonly onCall: (socket: Socket) => void;
}

export class Listener implements SocketServerEvents {
  readonly #server: SocketServer;
  readonly #speaks: Speaks;
  /** Callers that have not said who they are, the longest silent first. */
  readonly #silent = new Map<string, { readonly socket: Socket; readonly deadline: NodeJS.Timeout }>();
  readonly #complaints: Complaints;
  readonly #onCall: (socket: Socket) => void;

  constructor(options: ListenerOptions) {
    this.#complaints = options.complaints;
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
  renew(tls: PeerTls): void {
    this.#server.renewTls(tls);
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
    await this.#server.close();
  }

  // ------------------------------------------------------------------------------------------------------ the sockets

  admit(socket: Socket): boolean {
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
    return true;
  }

  onSocket(socket: Socket): void {
    this.#onCall(socket);
  }

  onBadCertificate(socket: TLSSocket): void {
    this.#complaints.tell(
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
    this.#complaints.tell("tls", `${caller} called on the peer port and failed in TLS: ${reason}`);
  }

  onAcceptFailed(error: Error): void {
    this.#complaints.tell("accept", `the peer port cannot take a call: ${error.message}`);
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
