// What the client needs of the world: connections, time, chance and hashes. Node's stand in `node.ts`; a simulator brings
// its own. Nothing else here knows of sockets, timers or names.

import type { Hashes } from "../../../base/hashes.ts";
import type { Random } from "../../../base/random.ts";
import type { Clock } from "../../../replica/ports.ts";

/** One way to a server. */
export interface Target {
  /** As the connect string names it: what a certificate must be for. */
  readonly host: string;
  /** One of the addresses that the name has now. */
  readonly address: string;
  readonly port: number;
}

/** What happens on a connection: `onOpen` at most once, then chunks, then `onClose` once; nothing after `destroy`. */
export interface LinkEvents {
  /** Bytes may be written: connected, and encrypted if it is to be. */
  onOpen(): void;
  /** The chunk is the receiver's from here on. */
  onData(chunk: Uint8Array): void;
  /** Null: the other side closed it in order. */
  onClose(error: Error | null): void;
}

/** A connection, as the client writes to it. */
export interface Link {
  /** Bytes in order; the link's from here on. */
  write(bytes: Uint8Array): void;
  /** Cuts it at once; calls `done` when nothing of it is left. */
  destroy(done?: () => void): void;
}

/** Names and connections. */
export interface Transport {
  /**
   * The addresses that a host's name has now; an address stands for itself. Calls `done` once, at once or later; what is
   * returned calls it off, after which it is not called.
   */
  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void;
  /** Nothing happens on it before this has returned. */
  dial(target: Target, events: LinkEvents): Link;
}

/** All that the client needs of the world. */
export interface ClientPorts {
  readonly transport: Transport;
  /** The client itself asks no wall clock; who builds on it may. */
  readonly clock: Pick<Clock, "now" | "wall" | "defer" | "after">;
  readonly random: Random;
  readonly hashes: Pick<Hashes, "md5" | "randomBytes">;
}
