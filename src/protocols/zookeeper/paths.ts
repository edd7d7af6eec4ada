// ZooKeeper's rules for a path (`common/PathUtils`), on one-byte strings. It forbids characters by UTF-16 unit, so what is
// forbidden here are the UTF-8 forms of the same: control characters, everything written as a surrogate pair, the
// private use area, the specials, and what is no UTF-8 at all (read as U+FFFD there, which is forbidden too).

const SLASH = 0x2f;
const DOT = 0x2e;

export function isValidPath(path: string): boolean {
  const { length } = path;
  if (length === 0 || path.charCodeAt(0) !== SLASH) return false;
  if (length === 1) return true;
  if (path.charCodeAt(length - 1) === SLASH) return false;
  let nameStart = 1;
  for (let i = 1; i < length; ) {
    const byte = path.charCodeAt(i);
    if (byte === SLASH) {
      if (!isName(path, nameStart, i)) return false;
      nameStart = i + 1;
      i += 1;
    } else if (byte < 0x80) {
      if (byte <= 0x1f || byte === 0x7f) return false;
      i += 1;
    } else {
      const width = permittedWidth(path, i, byte);
      if (width === 0) return false;
      i += width;
    }
  }
  return isName(path, nameStart, length);
}

function isName(path: string, start: number, end: number): boolean {
  if (end === start) return false;
  if (path.charCodeAt(start) !== DOT || end - start > 2) return true;
  return end - start === 2 && path.charCodeAt(start + 1) !== DOT;
}

/** The bytes of the character at `at`; 0 if it is malformed or forbidden. */
function permittedWidth(path: string, at: number, first: number): number {
  const second = continuation(path, at + 1);
  if (second < 0) return 0;
  if (first >= 0xc2 && first <= 0xdf) {
    const point = ((first & 0x1f) << 6) | second;
    return point <= 0x9f ? 0 : 2;
  }
  const third = continuation(path, at + 2);
  if (third < 0 || first < 0xe0 || first > 0xef) return 0; // four bytes would be a surrogate pair
  const point = ((first & 0x0f) << 12) | (second << 6) | third;
  if (point < 0x800 || (point >= 0xd800 && point <= 0xf8ff) || point >= 0xfff0) return 0;
  return 3;
}

function continuation(path: string, at: number): number {
  const byte = at < path.length ? path.charCodeAt(at) : 0;
  return (byte & 0xc0) === 0x80 ? byte & 0x3f : -1;
}
