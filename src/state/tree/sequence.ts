// The number that a sequential node's name ends with.

/**
 * Ten digits at least, the sign among them, as C's and Java's `%010d` give: 0000000042, -2147483648.
 */
export function sequenceSuffix(counter: number): string {
  if (counter >= 0) return counter.toString().padStart(10, "0");
  return `-${(-counter).toString().padStart(9, "0")}`;
}
