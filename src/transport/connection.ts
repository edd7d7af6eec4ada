// The seam between listeners and a door: a door gets a port and a peer, and returns its connection.

/**
 * A connection to a client, as a door sees it: a socket, memory, or a simulated network. It may take what is written at
 * once, in part or not at all. Where a write leaves more than 64 KiB unsent, the connection hears `onDrain` once they have
 * left; where it leaves none, nothing follows.
 */
export interface ConnectionPort {
  /** Bytes that were written and have not left yet. */
  readonly unsentBytes: number;
  /** Whether the bytes are in nobody's hands any more when it returns: then their memory may be used again. */
  write(bytes: Uint8Array): boolean;
  /** Stops and starts what brings chunks in. */
  pause(): void;
  resume(): void;
  /** Closes once everything written has left. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** A door's side of one client's connection. */
export interface ConnectionHandler {
  /** Bytes that came, in order. The chunk is the connection's from here on. */
  onChunk(chunk: Uint8Array): void;
  /** Everything that was written has left. */
  onDrain(): void;
  /**
   * The client sends nothing more. True: an answer to it is still to come, or still leaves, and the port stays open for that.
   * False: the port is closed at once.
   */
  onEnd(): boolean;
  /** The port is closed, whoever closed it. Once; nothing follows. */
  onClosed(): void;
}

/** Who is at the other end of a connection. */
export interface Peer {
  /** An IP address; IPv4 in its own form also where the socket is of IPv6. */
  readonly address: string;
  readonly port: number;
  /** Over TLS. */
  readonly secure: boolean;
  /** The certificate (X.509 in DER) by which it proved who it is; null: none was shown, or nobody trusted vouches for it. */
  readonly certificate: Uint8Array | null;
}

/** What accepts connections. Null: it serves nobody any more, or not this one; the caller closes the port. */
export interface Acceptor<C extends ConnectionHandler = ConnectionHandler> {
  accept(port: ConnectionPort, peer: Peer): C | null;
}
