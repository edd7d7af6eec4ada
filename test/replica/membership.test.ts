import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member } from "../../src/base/member.ts";
import type { Configuration, MemberRecord } from "../../src/consensus/raft/types.ts";
import {
  type MembershipQuestion,
  type MembershipStep,
  type MemberView,
  nextMembershipStep,
} from "../../src/replica/duties/membership.ts";
import { describe, isOfOlderForm, memberDescribed } from "../../src/state/membership/description.ts";
import type { PendingChange } from "../../src/state/model.ts";

const healthy: MemberView = { active: true, incarnation: 100, isCaughtUp: true };
const silent: MemberView = { ...healthy, active: false };

function member(id: number, role: MemberRecord["role"] = "voter", declared = "participant"): MemberRecord {
  return { id, role, incarnation: role === "voter" ? 100 : 0, description: `host${id}:1:2:${declared};0.0.0.0:2181` };
}

function configuration(...members: MemberRecord[]): Configuration {
  return { cluster: 1, members, outgoing: [] };
}

function seen(views: Record<number, MemberView>): (id: number) => MemberView | null {
  return (id) => views[id] ?? null;
}

/** As a change of members asks for it. */
function wanted(id: number): Member {
  return memberDescribed(id, member(id).description);
}

function nextStep(
  configuration: Configuration,
  pending: PendingChange | null,
  view: MembershipQuestion["view"],
  listed: readonly MemberRecord[] = [],
): MembershipStep | null {
  return nextMembershipStep({ configuration, pending, view, listed, level: 0 });
}

const three = configuration(member(1), member(2), member(3));

test("nothing is changed while all is well", () => {
  assert.equal(nextStep(three, null, seen({ 1: healthy, 2: healthy, 3: healthy })), null);
  assert.equal(nextStep(three, null, seen({ 1: healthy, 2: healthy, 3: silent })), null);
});

test("a voter that comes back with an empty disk loses its vote, then gets it back when it has caught up", () => {
  const wiped: MemberView = { active: true, incarnation: 555, isCaughtUp: false };
  const first = nextStep(three, null, seen({ 1: healthy, 2: healthy, 3: wiped }));
  assert.equal(first?.kind, "change");
  const demoted = first.members.find(({ id }) => id === 3);
  assert.deepEqual([demoted?.role, demoted?.incarnation], ["learner", 0]);

  const learning = configuration(...first.members);
  assert.equal(nextStep(learning, null, seen({ 1: healthy, 2: healthy, 3: wiped })), null);

  const caughtUp = { ...wiped, isCaughtUp: true };
  const second = nextStep(learning, null, seen({ 1: healthy, 2: healthy, 3: caughtUp }));
  assert.equal(second?.kind, "change");
  const promoted = second.members.find(({ id }) => id === 3);
  assert.deepEqual([promoted?.role, promoted?.incarnation], ["voter", 555]);
});

test("a vote is not taken while the others alone would be no quorum", () => {
  const wiped: MemberView = { active: true, incarnation: 555, isCaughtUp: false };
  assert.equal(nextStep(three, null, seen({ 1: healthy, 2: silent, 3: wiped })), null);
});

test("a member that has not answered yet is not admitted", () => {
  const unheard: MemberView = { active: true, incarnation: 0, isCaughtUp: true };
  const learning = configuration(member(1), member(2), member(3, "learner"));
  assert.equal(nextStep(learning, null, seen({ 1: healthy, 2: healthy, 3: unheard })), null);
});

test("a member that fell silent is not admitted, however much it held", () => {
  const learning = configuration(member(1), member(2), member(3, "learner"));
  assert.equal(nextStep(learning, null, seen({ 1: healthy, 2: healthy, 3: silent })), null);
});

test("an observer is never given a vote", () => {
  const withObserver = configuration(member(1), member(2), member(3), member(4, "learner", "observer"));
  assert.equal(nextStep(withObserver, null, seen({ 1: healthy, 2: healthy, 3: healthy, 4: healthy })), null);
});

test("a reconfiguration brings a new participant in as a learner first, though nobody runs there yet", () => {
  const pending = {
    id: 9,
    members: [1, 2, 3, 4].map(wanted),
  };
  const step = nextStep(three, pending, seen({ 1: healthy, 2: healthy, 3: healthy }));
  assert.equal(step?.kind, "change");
  assert.deepEqual(
    step.members.map(({ id, role }) => `${id} ${role}`),
    ["1 voter", "2 voter", "3 voter", "4 learner"],
  );
});

test("members that the leader's file lists join as learners, and where a standalone log lacks it, the file says where", () => {
  const listed = [1, 2, 3, 4].map((id) => ({ ...member(id), incarnation: 0 }));
  const step = nextStep(three, null, seen({ 1: healthy, 2: healthy, 3: healthy }), listed);
  assert.equal(step?.kind, "change");
  assert.deepEqual(
    step.members.map(({ id, role, incarnation }) => `${id} ${role} ${incarnation}`),
    ["1 voter 100", "2 voter 100", "3 voter 100", "4 learner 0"],
  );
  const alone = configuration({ ...member(1), description: "" });
  const reached = nextStep(alone, null, seen({ 1: healthy }), listed.slice(0, 1));
  assert.deepEqual(reached?.kind === "change" && reached.members, [member(1)]);
});

test("a file removes nobody, waits for a pending reconfiguration, and counts for nothing after one", () => {
  const all = seen({ 1: healthy, 2: healthy, 3: healthy });
  const listed = [1, 2, 4].map((id) => ({ ...member(id), incarnation: 0 }));
  assert.equal(nextStep(three, null, all, listed.slice(0, 2)), null);
  assert.equal(nextStep({ ...three, isReconfigured: true }, null, all, listed), null);
  const pending = {
    id: 9,
    members: three.members.map(({ id }) => wanted(id)),
  };
  assert.equal(nextStep(three, pending, all, listed), null);
});

test("a reconfiguration whose voters would not be a quorum is given up", () => {
  const pending = {
    id: 9,
    members: [1, 2].map(wanted),
  };
  const step = nextStep(three, pending, seen({ 1: healthy, 2: silent, 3: healthy }));
  assert.deepEqual(step, { kind: "give-up", id: 9 });
});

test("whoever came back with an empty disk is no part of a quorum, however lively it is", () => {
  const five = configuration(...[1, 2, 3, 4, 5].map((id) => member(id)));
  const wiped: MemberView = { active: true, incarnation: 555, isCaughtUp: true };
  const view = seen({ 1: healthy, 2: healthy, 3: healthy, 4: wiped, 5: wiped });
  const participants = (...ids: number[]) => ids.map(wanted);
  const step = nextStep(five, { id: 9, members: participants(2, 3, 4, 5) }, view);
  assert.deepEqual(step, { kind: "give-up", id: 9 });
  assert.equal(nextStep(five, { id: 9, members: participants(1, 2, 3, 4) }, view)?.kind, "change");
});

test("who is not named yet is no part of a quorum, and neither is who is still being sent the log", () => {
  const unnamed = configuration(member(1), member(2), { ...member(3), incarnation: 0 });
  const participants = (...ids: number[]) => ids.map(wanted);
  const remaining = { id: 9, members: participants(1, 3) };
  const given = { kind: "give-up", id: 9 };
  assert.deepEqual(nextStep(unnamed, remaining, seen({ 1: healthy, 2: healthy, 3: healthy })), given);
  const behind: MemberView = { ...healthy, isCaughtUp: false };
  assert.deepEqual(nextStep(three, remaining, seen({ 1: healthy, 2: healthy, 3: behind })), given);
  assert.equal(nextStep(three, remaining, seen({ 1: healthy, 2: silent, 3: healthy }))?.kind, "change");
});

test("a vote is not taken where those who keep theirs are not named yet", () => {
  const unnamed = configuration(member(1), member(2), { ...member(3), incarnation: 0 });
  const wiped: MemberView = { active: true, incarnation: 555, isCaughtUp: true };
  assert.equal(nextStep(unnamed, null, seen({ 1: healthy, 2: wiped, 3: healthy })), null);
});

test("nothing is begun while a change is in its joint phase", () => {
  const joint: Configuration = { ...three, outgoing: [member(1), member(2)] };
  const wiped: MemberView = { active: true, incarnation: 555, isCaughtUp: true };
  assert.equal(nextStep(joint, null, seen({ 1: healthy, 2: healthy, 3: wiped })), null);
});

test("once the level is raised members are described anew, before anything else is changed, and only once", () => {
  const pending = { id: 9, members: [1, 2].map(wanted) };
  const view = seen({ 1: healthy, 2: healthy, 3: healthy });
  const step = nextMembershipStep({ configuration: three, pending, view, level: 1 });
  assert.equal(step?.kind, "change");
  const roles = (members: readonly MemberRecord[]): string[] => members.map(({ id, role }) => `${id} ${role}`);
  assert.deepEqual(roles(step.members), roles(three.members));
  for (const { id, description } of step.members) {
    assert.equal(description, describe(wanted(id), 1));
    assert.equal(isOfOlderForm(description, 1), false);
  }
  const next = nextMembershipStep({ configuration: configuration(...step.members), pending, view, level: 1 });
  assert.deepEqual(next?.kind === "change" && roles(next.members), ["1 voter", "2 voter"]);
});
