// Histories of one register as they are drawn on a board: a line a client, a column a moment.
//
//   a: [write 1]     [cas 1 2 ok]
//   b:     [read 1]       [write 3~
//
// An operation lasts from its opening bracket to its closing one; `~` instead: its answer never came.

import assert from "node:assert/strict";
import type { Operation } from "../../../src/checkers/model.ts";
import type { RegisterInput, RegisterOutput, Value } from "../../../src/checkers/models/register.ts";

export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

export function drawn(picture: string): RegisterOperation[] {
  return picture
    .split("\n")
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      const client = line.slice(0, line.indexOf(":")).trim();
      return [...line.matchAll(/\[([^\]~[]+)([\]~])/g)].map((match): RegisterOperation => {
        const asked = { client, call: match.index };
        const { input, output } = parsed(match[1]!.trim());
        if (match[2] === "~") return { ...asked, input, return: null };
        assert.ok(output, `${match[0]} has no answer`);
        return { ...asked, input, output, return: match.index + match[0].length - 1 };
      });
    });
}

function parsed(text: string): { input: RegisterInput; output: RegisterOutput | null } {
  const [verb, first = "", second = "", answer] = text.split(/ +/);
  switch (verb) {
    case "read":
      return { input: { kind: "read", key: "x" }, output: { kind: "value", value: valueIn(first) } };
    case "write":
      return { input: { kind: "write", key: "x", value: valueIn(first) }, output: { kind: "done" } };
    case "cas":
      return {
        input: { kind: "compare-and-set", key: "x", expected: valueIn(first), value: valueIn(second) },
        output: answer === undefined ? null : { kind: answer === "ok" ? "done" : "rejected" },
      };
    default:
      throw new Error(`"${text}" is no operation`);
  }
}

function valueIn(text: string): Value {
  return text === "null" || text === "" ? null : Number(text);
}
