// The limits of the transport, together, each with its reason.

/** Output buffers kept for reuse, and the largest that is: a burst's memory is given back. */
export const SPARE_BUFFERS_MAX = 64;
export const SPARE_BUFFER_BYTES_MAX = 256 << 10;
export const BUFFER_BYTES_INITIAL = 1024;

/** A frame that announces more than this is gathered in a buffer that grows with what arrives, not with what it claims. */
export const FRAME_BUFFER_INITIAL_BYTES = 4096;
