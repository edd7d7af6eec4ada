// Written values that nothing in a history mentions again. One value stands for all of them, because no answer distinguishes
// them.

/** Text that is none of those seen. */
export function unseenBeside(seen: ReadonlySet<unknown>): string {
  let text = "unseen";
  while (seen.has(text)) text += "!";
  return text;
}
