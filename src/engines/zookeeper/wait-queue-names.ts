// The names of nodes in a wait queue, and their order. ZooKeeper appends ten digits to a sequential node's name, from a signed
// 32-bit counter of its parent that overflows. Programs choose what stands before them, so the digits alone are the order.
//
// The mark before the digits says what a node is: Curator's and kazoo's marks count in the queue of their kind. A node without a
// known mark is ignored, as by kazoo; Curator waits behind it for ever.

/** A node in a wait queue: `_c_<uuid>-lock-0000000007`. */
export interface WaitQueueNode {
  readonly name: string;
  /** The server's count. */
  readonly sequence: number;
  readonly digits: string;
  /** A reader. One that a writer let in has that writer's number, and stands behind it. */
  readonly isReader: boolean;
}

/** Kinds of queues: contenders for a lock, shared or not; leader latches; permits. */
export type WaitQueueKind = "exclusive" | "latch" | "lease";

/** Curator's, and kazoo's. */
const MARKS: Readonly<Record<WaitQueueKind, string>> = {
  exclusive: "lock-|__lock__|__rlock__|__READ__|__WRIT__",
  latch: "latch-",
  lease: "lease-",
};
/** As Java's `%010d`: a minus takes one of the ten places, unless the number needs them all. */
const NUMBER = "-[12]\\d{9}|-\\d{9}|\\d{10}";
const NAMES: Readonly<Record<WaitQueueKind, RegExp>> = {
  exclusive: new RegExp(`(?:${MARKS.exclusive})(${NUMBER})$`),
  latch: new RegExp(`(?:${MARKS.latch})(${NUMBER})$`),
  lease: new RegExp(`(?:${MARKS.lease})(${NUMBER})$`),
};
const READER = /(?:__READ__|__rlock__)[-\d]+$/;

/** Null: it is in no queue of this kind. */
export function parseWaitQueueNode(name: string, kind: WaitQueueKind = "exclusive"): WaitQueueNode | null {
  const digits = NAMES[kind].exec(name)?.[1];
  if (digits === undefined) return null;
  return { name, sequence: Number(digits), digits, isReader: READER.test(name) };
}

/** In the order of arrival; also across the counter's overflow, if the queue is shorter than 2,000,000,000. */
export function inQueueOrder(names: readonly string[], kind: WaitQueueKind = "exclusive"): WaitQueueNode[] {
  const all = names.map((name) => parseWaitQueueNode(name, kind)).filter((node) => node !== null);
  return all.sort(
    (a, b) => (a.sequence - b.sequence) | 0 || Number(a.isReader) - Number(b.isReader) || (a.name < b.name ? -1 : 1),
  );
}
