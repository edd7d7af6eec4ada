// The names of nodes in a line, and their order. ZooKeeper puts ten digits behind a sequential node's name, from a signed
// 32-bit counter of its parent that runs over; programs put before them what they like, so the digits alone are the order.

/** A node in a line: `_c_<uuid>-lock-0000000007`. */
export interface InLine {
  readonly name: string;
  /** As the server counted. */
  readonly sequence: number;
  readonly digits: string;
  /** It only wants to read. One whom a writer let in has that writer's number, and stands behind it. */
  readonly isReader: boolean;
}

const MARKS = "lock-|latch-|lease-|__lock__|__rlock__|__READ__|__WRIT__";
/** As Java writes `%010d`: a minus takes one of the ten places, unless the number needs them all. */
const NUMBER = "-[12]\\d{9}|-\\d{9}|\\d{10}";
const MARKED = new RegExp(`(?:${MARKS})(${NUMBER})$`);
/** Curator's, and kazoo's. */
const READER = /__READ__|__rlock__/;
const ANY = /(\d{10})$/;

/** Null: it stands in no line. */
export function parseInLine(name: string): InLine | null {
  const digits = MARKED.exec(name) ?? ANY.exec(name);
  if (digits === null) return null;
  return { name, sequence: Number(digits[1]), digits: digits[1]!, isReader: READER.test(name) };
}

/** First come, first; across the counter's end too, as long as a line is shorter than two thousand million. */
export function inOrder(names: readonly string[]): InLine[] {
  const all = names.map(parseInLine).filter((node) => node !== null);
  return all.sort(
    (a, b) => (a.sequence - b.sequence) | 0 || Number(a.isReader) - Number(b.isReader) || (a.name < b.name ? -1 : 1),
  );
}
