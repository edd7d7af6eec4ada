// Text of strangers, as a person may be shown it.

/** Controls, and what turns the direction of writing: on a terminal they would change what stands beside them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** As a person may be shown it, whoever wrote it: on one line, and cut where it is longer. */
export function printable(text: string, charactersMax: number): string {
  const line = text.replace(UNPRINTABLE, "?");
  return line.length > charactersMax ? `${line.slice(0, charactersMax)}…` : line;
}
