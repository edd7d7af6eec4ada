// Limits on what unknown callers may cost: those that no configuration names and that have proved nothing.

/** More than join at a time; each may have a frame of the size below under way. */
export const STRANGERS_MAX = 8;
/** Larger than any message but an append with an oversized entry, or a chunk of a snapshot to one that is not listed. */
export const STRANGER_FRAME_BYTES_MAX = 4 * 1024 * 1024;
