// Text for people. What comes from a history may have any length and any characters.

const LENGTH_MAX = 160;
const LISTED_MAX = 8;

export function shortened(text: string, lengthMax = LENGTH_MAX): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;
}

/** Without what would move a terminal's cursor, or end a line. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}

/** "a, b or c". */
export function listed(words: readonly string[], last = "or"): string {
  const told = words.slice(0, LISTED_MAX);
  if (told.length < words.length) return `${told.join(", ")} ${last} ${words.length - told.length} more`;
  return told.length < 2 ? told.join() : `${told.slice(0, -1).join(", ")} ${last} ${told.at(-1)}`;
}

export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
