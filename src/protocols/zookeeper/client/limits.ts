// The limits of the client, together, each with its reason.

/** The longest request: a server closes the connection on a longer frame than its `jute.maxbuffer`, by default this. */
export const REQUEST_BYTES_MAX = 0xfffff;

/** The longest reply that is accepted; longer ones come from something that is not a ZooKeeper. */
export const REPLY_BYTES_MAX = 256 << 20;

/** Paths in one `setWatches`, so that re-arming many watches never exceeds a server's longest frame. */
export const SET_WATCHES_BYTES_MAX = 128 << 10;
/** Of such a request besides its paths: its header, a zxid, and the counts of five lists. */
export const SET_WATCHES_OVERHEAD_BYTES = 36;

/** Unanswered requests; one more fails, not applied. Ten times what a busy program has under way. */
export const BACKLOG_REQUESTS_MAX = 100_000;
/** Bytes of unanswered requests: few enough for the usual heap while the servers are away. */
export const BACKLOG_BYTES_MAX = 64 << 20;
/** What a request takes besides its path and data: its promise, its call, its place in the queue. */
export const REQUEST_HELD_BYTES = 200;

/** A session's timeout unless another is asked for: servers expire it after so much silence. */
export const SESSION_TIMEOUT_MS = 10_000;

/** How long a call may take unless it says otherwise. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** How long the first connection may take, over all servers and rounds. */
export const CONNECT_TIMEOUT_MS = 30_000;

/** How long `close` waits for the server's answer. */
export const CLOSE_TIMEOUT_MS = 5000;

/** One attempt at one address, where the session's timeout does not say less: name, connection and handshake. */
export const ATTEMPT_MS_MAX = 10_000;
/** No less, however short the session's timeout: a handshake is a write that a majority must agree on. */
export const ATTEMPT_MS_MIN = 300;

/** The pause after a round in which no server accepted a connection, and how far it grows by doubling. */
export const BACKOFF_MS_MIN = 100;
export const BACKOFF_MS_MAX = 5000;
/** While a session could still be saved, rounds follow each other faster: in parts of its timeout. */
export const BACKOFF_PARTS_WHILE_UNSURE = 20;

/** After a connection that lived so long, the pauses begin small again. */
export const GOOD_CONNECTION_MS = 1000;

/** How often a client without a connection warns that it has none. */
export const OUTAGE_WARNING_MS = 30_000;
/** So many outages in a row are all logged; from then on one in each interval. */
export const OUTAGE_WARNINGS_AT_ONCE = 5;

/** A session's loss names a blocked event loop that took at least so many parts of its timeout. */
export const STALL_TOLD_PARTS = 10;

/** By how much this machine's clock may run slower than a server's: quartz stays within a tenth of this. */
export const CLOCK_RATE_MARGIN = 0.001;

/** How often a client that is served without a quorum asks another server for one, and how far the pause grows. */
export const QUORUM_SEARCH_MS_MIN = 2000;
export const QUORUM_SEARCH_MS_MAX = 60_000;
/** How long such a server may take to answer. */
export const QUORUM_ANSWER_MS_MAX = 1000;

/** Unread events that a persistent watch keeps. */
export const WATCH_BUFFER_EVENTS_MAX = 1000;
