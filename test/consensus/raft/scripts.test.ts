// Golden scripts: a command, `---`, what happens. A file's name is the rule it shows. UPDATE=1 writes what happens now;
// the difference is reviewed like code.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { MemberId, MemberRecord } from "../../../src/consensus/index.ts";
import { phraseConfiguration } from "./phrases.ts";
import { Stage } from "./stage.ts";
import { OPTIONS } from "./staged-machine.ts";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "scripts");
const IS_UPDATE = process.env["UPDATE"] === "1";

for (const file of readdirSync(FOLDER).sort()) {
  test(file.replaceAll("_", " "), () => {
    const path = join(FOLDER, file);
    const expected = readFileSync(path, "utf8");
    const actual = perform(expected);
    if (IS_UPDATE) writeFileSync(path, actual);
    else assert.equal(actual, expected, `${file} tells another story now; UPDATE=1 writes it down`);
  });
}

/** Runs a script's commands and returns the script with what happens. Lines that begin with `#` stay as they are. */
function perform(script: string): string {
  let stage: Stage | null = null;
  const written: string[] = [];
  let isOutput = false;
  for (const line of script.trimEnd().split("\n")) {
    if (line === "---") isOutput = true;
    else if (line === "") {
      if (!isOutput) written.push(""); // a paragraph of comment
      isOutput = false;
    } else if (line.startsWith("#")) {
      written.push(line);
      isOutput = false;
    } else if (!isOutput) {
      stage = run(stage, line.split(" "));
      const lines = stage.take();
      written.push(line, "---", ...(lines.length === 0 ? ["nothing"] : lines), "");
      isOutput = true; // what the file has for it is skipped
    }
  }
  while (written.at(-1) === "") written.pop();
  return `${written.join("\n")}\n`;
}

function run(stage: Stage | null, [verb, ...words]: string[]): Stage {
  if (verb === "members") return open(words);
  assert.ok(stage !== null, "a script begins with its members");
  const numbers = words.map(Number);
  const [first = 0, second = 0, third] = numbers;
  switch (verb) {
    case "has": // has 1 term 3 log 1 1 2
      stage.giveLog(first, numbers.slice(4), numbers[2]!);
      break;
    case "tick":
      stage.tick(first, second || 1);
      break;
    case "campaign":
      stage.campaign(first);
      break;
    case "settle":
      stage.settle();
      break;
    case "settle-but-disk":
      stage.settle(numbers);
      break;
    case "quietly": {
      run(stage, words);
      const telling = stage.take().filter((line) => !line.includes(">") && !line.includes("writes"));
      stage.lines = telling;
      break;
    }
    case "propose":
      stage.propose(first, ...words.slice(1));
      break;
    case "read":
      stage.read(first, second);
      break;
    case "transfer":
      stage.input(first, { kind: "transfer", to: second });
      break;
    case "change":
      stage.change(
        first,
        words.slice(1).map((word) => recordOf(word, stage!)),
      );
      break;
    case "deliver":
      stage.deliver(first, second, third);
      break;
    case "drop":
      stage.drop(first, second);
      break;
    case "persist":
      stage.persist(first, second || undefined);
      break;
    case "isolate":
      stage.isolate(first);
      break;
    case "cut":
      stage.cut(first, second);
      break;
    case "heal":
      stage.heal();
      break;
    case "crash":
      stage.crash(first);
      break;
    case "restart":
      stage.restart(first);
      break;
    case "wipe":
      stage.wipe(first);
      break;
    case "add":
      stage.add(first, first * 11);
      break;
    case "compact":
      stage.compact(first, second);
      break;
    case "unreachable":
      stage.input(first, { kind: "unreachable", peer: second });
      break;
    case "show":
      for (const [id, { raft, isUp }] of stage.machines) {
        const { role, term, leader, commitIndex, firstIndex, lastIndex, configuration, joined } = raft;
        const state = `${role} in term ${term}, leader ${leader ?? "unknown"}, log ${firstIndex}..${lastIndex}, commit ${commitIndex}`;
        const standing = joined ? "" : ", not joined";
        stage.lines.push(`${id}: ${isUp ? state : "down"}${standing}; ${phraseConfiguration(configuration)}`);
      }
      break;
    default:
      assert.fail(`no such command: ${verb}`);
  }
  return stage;
}

/**
 * `members 1 2 3`: formed, nobody leads. `members blank 1 2 3`: new disks. `4l` is a learner; `without=3`: it may be founded
 * without 3; another `key=value` is an option.
 */
function open(words: string[]): Stage {
  const isBlank = words[0] === "blank";
  const options: Record<string, number | number[]> = {};
  const members: MemberRecord[] = [];
  for (const word of words.slice(isBlank ? 1 : 0)) {
    const [key, value] = word.split("=");
    if (key === "without") {
      options["foundWithout"] = [Number(value)];
    } else if (value !== undefined) {
      assert.ok(key! in OPTIONS, `no such option: ${key}`);
      options[key!] = Number(value);
    } else {
      const id: MemberId = Number.parseInt(word, 10);
      const role = word.endsWith("l") ? "learner" : "voter";
      members.push({ id, role, incarnation: isBlank ? 0 : id * 11, description: "" });
    }
  }
  return new Stage(members, isBlank ? 0 : 7, options);
}

/** `4` is a voter under the incarnation it has on its disk, `4l` a learner. */
/** `3`, `3l` for a learner, `3?` for a voter that is not named. */
function recordOf(word: string, stage: Stage): MemberRecord {
  const id: MemberId = Number.parseInt(word, 10);
  const incarnation = word.endsWith("?") ? 0 : (stage.machines.get(id)?.disk.incarnation ?? 0);
  return { id, role: word.endsWith("l") ? "learner" : "voter", incarnation, description: "" };
}
