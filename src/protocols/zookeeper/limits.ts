// The limits of the ZooKeeper protocol here, together, each with its reason. Those that zoo.cfg names can be changed there.

import { UNSENT_BYTES_HIGH, UNSENT_NOTIFICATION_BYTES_MAX } from "../../transport/limits.ts";
import type { OutputBounds } from "../../transport/output-buffer.ts";

/** `jute.maxbuffer` as ZooKeeper ships it: the longest frame taken from a client. */
export const FRAME_BYTES_MAX = 0xfffff;

/** How long a connection may stay without a handshake. Ten thousand silent connections must not hold descriptors for long. */
export const HANDSHAKE_DEADLINE_MS = 10_000;

/**
 * How long a handshake waits for a quorum, as a share of the session timeout that it asks for. ZooKeeper's clients give a
 * connection that much where they know three members. A client that comes back with a session has the rest of it left.
 */
export const HANDSHAKE_WAIT_SHARE = 1 / 3;

/** `globalOutstandingLimit`: requests taken but not answered, over all connections. */
export const OUTSTANDING_MAX = 1000;

/**
 * Requests of one connection that were taken and not answered. A client that pipelines without end waits on its own socket,
 * and the queue behind one slow write stays small.
 */
export const OUTSTANDING_PER_CONNECTION_MAX = 10_000;

/**
 * Reads of one connection that may wait in front of one of its writes. They must be answered at their turn, even if the client
 * has not fetched earlier replies, because the write behind them changes what they should see.
 */
export const READS_AHEAD_OF_WRITE_MAX = 128;

/**
 * The reply to one request. The names of a few million children fit, and any node's data. Clients refuse much smaller replies,
 * those above their own `jute.maxbuffer`. A longer reply is replaced by an error.
 */
const REPLY_BYTES_MAX = 64 << 20;

/** The reply to a multiRead, in times of `jute.maxbuffer`: it can be asked for in parts. */
export const MULTI_READ_FRAMES_MAX = 4;

/**
 * What one connection may leave unread in all. Only reads in front of a write of their own session reach this limit: they are
 * answered at their turn, even if nothing is fetched. The same number bounds their work in one turn.
 */
const UNSENT_BYTES_MAX = REPLY_BYTES_MAX + UNSENT_BYTES_HIGH;

/** Bytes of requests of one connection that wait for their turn, beyond which no more are taken from it. */
const REQUEST_BYTES_HIGH = 4 << 20;

/**
 * Watches, by what they take of memory, about: their path, and so much more for the places where they stand. That is
 * some 800,000 watches on paths of 50 bytes for one connection.
 */
export const WATCH_BYTES_ABOUT = 100;
export const WATCH_SEGMENT_BYTES_ABOUT = 300;
const WATCH_BYTES_PER_CONNECTION_MAX = 128 << 20;

/** A node that is looked at, as so many bytes of work in a turn. */
export const VISIT_WORK = 16;

/** The answer to a four-letter word or an admin command; lists end there, and say how much they leave out. */
export const OPERATOR_REPLY_BYTES_MAX = 4 << 20;

/** Of those above, what the simulator draws anew for each seed, so that clients of a few kilobytes meet them. */
export interface Bounds extends OutputBounds {
  readonly unsentBytesMax: number;
  readonly replyBytesMax: number;
  readonly requestBytesHigh: number;
  readonly watchBytesPerConnectionMax: number;
}

export const BOUNDS: Bounds = {
  unsentBytesHigh: UNSENT_BYTES_HIGH,
  unsentNotificationBytesMax: UNSENT_NOTIFICATION_BYTES_MAX,
  unsentBytesMax: UNSENT_BYTES_MAX,
  replyBytesMax: REPLY_BYTES_MAX,
  requestBytesHigh: REQUEST_BYTES_HIGH,
  watchBytesPerConnectionMax: WATCH_BYTES_PER_CONNECTION_MAX,
};

/** How often silence is looked for, handshakes are timed and leases are renewed, in parts of `tickTime`. */
export const TICK_PARTS = 4;

/** A leader change takes well under this long; only after it are clients told to try elsewhere. In ticks of `tickTime`. */
export const NO_QUORUM_GRACE_TICKS = 2;

/** Records of finished requests kept for reuse. */
export const SPARE_REQUESTS_MAX = 4096;

/** The identities one connection may gather by proving itself again and again: each write carries them all. */
export const IDENTITIES_MAX = 64;

/** The same in bytes: 64 usual ones take a few thousand. What is carried stands in the log with each write. */
export const IDENTITIES_BYTES_MAX = 16 << 10;

/** The subject of a client's certificate: it is an identity. */
export const CERTIFICATE_NAME_BYTES_MAX = 4 << 10;

/** A session's password has 16 bytes; a longer one than this is wrong without asking the ensemble. */
export const PASSWORD_BYTES_MAX = 64;

/**
 * Wrong passwords of one super or SASL user that an address may try at once; after them one an interval. That is 86,400 a
 * day, of the 10¹⁵ that ten random letters and digits make.
 */
export const GUESSES_FREE = 10;
export const GUESS_INTERVAL_MS = 1000;

/** How long a password may wait for its turn. Then the client is turned away, because its pings wait behind the password. */
export const GUESS_WAIT_MS_MAX = 3000;

/** Wrong passwords of the super user after which a connection is closed. SASL allows one try for each connection anyway. */
export const WRONG_PASSWORDS_PER_CONNECTION_MAX = 3;

/** Addresses, with a user each, whose wrong passwords are counted for themselves: about 1 MB. The rest share one count. */
export const GUESSERS_MAX = 10_000;

/** Failed proofs told one by one in a tick; of more only the number. */
export const FAILED_PROOF_LINES_PER_TICK_MAX = 20;

/** Closed connections told one by one in a tick; of more only the number, so that ten thousand strangers are not a full log. */
export const DROPPED_LINES_PER_TICK_MAX = 50;
