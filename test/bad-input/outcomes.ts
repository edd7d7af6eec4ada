// outcomes.txt: what came of each attack, here and at ZooKeeper where it differs. Rewritten by UPDATE=1 (with
// CABILDO_FLAVOUR=zookeeper: its side), then reviewed like code.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../support/cache.ts";
import type { Flavour } from "../support/ensemble.ts";

const file = join(repository, "test", "bad-input", "outcomes.txt");
const zookeeperSays = "  ZooKeeper: ";

export interface Expected {
  readonly here: string;
  /** What ZooKeeper does otherwise, always or when another of its threads is quicker. */
  readonly zookeeper?: readonly string[];
}

export function readOutcomes(): { readonly preface: string; readonly expected: ReadonlyMap<string, Expected> } {
  const expected = new Map<string, Expected>();
  let preface = "";
  let last = "";
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line.startsWith("#")) {
      preface += `${line}\n`;
    } else if (line.startsWith(zookeeperSays)) {
      expected.set(last, { ...expected.get(last)!, zookeeper: line.slice(zookeeperSays.length).split(" or ") });
    } else if (line !== "") {
      last = line.slice(0, line.lastIndexOf(": "));
      expected.set(last, { here: line.slice(line.lastIndexOf(": ") + 2) });
    }
  }
  return { preface, expected };
}

/** Whether an outcome is the one written down. */
export function agrees(expected: Expected | undefined, flavour: Flavour, outcome: string): boolean {
  if (expected?.here === outcome) return true;
  return flavour === "zookeeper" && expected?.zookeeper?.includes(outcome) === true;
}

/** Writes down what was found, keeping what the file says of the other server. */
export function rewriteOutcomes(flavour: Flavour, found: ReadonlyMap<string, string>): void {
  const { preface, expected } = readOutcomes();
  const lines: string[] = [];
  for (const [name, outcome] of found) {
    const before = expected.get(name);
    const here = flavour === "cabildo" ? outcome : (before?.here ?? outcome);
    const known = before?.zookeeper ?? [];
    const isNews = flavour === "zookeeper" && !agrees(before, flavour, outcome);
    const zookeeper = isNews ? [...known, outcome] : known;
    lines.push(`${name}: ${here}`);
    if (zookeeper.length > 0) lines.push(zookeeperSays + zookeeper.join(" or "));
  }
  writeFileSync(file, `${preface}\n${lines.join("\n")}\n`);
}
