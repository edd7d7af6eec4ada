// When a member is ready, seen on a member whose status the test sets.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberStatus } from "../../src/replica/replica-port.ts";
import type { RunningMember } from "../../src/server/member.ts";
import { Readiness } from "../../src/server/readiness.ts";

const INCARNATION = 7;
/** The members of these tests do not end. */
const NEVER = new AbortController().signal;

function memberWith(status: { lastIndex: number; commitIndex: number }): RunningMember {
  const members = [{ id: 1, role: "voter", incarnation: INCARNATION, description: "" }] as const;
  const more = { hasQuorum: true, leader: 2, configuration: { cluster: 1, members, outgoing: [] } };
  const running: unknown = {
    incarnation: INCARNATION,
    isConnected: () => true,
    member: {
      id: 1,
      status: Object.assign(status, more) as Partial<MemberStatus>,
      admission: () => "open",
      readBarrier: (done: (error: null) => void) => done(null),
    },
  };
  return running as RunningMember;
}

test("entries at the log's end that a new leader takes away again keep no member from being ready", async () => {
  const status = { lastIndex: 105, commitIndex: 100 };
  const waiting = new Readiness(memberWith(status), NEVER).wait({ timeoutMs: 2000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  Object.assign(status, { lastIndex: 101, commitIndex: 101 }); // and nothing more is written
  await waiting;
});

test("a member is not ready before the entry that names it is committed", async () => {
  const status = { lastIndex: 105, commitIndex: 104 };
  const readiness = new Readiness(memberWith(status), NEVER);
  await assert.rejects(readiness.wait({ timeoutMs: 100 }), { code: "deadline" });
  status.lastIndex = 110;
  status.commitIndex = 105;
  await readiness.wait({ timeoutMs: 2000 });
});
