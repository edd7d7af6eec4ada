// Two transcripts side by side: equal line by line, but for the differences that are allowed.
import assert from "node:assert/strict";
import { type AllowedDifference, allowedDifferences } from "./allowed.ts";

const contextLines = 6;
const differencesShownMax = 25;

/** The allowed differences that some comparison has met. */
export const met = new Set<AllowedDifference>();

export function compare(script: string, reference: readonly string[], ours: readonly string[]): void {
  const differences: string[] = [];
  for (let i = 0; i < Math.max(reference.length, ours.length); i++) {
    const [theirs, mine] = [reference[i] ?? "(nothing)", ours[i] ?? "(nothing)"];
    if (theirs === mine) continue;
    const allowed = allowedDifferences.find(
      (each) => each.script.test(script) && each.reference.test(theirs) && each.ours.test(mine),
    );
    if (allowed !== undefined) {
      met.add(allowed);
      continue;
    }
    const before = differences.length === 0 ? `${reference.slice(Math.max(0, i - contextLines), i).join("\n")}\n` : "";
    differences.push(`${before}line ${i}\n- ${theirs}\n+ ${mine}`);
  }
  const shown = differences.slice(0, differencesShownMax).join("\n");
  assert.equal(differences.length, 0, `${differences.length} differences (- the reference, + ours):\n${shown}`);
}
