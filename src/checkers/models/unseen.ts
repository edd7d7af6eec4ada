// Values that are written and that nothing in a history ever speaks of again. One stands for all of them: no answer tells
// them apart.

/** Text that is none of those seen. */
export function unseenBeside(seen: ReadonlySet<unknown>): string {
  let text = "unseen";
  while (seen.has(text)) text += "!";
  return text;
}
