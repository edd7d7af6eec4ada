// The engine's limits, each with its reason.

/**
 * Between two tries of what the servers refuse: at first a member's full disk may have room again at once; in the end a few
 * requests a minute from each who waits are no load. Whoever waits in line waits that long too many at most.
 */
export const RETRY_MS_MIN = 50;
export const RETRY_MS_MAX = 5000;

/** Of a date that is far off the clock is asked anew once in a while: it may have been set. */
export const LOOK_AGAIN_MS_MAX = 600_000;

/** Nodes of a tree that are asked for at a time: enough to keep a connection busy, and few answers in memory. */
export const NODES_AT_A_TIME = 64;
