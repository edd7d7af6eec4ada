// Connections to a member of the same process: bytes are passed in memory, in order, a turn of the loop later on either side, as by
// a socket. So nobody is called in the middle of other work.

import type { Clock } from "../../base/clock.ts";
import type { Link, LinkEvents, Target, Transport } from "../../protocols/zookeeper/client/index.ts";
import type { Acceptor, ConnectionHandler, ConnectionPort, Peer } from "../../transport/connection.ts";

export class MemoryTransport implements Transport {
  readonly #acceptor: Acceptor;
  readonly #clock: Pick<Clock, "defer">;

  constructor(acceptor: Acceptor, clock: Pick<Clock, "defer">) {
    this.#acceptor = acceptor;
    this.#clock = clock;
  }

  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void {
    done(null, [host]);
    return () => {};
  }

  dial(_target: Target, events: LinkEvents): Link {
    return new MemoryLink(this.#acceptor, this.#clock, events);
  }
}

/** The address that access lists and operators see for a program in the member's own process. */
const OWN_PROCESS: Peer = { address: "127.0.0.1", port: 0, secure: false, certificate: null };

/** The client's side. */
class MemoryLink implements Link {
  readonly #clock: Pick<Clock, "defer">;
  readonly #events: LinkEvents;
  #port: MemoryPort | null = null;
  #isClosed = false;

  constructor(acceptor: Acceptor, clock: Pick<Clock, "defer">, events: LinkEvents) {
    this.#clock = clock;
    this.#events = events;
    clock.defer(() => {
      if (this.#isClosed) return;
      const port = new MemoryPort(clock, this);
      if (port.open(acceptor)) {
        this.#port = port;
        events.onOpen();
      } else {
        this.onEnded(new Error("the member of this process has stopped"));
      }
    });
  }

  write(bytes: Uint8Array): void {
    const port = this.#port;
    this.#clock.defer(() => port?.onBytes(bytes));
  }

  destroy(done: () => void = () => {}): void {
    this.#isClosed = true;
    const port = this.#port;
    this.#port = null;
    this.#clock.defer(() => {
      port?.onHungUp();
      done();
    });
  }

  /** From the member, in a separate turn of the loop. */
  onBytes(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#events.onData(bytes);
  }

  onEnded(error: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#port = null;
    this.#events.onClose(error);
  }
}

/** The member's side. */
class MemoryPort implements ConnectionPort {
  unsentBytes = 0;
  readonly #clock: Pick<Clock, "defer">;
  readonly #link: MemoryLink;
  #session: ConnectionHandler | null = null;
  #isClosed = false;
  #isPaused = false;
  #held: Uint8Array[] = [];

  constructor(clock: Pick<Clock, "defer">, link: MemoryLink) {
    this.#clock = clock;
    this.#link = link;
  }

  open(acceptor: Acceptor): boolean {
    this.#session = acceptor.accept(this, OWN_PROCESS);
    return this.#session !== null;
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#isPaused || this.#held.length > 0) this.#held.push(bytes);
    else this.#session?.onChunk(bytes);
  }

  onHungUp(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#session?.onClosed();
  }

  write(bytes: Uint8Array): boolean {
    const copy = bytes.slice();
    this.unsentBytes += copy.length;
    this.#clock.defer(() => {
      this.unsentBytes -= copy.length;
      this.#link.onBytes(copy);
      if (this.unsentBytes === 0 && !this.#isClosed) this.#session?.onDrain();
    });
    return false; // the connection is told when they have been passed on
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#clock.defer(() => {
      while (!this.#isPaused && this.#held.length > 0 && !this.#isClosed) this.#session?.onChunk(this.#held.shift()!);
    });
  }

  end(): void {
    this.#close();
  }

  destroy(): void {
    this.#close();
  }

  /** After everything that was written before. */
  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#clock.defer(() => {
      this.#link.onEnded(null);
      this.#session?.onClosed();
    });
  }
}
