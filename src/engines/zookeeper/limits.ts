// The engine's limits, each with its reason.

/**
 * The delay between two tries after a refusal. Short at first: a full disk may have room again at once. In the end a few requests a
 * minute from each waiting program are no load, and nobody waits longer than that in vain.
 */
export const RETRY_MS_MIN = 50;
export const RETRY_MS_MAX = 5000;

/** For a date that is far off, the clock is read again once in a while: it may have been set. */
export const LOOK_AGAIN_MS_MAX = 600_000;

/** Nodes of a tree that are requested at a time: enough to keep a connection busy, with few answers in memory. */
export const NODES_AT_A_TIME = 64;
