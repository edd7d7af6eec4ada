// A socket as a door's connection port.

import type { Socket } from "node:net";
import type { Acceptor, ConnectionHandler, ConnectionPort, Peer } from "../../transport/connection.ts";
import { LINGER_MS } from "./limits.ts";

export class SocketPort implements ConnectionPort {
  readonly #socket: Socket;
  #connection: ConnectionHandler | null = null;
  #isEnding = false;

  /** Has the door accept the socket; one that it does not take is closed. */
  static open(socket: Socket, acceptor: Acceptor, peer: Peer): void {
    const port = new SocketPort(socket);
    const connection = acceptor.accept(port, peer);
    if (connection === null) socket.destroy();
    else port.#serve(connection);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {}); // "close" follows
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#socket.writable) this.#socket.write(bytes);
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.end();
    // Whoever does not take what is left, or does not close in turn, is not waited for.
    const late = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    late.unref();
    this.#socket.once("close", () => clearTimeout(late));
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #serve(connection: ConnectionHandler): void {
    this.#connection = connection;
    this.#socket.on("data", (chunk: Uint8Array) => connection.onChunk(chunk));
    this.#socket.on("drain", () => connection.onDrain());
    this.#socket.on("end", () => this.#onEnd(connection));
    this.#socket.on("close", () => this.#onClosed());
  }

  #onEnd(connection: ConnectionHandler): void {
    if (connection.onEnd()) return;
    this.#onClosed();
    this.#socket.destroy();
  }

  #onClosed(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.onClosed();
  }
}
