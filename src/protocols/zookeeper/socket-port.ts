// A socket as a session's port.

import type { Socket } from "node:net";
import type { Connection } from "./connection.ts";
import { LINGER_MS } from "./limits.ts";
import type { ConnectionPort } from "./outgoing.ts";

export class SocketPort implements ConnectionPort {
  readonly #socket: Socket;
  readonly #connection: Connection;
  #isEnding = false;

  constructor(socket: Socket, accept: (port: ConnectionPort) => Connection) {
    this.#socket = socket;
    this.#connection = accept(this);
    socket.on("data", (chunk: Uint8Array) => this.#connection.onChunk(chunk));
    socket.on("drain", () => this.#connection.onDrain());
    socket.on("end", () => this.#onEnd());
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#connection.onClosed());
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

  /** The client has said its last; someone who asked by a word still waits for the answer. */
  #onEnd(): void {
    if (this.#connection.phase === "answering" || this.#connection.phase === "ending") return;
    this.#connection.onClosed();
    this.#socket.destroy();
  }
}
