// The limit on connections to the management's HTTP server. When there are too many, the connection that has sent no request
// for longest is closed. So slow or silent clients never block a health probe.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "../base/logger.ts";

/** Operators, scrapers and probes are few. */
const CONNECTIONS_MAX = 64;
/** From one address: half of them, so that one machine cannot push all others out. */
const CONNECTIONS_PER_ADDRESS_MAX = 32;
/** A whole request, headers and body, and then each part of the answer, within so long. */
const REQUEST_WITHIN_MS = 10_000;
const STALLED_MS = 30_000;
/** How often Node looks at those times; 30 s unless told. */
export const CHECKING_EVERY_MS = 1000;
/** Complaints of the same kind, in the log. */
const COMPLAIN_EVERY_MS = 10_000;

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** When it came, or was last answered. */
  idleSince: number;
  isAnswering: boolean;
}

export class HttpConnections {
  readonly #what: string;
  readonly #log: Logger;
  readonly #connections = new Map<Socket, Connection>();
  /** The turn of the command before: each has one of its own. */
  #turn: Promise<void> = Promise.resolve();
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(what: string, log: Logger, server: Server, idleTimeoutMs: number) {
    this.#what = what;
    this.#log = log;
    server.headersTimeout = REQUEST_WITHIN_MS;
    server.requestTimeout = REQUEST_WITHIN_MS;
    server.keepAliveTimeout = idleTimeoutMs;
    server.on("connection", (socket) => this.#onConnection(socket));
  }

  /** Says whether the request may be answered: a connection has one at a time. */
  onRequest(request: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return false; // it made room for another meanwhile
    if (connection.isAnswering) {
      this.#complain("a connection asks again before it was answered, and is closed");
      connection.socket.destroy();
      return false;
    }
    connection.isAnswering = true;
    connection.socket.setTimeout(STALLED_MS);
    response.once("close", () => {
      connection.isAnswering = false;
      connection.idleSince = performance.now();
    });
    return true;
  }

  /** For what takes work: each has a turn of the loop of its own, so that everything else is heard in between. */
  turn(): Promise<void> {
    this.#turn = this.#turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#turn;
  }

  /** An answer that is long in coming is not stalled: it has not begun. Each part that follows has its time. */
  async worked<T>(socket: Socket, work: () => T | Promise<T>): Promise<T> {
    socket.setTimeout(0);
    try {
      return await work();
    } finally {
      socket.setTimeout(STALLED_MS);
    }
  }

  #onConnection(socket: Socket): void {
    const address = socket.remoteAddress ?? "unknown";
    const own = [...this.#connections.values()].filter((one) => one.address === address);
    if (own.length >= CONNECTIONS_PER_ADDRESS_MAX) {
      this.#makeRoom(own, `${CONNECTIONS_PER_ADDRESS_MAX} connections from ${address}`);
    } else if (this.#connections.size >= CONNECTIONS_MAX) {
      this.#makeRoom([...this.#connections.values()], `${CONNECTIONS_MAX} connections`);
    }
    this.#connections.set(socket, { socket, address, idleSince: performance.now(), isAnswering: false });
    socket.once("close", () => this.#connections.delete(socket));
  }

  /** Whoever asks for nothing goes before those that are being answered, and the oldest first. */
  #makeRoom(among: readonly Connection[], full: string): void {
    const [last] = among.toSorted((a, b) => Number(a.isAnswering) - Number(b.isAnswering) || a.idleSince - b.idleSince);
    if (last === undefined) return;
    this.#complain(`${full} already: the one that has asked for nothing for longest is closed`);
    this.#connections.delete(last.socket);
    last.socket.destroy();
  }

  #complain(what: string): void {
    const now = performance.now();
    if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    this.#log.warn(`${this.#what}: ${what}`);
  }
}
