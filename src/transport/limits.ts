// The limits of the transport, together, each with its reason.

/** Output buffers kept for reuse, and the largest that is: a burst's memory is given back. */
export const SPARE_BUFFERS_MAX = 64;
export const SPARE_BUFFER_BYTES_MAX = 256 << 10;
export const BUFFER_BYTES_INITIAL = 1024;

/** A frame that announces more than this is gathered in a buffer that grows with what arrives, not with what it claims. */
export const FRAME_BUFFER_INITIAL_BYTES = 4096;

/** Unfetched bytes of a client beyond which its requests stay in its socket: a client that does not read is not served. */
export const UNSENT_BYTES_HIGH = 1 << 20;

/**
 * Unfetched bytes of notifications beyond which a connection is closed. Notifications come unasked, so nothing else bounds
 * them. The client comes back and sets its watches again, and learns then what it missed.
 */
export const UNSENT_NOTIFICATION_BYTES_MAX = 16 << 20;

/**
 * What a member holds for the clients of all its doors: replies that were not fetched, requests that wait, frames that are not
 * whole. Beyond the limit, connections that have made the least progress for longest are closed, until only this share is held.
 */
export const HELD_BYTES_MAX = 256 << 20;
export const HELD_SHARE_AFTER = 0.75;

/** Connections that made progress within the same so many milliseconds are told apart by what they hold. */
export const PROGRESS_GRAIN_MS = 500;

/** Watches of the clients of all doors, by what they take of memory, about. */
export const WATCH_BYTES_MAX = 512 << 20;

/**
 * Work for the clients of all doors in one turn of the loop, as bytes of replies. What takes time and says little counts as so many
 * bytes as it is worth. The rest waits for the next turn, after the peers, the disk and the other clients.
 */
export const TURN_WORK_MAX = 4 << 20;

/** How old the wall-clock time may be that statistics are given. */
export const WALL_TIME_AGE_MS_MAX = 500;
