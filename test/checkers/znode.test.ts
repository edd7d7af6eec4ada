// The znode as a model: what ZooKeeper answers, one operation at a time, and what it never does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLinearizable } from "../../src/checkers/linearizability.ts";
import type { Operation } from "../../src/checkers/model.ts";
import { type ZnodeInput, type ZnodeOutput, znode } from "../../src/checkers/models/znode.ts";

const path = "/a";
const create = (data: string): ZnodeInput => ({ kind: "create", path, data });
const remove = (version = -1): ZnodeInput => ({ kind: "delete", path, version });
const set = (data: string, version = -1): ZnodeInput => ({ kind: "set-data", path, data, version });
const get: ZnodeInput = { kind: "get-data", path };
const exists: ZnodeInput = { kind: "exists", path };
const created: ZnodeOutput = { kind: "created" };
const done: ZnodeOutput = { kind: "done" };
const updated = (version: number): ZnodeOutput => ({ kind: "updated", version });
const holds = (data: string, version: number): ZnodeOutput => ({ kind: "data", data, version });
const stat = (version: number): ZnodeOutput => ({ kind: "stat", version });
const rejected = (code: "no-node" | "node-exists" | "bad-version" | "not-empty"): ZnodeOutput => ({
  kind: "rejected",
  code,
});

type Exchange = readonly [input: ZnodeInput, output: ZnodeOutput | "never answered"];

/** One operation after the other. */
function inTurn(...exchanges: readonly Exchange[]): Operation<ZnodeInput, ZnodeOutput>[] {
  return exchanges.map(([input, output], turn) => {
    const asked = { client: "a", input, call: 10 * turn };
    return output === "never answered" ? { ...asked, return: null } : { ...asked, output, return: 10 * turn + 5 };
  });
}

const verdictOf = (...exchanges: readonly Exchange[]) => checkLinearizable(znode, inTurn(...exchanges)).verdict;

test("a node's life: created, changed under the expected version, read, deleted", () => {
  const verdict = verdictOf(
    [get, rejected("no-node")],
    [exists, rejected("no-node")],
    [set("x"), rejected("no-node")],
    [remove(), rejected("no-node")],
    [create("x"), created],
    [create("y"), rejected("node-exists")],
    [get, holds("x", 0)],
    [set("y", 0), updated(1)],
    [set("z", 0), rejected("bad-version")],
    [remove(0), rejected("bad-version")],
    [set("w"), updated(2)],
    [exists, stat(2)],
    [remove(2), done],
    [create("v"), created],
    [get, holds("v", 0)],
  );
  assert.equal(verdict, "linearizable");
});

test("each answer is held against the node: any that could not have been given is found", () => {
  const before: Exchange[] = [
    [create("x"), created],
    [set("y"), updated(1)],
  ];
  const wrong: Exchange[] = [
    [get, holds("y", 0)],
    [get, holds("x", 1)],
    [get, rejected("no-node")],
    [exists, stat(2)],
    [exists, rejected("no-node")],
    [create("z"), created],
    [create("z"), rejected("no-node")],
    [set("z"), updated(1)],
    [set("z"), rejected("bad-version")],
    [set("z", 1), rejected("bad-version")],
    [set("z", 0), updated(2)],
    [remove(0), done],
    [remove(0), rejected("not-empty")],
    [remove(1), rejected("bad-version")],
    [remove(), rejected("no-node")],
    [get, stat(1)],
    [remove(), created],
  ];
  for (const exchange of wrong) {
    assert.equal(verdictOf(...before, exchange), "violated", JSON.stringify(exchange));
  }
});

test("parents and children are other paths' business, and change nothing here", () => {
  assert.equal(verdictOf([create("x"), rejected("no-node")], [get, rejected("no-node")]), "linearizable");
  assert.equal(
    verdictOf([create("x"), created], [remove(), rejected("not-empty")], [get, holds("x", 0)]),
    "linearizable",
  );
});

test("a set without an answer shows later in the version, once", () => {
  const begun: Exchange[] = [
    [create("x"), created],
    [set("y", 0), "never answered"],
  ];
  assert.equal(verdictOf(...begun, [get, holds("x", 0)], [get, holds("y", 1)]), "linearizable");
  assert.equal(verdictOf(...begun, [set("z"), updated(2)]), "linearizable");
  assert.equal(verdictOf(...begun, [set("z"), updated(1)], [get, holds("z", 1)]), "linearizable");
  assert.equal(verdictOf(...begun, [set("z"), updated(3)]), "violated");
  assert.equal(verdictOf(...begun, [set("z"), updated(1)], [get, holds("y", 2)]), "violated");
});

test("an ephemeral's end is a delete that nobody answers", () => {
  const ends: Exchange = [remove(), "never answered"];
  const gone: Exchange = [get, rejected("no-node")];
  assert.equal(verdictOf([create("x"), created], ends, [get, holds("x", 0)], gone, gone), "linearizable");
  assert.equal(verdictOf([create("x"), created], ends, gone, [get, holds("x", 0)]), "violated");
  assert.equal(verdictOf([create("x"), created], gone, ends), "violated", "gone before the session was last heard of");
});

test("paths do not meet", () => {
  const elsewhere = inTurn([create("x"), created], [get, holds("x", 0)]).map((operation) => ({
    ...operation,
    input: { ...operation.input, path: "/b" },
  }));
  const result = checkLinearizable(znode, [...elsewhere, ...inTurn([get, rejected("no-node")])]);
  assert.deepEqual([result.verdict, result.keys], ["linearizable", 2]);
});
