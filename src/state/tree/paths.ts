// Which paths are well-formed, by ZooKeeper's rules (its PathUtils), read from the bytes of their UTF-8 form.

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Absolute, no empty segment, no `.` or `..`, no slash at the end but for the root's; no control characters (U+0000–001F,
 * U+007F–009F), none of U+D800–F8FF or U+FFF0–FFFF, and none beyond U+FFFF, which ZooKeeper sees as two of the former.
 * Bytes that are not UTF-8 are none of them either: ZooKeeper reads U+FFFD there.
 */
export function isValidPath(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start || bytes[start] !== SLASH) return false;
  if (end - start === 1) return true;
  if (bytes[end - 1] === SLASH) return false;
  for (let i = start + 1; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) {
      const length = allowedSequence(bytes, i, end);
      if (length === 0) return false;
      i += length - 1;
    } else if (byte < 0x20 || byte === 0x7f) {
      return false;
    } else if (byte === SLASH) {
      if (bytes[i - 1] === SLASH) return false;
    } else if (byte === DOT && (i + 1 === end || bytes[i + 1] === SLASH)) {
      const before = bytes[i - 1];
      if (before === SLASH || (before === DOT && bytes[i - 2] === SLASH)) return false;
    }
  }
  return true;
}

/** Where the last slash stands; −1 if there is none, or a NUL somewhere: no path at all. */
export function lastSlashOf(bytes: Uint8Array, start: number, end: number): number {
  let slash = -1;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === SLASH) slash = i;
    else if (byte === 0) return -1;
  }
  return slash;
}

/** The length of an allowed UTF-8 sequence of several bytes at `at`, or 0. */
function allowedSequence(bytes: Uint8Array, at: number, end: number): 0 | 2 | 3 {
  const first = bytes[at]!;
  if (at + 1 >= end || !isContinuation(bytes[at + 1]!)) return 0;
  const second = bytes[at + 1]!;
  if (first >= 0xc2 && first <= 0xdf) return first === 0xc2 && second <= 0x9f ? 0 : 2;
  if (first < 0xe0 || first > 0xef || at + 2 >= end || !isContinuation(bytes[at + 2]!)) return 0;
  if (first === 0xe0) return second >= 0xa0 ? 3 : 0;
  if (first === 0xed) return second <= 0x9f ? 3 : 0;
  if (first === 0xee) return 0;
  if (first === 0xef) return second <= 0xa3 || (second === 0xbf && bytes[at + 2]! >= 0xb0) ? 0 : 3;
  return 3;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
