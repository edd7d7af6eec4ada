// Who may ask a member for what only operators may: with the token, from this machine, by POST.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { After } from "../../src/adapters/timers.ts";
import { CoordinationError } from "../../src/base/errors.ts";
import { type Operations, OperatorPages, type OperatorRequest } from "../../src/management/operator-pages.ts";

const TOKEN = "0123456789012345678901234567890123456789";

function pages(
  more: Partial<Operations> = {},
  afterwards: After = () => () => {},
): {
  readonly pages: OperatorPages;
  readonly asked: string[];
  readonly log: string[];
} {
  const asked: string[] = [];
  const log: string[] = [];
  const note = (line: string) => void log.push(line);
  const operations: Operations = {
    token: TOKEN,
    isRemoteAllowed: false,
    backup: async () => {
      asked.push("backup");
      return { size: 0, chunks: (async function* () {})(), close: () => asked.push("closed") };
    },
    changeMembers: async (change) => {
      asked.push(JSON.stringify(change));
      return { version: 1, members: [] };
    },
    transferLeadership: async (to) => {
      asked.push(`transfer to ${to}`);
      return { leader: to ?? 2 };
    },
    ...more,
  };
  return { pages: new OperatorPages(operations, { info: note, warn: note, error: note }, afterwards), asked, log };
}

function request(
  name: string,
  more: Partial<OperatorRequest> = {},
  parameters: Record<string, string> = {},
): OperatorRequest {
  return {
    method: "POST",
    name,
    parameters: new URLSearchParams(parameters),
    address: "127.0.0.1",
    isLocal: true,
    isFromOtherSite: false,
    authorization: `Bearer ${TOKEN}`,
    ...more,
  };
}

async function statusOf(operator: OperatorPages, asked: OperatorRequest): Promise<number> {
  const answer = await operator.answer(asked);
  return answer.kind === "file" ? 200 : answer.status;
}

test("with the token, from this machine, by POST: it is done", async () => {
  const { pages: operator, asked } = pages();
  assert.equal(await statusOf(operator, request("transfer-leadership", {}, { to: "3" })), 200);
  assert.equal(await statusOf(operator, request("members/remove", {}, { id: "3" })), 200);
  assert.equal(await statusOf(operator, request("members/add", {}, { id: "4", server: "a:1:2;3" })), 200);
  assert.deepEqual(asked, ["transfer to 3", '{"kind":"remove","id":3}', '{"kind":"add","id":4,"server":"a:1:2;3"}']);
});

test("without any of the three, nothing is done, whatever is asked for", async () => {
  const { pages: operator, asked, log } = pages();
  for (const name of ["backup", "transfer-leadership", "members/remove", "nothing"]) {
    assert.equal(await statusOf(operator, request(name, { method: "GET" })), 405);
    assert.equal(await statusOf(operator, request(name, { isLocal: false, address: "10.0.0.9" })), 403);
    for (const authorization of [
      undefined,
      "",
      "Bearer ",
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
    ]) {
      assert.equal(await statusOf(operator, request(name, { authorization })), 401, String(authorization));
    }
  }
  assert.deepEqual(asked, []);
  assert.ok(log.every((line) => !line.includes(TOKEN.slice(0, 20))));
});

test("other machines are heard where the settings say so, with the token", async () => {
  const { pages: operator, asked } = pages({ isRemoteAllowed: true });
  const remote = { isLocal: false, address: "10.0.0.9" };
  assert.equal(await statusOf(operator, request("transfer-leadership", remote)), 200);
  assert.equal(
    await statusOf(operator, request("transfer-leadership", { ...remote, authorization: "Bearer no" })),
    401,
  );
  assert.deepEqual(asked, ["transfer to null"]);
});

test("one backup at a time, and another once it was closed, or could not be begun", async () => {
  const { pages: operator } = pages();
  const first = await operator.answer(request("backup"));
  assert.equal(await statusOf(operator, request("backup")), 429);
  assert.ok(first.kind === "file");
  first.close();
  assert.equal(await statusOf(operator, request("backup")), 200);
  const failing = pages({ backup: () => Promise.reject(new CoordinationError("no-quorum", "not-applied", "alone")) });
  for (let i = 0; i < 2; i++) assert.equal(await statusOf(failing.pages, request("backup")), 503);
});

test("a transfer to what is no member's number is refused, and goes to nobody", async () => {
  const { pages: operator, asked } = pages();
  for (const to of ["junk", "", "-1", "3 ", "99999999999"]) {
    assert.equal(await statusOf(operator, request("transfer-leadership", {}, { to })), 400, to);
  }
  assert.deepEqual(asked, []);
});

test("a page of another site is refused, with the token too, and the log hears nothing of it", async () => {
  const { pages: operator, asked, log } = pages();
  for (const authorization of [undefined, `Bearer ${TOKEN}`]) {
    const more = { isFromOtherSite: true, authorization };
    assert.equal(await statusOf(operator, request("transfer-leadership", more)), 403);
  }
  assert.deepEqual([asked, log], [[], []]);
});

test("refusals cannot fill the log: a few lines in a while, and then the number of the others", async () => {
  let endPeriod = (): void => {};
  const { pages: operator, log } = pages({}, (_, task) => {
    endPeriod = task;
    return () => {};
  });
  for (const lines of [21, 42]) {
    for (let i = 0; i < 1000; i++) await operator.answer(request("x", { authorization: undefined }));
    endPeriod();
    assert.equal(log.length, lines);
    assert.match(log.at(-1)!, /^980 more requests of operators refused/);
  }
});
