// The client's ports: connections, time, random numbers and hashes. `node.ts` has Node's; a simulator brings its own. Nothing
// else of the client uses sockets, timers or name resolution.

import type { Clock } from "../../../base/clock.ts";
import type { Hashes } from "../../../base/hashes.ts";
import type { Random } from "../../../base/random.ts";

/** One address of a server. */
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
  /** The chunk belongs to the receiver from here on. */
  onData(chunk: Uint8Array): void;
  /** Null: the other side closed it normally. */
  onClose(error: Error | null): void;
}

/** A connection, as the client writes to it. */
export interface Link {
  /** Bytes in order; they belong to the link from here on. */
  write(bytes: Uint8Array): void;
  /** Cuts it at once; calls `done` when nothing of it is left. */
  destroy(done?: () => void): void;
}

/** Names and connections. */
export interface Transport {
  /**
   * The current addresses of a host name; an address is returned as it is. Calls `done` once, now or later. Returns a function that
   * cancels it, after which `done` is not called.
   */
  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void;
  /** Calls no event before it has returned. */
  dial(target: Target, events: LinkEvents): Link;
}

/** All that the client needs of the world. */
export interface ClientPorts {
  readonly transport: Transport;
  /** The client itself reads no wall clock; programs that use its ports may. */
  readonly clock: Pick<Clock, "now" | "wall" | "defer" | "after">;
  readonly random: Random;
  readonly hashes: Pick<Hashes, "md5" | "randomBytes">;
}
