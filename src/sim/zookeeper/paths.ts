// The nodes that the simulated clients share.

/** Below it: keys that are read, written and watched. */
export const ROOT = "/r";
/** Below it: sequential nodes. */
export const QUEUE = "/q";
/** Below it: the line of those who want the lock. */
export const LOCK = "/lock";
/** Below it: nodes that are written by single requests only, outlive their makers, and are read behind a `sync`. */
export const RECORDED = "/w";
