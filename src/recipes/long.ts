// A signed whole number of 64 bits, as Java writes one: 8 bytes, the highest first.

const LONG_BYTES = 8;
const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);

export function isLong(value: unknown): value is bigint {
  return typeof value === "bigint" && value >= LONG_MIN && value <= LONG_MAX;
}

export function bytesOfLong(value: bigint): Uint8Array {
  const bytes = new Uint8Array(LONG_BYTES);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

/** Null: these bytes are not such a number. No bytes at all are 0, as in Curator. */
export function longOf(bytes: Uint8Array): bigint | null {
  if (bytes.length === 0) return 0n;
  if (bytes.length !== LONG_BYTES) return null;
  return new DataView(bytes.buffer, bytes.byteOffset, LONG_BYTES).getBigInt64(0);
}
