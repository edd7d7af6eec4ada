// The arithmetic of majorities, shared by every algorithm that asks several members. Pure.

/** How many out of `count` are a majority. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The largest value that a majority of `values` reaches: with the positions that members hold, the one that is agreed.
 * Infinity where there are none: a half of a joint configuration that is empty asks for nothing. Reorders `values`.
 */
export function reachedByMajority(values: number[]): number {
  const count = values.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    let at = i;
    for (; at > 0 && values[at - 1]! < value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
  return values[majorityOf(count) - 1]!;
}

export type Tally = "won" | "lost" | "pending";

/** What `granted` and `refused` out of `count` votes come to. Nobody to ask is a vote won. */
export function tallyOf(count: number, granted: number, refused: number): Tally {
  if (count === 0 || granted >= majorityOf(count)) return "won";
  return refused > count - majorityOf(count) ? "lost" : "pending";
}

/** Both halves of a joint configuration must agree (Raft §6). */
export function bothOf(one: Tally, other: Tally): Tally {
  if (one === "lost" || other === "lost") return "lost";
  return one === "won" && other === "won" ? "won" : "pending";
}
