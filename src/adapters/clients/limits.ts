// The limits of client sockets, each with its reason. Settings can change those that they name.

/** Connections from one address, unless the door's settings say otherwise: ZooKeeper's `maxClientCnxns`. */
export const CONNECTIONS_PER_ADDRESS_MAX = 60;

/** How long a TLS handshake, or the byte that tells TLS from plain, may take: silent clients must not hold descriptors for long. */
export const TLS_HANDSHAKE_MS_MAX = 10_000;

/** How long a client may take to fetch the last of its replies, and to close in its turn. */
export const LINGER_MS = 5000;

/** The same while the whole member stops, which must be over soon. */
export const CLOSING_MS_MAX = 1000;
