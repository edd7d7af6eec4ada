// The names of nodes in a line, and their order. ZooKeeper puts ten digits behind a sequential node's name, from a signed
// 32-bit counter of its parent that runs over; programs put before them what they like, so the digits alone are the order.
//
// A name says what a node is by the mark before its digits, wherever else it comes from: Curator's and kazoo's marks stand in the
// line of their kind. Whatever has none of them is nobody's: kazoo leaves it out too, and Curator waits behind it for ever.

/** A node in a line: `_c_<uuid>-lock-0000000007`. */
export interface WaitQueueNode {
  readonly name: string;
  /** As the server counted. */
  readonly sequence: number;
  readonly digits: string;
  /** It only wants to read. One whom a writer let in has that writer's number, and stands behind it. */
  readonly isReader: boolean;
}

/** Lines that know of each other: of who holds or wants something alone, or to read it; of leader latches; of permits. */
export type WaitQueueKind = "exclusive" | "latch" | "lease";

/** Curator's, and kazoo's. */
const MARKS: Readonly<Record<WaitQueueKind, string>> = {
  exclusive: "lock-|__lock__|__rlock__|__READ__|__WRIT__",
  latch: "latch-",
  lease: "lease-",
};
/** As Java writes `%010d`: a minus takes one of the ten places, unless the number needs them all. */
const NUMBER = "-[12]\\d{9}|-\\d{9}|\\d{10}";
const NAMES: Readonly<Record<WaitQueueKind, RegExp>> = {
  exclusive: new RegExp(`(?:${MARKS.exclusive})(${NUMBER})$`),
  latch: new RegExp(`(?:${MARKS.latch})(${NUMBER})$`),
  lease: new RegExp(`(?:${MARKS.lease})(${NUMBER})$`),
};
const READER = /(?:__READ__|__rlock__)[-\d]+$/;

/** Null: it stands in no line of this kind. */
export function parseWaitQueueNode(name: string, kind: WaitQueueKind = "exclusive"): WaitQueueNode | null {
  const digits = NAMES[kind].exec(name)?.[1];
  if (digits === undefined) return null;
  return { name, sequence: Number(digits), digits, isReader: READER.test(name) };
}

/** First come, first; across the counter's end too, as long as a line is shorter than two thousand million. */
export function inQueueOrder(names: readonly string[], kind: WaitQueueKind = "exclusive"): WaitQueueNode[] {
  const all = names.map((name) => parseWaitQueueNode(name, kind)).filter((node) => node !== null);
  return all.sort(
    (a, b) => (a.sequence - b.sequence) | 0 || Number(a.isReader) - Number(b.isReader) || (a.name < b.name ? -1 : 1),
  );
}
