// Histories as JSON: what is written is read again, and what cannot be is turned down with its place.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { formatHistory, HistoryError, parseHistory } from "../../src/checkers/history.ts";
import { lock } from "../../src/checkers/models/lock.ts";
import { register } from "../../src/checkers/models/register.ts";
import { znode } from "../../src/checkers/models/znode.ts";
import { recordHistory } from "./support/clients.ts";
import { registers, znodes } from "./support/objects.ts";

const READ = {
  client: "a",
  call: 1,
  return: 2,
  input: { kind: "read", key: "x" },
  output: { kind: "value", value: 3 },
};
const GET = {
  client: "a",
  call: 1,
  return: 2,
  input: { kind: "get-data", path: "/a" },
  output: { kind: "data", data: "x", version: 0 },
};

const historyOf = (model: string, ...operations: unknown[]) => JSON.stringify({ version: 1, model, operations });

function problemsOf(text: string): readonly string[] {
  try {
    parseHistory(text);
  } catch (error) {
    assert.ok(error instanceof HistoryError, String(error));
    return error.problems;
  }
  return [];
}

test("what was written is read again: every operation, answered or not", async () => {
  const random = seededRandom(5);
  const scene = { random, clients: 5, operations: 200, lossRate: 0.1 };
  const ofRegisters = await recordHistory({ ...scene, ...registers(random, { keys: 3, values: 5 }) });
  const ofZnodes = await recordHistory({ ...scene, ...znodes(random, 3) });
  const read = [parseHistory(formatHistory(register, ofRegisters)), parseHistory(formatHistory(znode, ofZnodes, "ms"))];
  assert.deepEqual(
    read.map(({ model, unit, operations }) => [model, unit, operations]),
    [
      [register, "", ofRegisters],
      [znode, "ms", ofZnodes],
    ],
  );
  const ofLocks = [
    { client: 1, call: 1, return: 2, input: { kind: "acquire", lock: "l" }, output: { kind: "acquired", token: 7 } },
    { client: 1, call: 3, return: 4, input: { kind: "use", lock: "l", token: 7 }, output: { kind: "done" } },
    { client: 2, call: 5, return: null, input: { kind: "release", lock: "l", token: 7 } },
    { client: 2, call: 5, return: null, input: { kind: "release", lock: "l", token: null } },
  ];
  assert.deepEqual(parseHistory(historyOf("lock", ...ofLocks)).operations, ofLocks);
  assert.equal(parseHistory(historyOf("lock")).model, lock);
});

test("no answer: return and output are null, or are not there", () => {
  const { client, call, input } = READ;
  const texts = [
    historyOf("register", { client, call, input }),
    historyOf("register", { ...READ, return: null, output: null }),
  ];
  for (const text of texts) assert.deepEqual(parseHistory(text).operations, [{ client, call, input, return: null }]);
});

describe("what is wrong is said with its place", () => {
  const cases: readonly (readonly [problem: string | RegExp, text: string])[] = [
    [/^it is not JSON: /, "{"],
    ["it must be an object, not [1]", "[1]"],
    ["version is missing", "{}"],
    ["version 2 of the format is not known here: this is version 1", JSON.stringify({ version: 2 })],
    ['model must be "register", "znode" or "lock", not "queue"', historyOf("queue")],
    ["operations is missing", JSON.stringify({ version: 1, model: "znode" })],
    ["operations must be a list, not {}", JSON.stringify({ version: 1, model: "znode", operations: {} })],
    [
      "comment is no field that belongs here",
      JSON.stringify({ version: 1, model: "znode", operations: [], comment: "" }),
    ],
    ["operations[0]: it must be an object, not 7", historyOf("znode", 7)],
    ["operations[0]: client is missing", historyOf("znode", { ...GET, client: undefined })],
    ["operations[0]: client must be text or a number, not null", historyOf("znode", { ...GET, client: null })],
    ['operations[1] (client "a"): call must be a number, not "1"', historyOf("znode", GET, { ...GET, call: "1" })],
    ["operations[0] (client 4): input is missing", historyOf("znode", { ...GET, client: 4, input: undefined })],
    ['operations[0] (client "a"): return is 0, before call, 1', historyOf("znode", { ...GET, return: 0 })],
    [
      'operations[0] (client "a"): return and output come together or, where no answer came, not at all',
      historyOf("znode", { ...GET, return: null }),
    ],
    [
      'operations[0] (client "a"): return and output come together or, where no answer came, not at all',
      historyOf("znode", { ...GET, output: undefined }),
    ],
    ['operations[0] (client "a"): result is no field that belongs here', historyOf("znode", { ...GET, result: 1 })],
    [
      'operations[0] (client "a"): input.kind must be "read", "write" or "compare-and-set", not "get-data"',
      historyOf("register", GET),
    ],
    [
      'operations[0] (client "a"): input.path must be text, not 5',
      historyOf("znode", { ...GET, input: { kind: "get-data", path: 5 } }),
    ],
    [
      'operations[0] (client "a"): input.version is missing',
      historyOf("znode", { ...GET, input: { kind: "delete", path: "/a" } }),
    ],
    [
      'operations[0] (client "a"): input.watch is no field that belongs here',
      historyOf("znode", { ...GET, input: { ...GET.input, watch: true } }),
    ],
    [
      'operations[0] (client "a"): output.version must be a whole number from 0 on, not 1.5',
      historyOf("znode", { ...GET, output: { ...GET.output, version: 1.5 } }),
    ],
    [
      'operations[0] (client "a"): output.kind must be "data" or "rejected", not "stat"',
      historyOf("znode", { ...GET, output: { kind: "stat", version: 1 } }),
    ],
    [
      'operations[0] (client "a"): output.stat is no field that belongs here',
      historyOf("znode", { ...GET, output: { ...GET.output, stat: {} } }),
    ],
    [
      'operations[0] (client "a"): output.version must be a whole number from 0 on, not -1',
      historyOf("znode", { ...GET, output: { ...GET.output, version: -1 } }),
    ],
    [
      /output\.code must be "no-node", "node-exists", "bad-version" or "not-empty", not "no-auth"$/,
      historyOf("znode", { ...GET, output: { kind: "rejected", code: "no-auth" } }),
    ],
    [
      /output\.value must be text, a number, true, false or null, not \{"a":1\}$/,
      historyOf("register", { ...READ, output: { kind: "value", value: { a: 1 } } }),
    ],
    [
      /input\.token must be a whole number from 0 on, not "t"$/,
      historyOf("lock", { ...READ, input: { kind: "release", lock: "l", token: "t" } }),
    ],
  ];
  for (const [problem, text] of cases) {
    test(String(problem), () => {
      const [first] = problemsOf(text);
      if (typeof problem === "string") assert.equal(first, problem);
      else assert.match(first ?? "", problem);
    });
  }

  test("all of it at once, up to ten things", () => {
    const wrong = Array(25).fill({ ...GET, call: null });
    assert.equal(problemsOf(historyOf("znode", ...wrong.slice(0, 3), GET)).length, 3);
    assert.equal(problemsOf(historyOf("znode", ...wrong)).length, 10);
  });

  test("what is long is not repeated in full", () => {
    const [problem = ""] = problemsOf(historyOf("znode", { ...GET, call: "x".repeat(10_000) }));
    assert.ok(problem.length < 150, problem);
  });
});
