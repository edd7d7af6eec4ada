// Two transcripts side by side: equal line by line, but for the differences that are allowed.
import assert from "node:assert/strict";
import { type AllowedDifference, allowedDifferences } from "./allowed.ts";

const contextLines = 3;
const differencesShownMax = 8;

/** The allowed differences that some comparison has met. */
export const met = new Set<AllowedDifference>();

export function compare(script: string, left: readonly string[], right: readonly string[]): void {
  const settle = /chance/.test(script) ? ordered : (lines: readonly string[]) => lines;
  const [reference, ours] = [settle(left), settle(right)];
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

/**
 * The ephemerals of a session end in no promised order: the reference walks a set of them. Where chance plays, events of
 * one zxid are therefore compared as a set; their order is the matter of scripts that were written for it.
 */
function ordered(lines: readonly string[]): string[] {
  const result: string[] = [];
  for (let start = 0; start < lines.length; ) {
    const same = /^\[.*\] {3}event .*( zxid=z\d+)$/.exec(lines[start]!)?.[1];
    let end = start + 1;
    while (same !== undefined && end < lines.length && isEvent(lines[end]!, same)) end++;
    result.push(...lines.slice(start, end).sort());
    start = end;
  }
  return result;
}

function isEvent(line: string, zxid: string): boolean {
  return /^\[.*\] {3}event /.test(line) && line.endsWith(zxid);
}
