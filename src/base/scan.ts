// Tests of text, one character at a time. Code that applies commands uses no regular expressions, because strangers write the
// texts, and the time of a scan is easy to see.

const [PLUS, MINUS, ZERO, NINE] = [0x2b, 0x2d, 0x30, 0x39];

/** Whether the text is 1 to `digitsMax` decimal digits. */
export function isDigits(text: string, digitsMax: number, start = 0): boolean {
  const count = text.length - start;
  if (count < 1 || count > digitsMax) return false;
  for (let i = start; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character < ZERO || character > NINE) return false;
  }
  return true;
}

/** The same, behind a plus where there is one. */
export function isPositiveNumber(text: string, digitsMax: number): boolean {
  return isDigits(text, digitsMax, text.charCodeAt(0) === PLUS ? 1 : 0);
}

/** The same, behind a sign where there is one. */
export function isNumber(text: string, digitsMax: number): boolean {
  const first = text.charCodeAt(0);
  return isDigits(text, digitsMax, first === PLUS || first === MINUS ? 1 : 0);
}

/** Whether every character of the text is one of `allowed`; an empty text has none that is not. */
export function consistsOf(text: string, allowed: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (!allowed.includes(text.charAt(i))) return false;
  }
  return true;
}

/** Whether every character of the text is a printable one of ASCII, and no blank. */
export function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character < 0x21 || character > 0x7e) return false;
  }
  return true;
}
