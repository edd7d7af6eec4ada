// The membership as any door changes it: its commands, what they are refused for, the intent and its end.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { encodeSnapshotHeader, SNAPSHOT_HEADER_BYTES_MAX } from "../../src/adapters/storage/snapshot-format.ts";
import { ByteWriter } from "../../src/base/bytes.ts";
import type { Member } from "../../src/base/member.ts";
import { seededRandom } from "../../src/base/random.ts";
import { memberOfLine, parseServerLine, type ServerLine } from "../../src/base/server-line.ts";
import { bytesOf } from "../../src/base/text.ts";
import { encodeRaiseLevel } from "../../src/state/feature-level.ts";
import { NOWHERE } from "../../src/state/fields.ts";
import {
  type ChangeStep,
  encodeChange,
  encodeGiveUp,
  type MembershipChange,
} from "../../src/state/membership/commands.ts";
import * as descriptions from "../../src/state/membership/description.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { restored, snapshotOf, World } from "./world.ts";

function member(id: number, more: Partial<Member> = {}): Member {
  return {
    id,
    wantedRole: "voter",
    name: "",
    peers: [{ host: `h${id}`, port: 2888, electionPort: 3888 }],
    doors: [{ door: "zookeeper", plain: { host: null, port: 2181 }, secure: null }],
    notes: [],
    ...more,
  };
}

const three = [member(1), member(2), member(3)];

let world: World;
let membership: MembershipModel;
let told: string[];

function configure(members: readonly Member[], joint = false): void {
  const level = world.machine.level;
  const records = members.map((each) => {
    const role = each.wantedRole;
    return { id: each.id, role, description: descriptions.describe(each, level) };
  });
  world.machine.applyConfiguration(world.machine.appliedIndex + 1, records, joint);
}

/** The outcome as text. */
function change(steps: readonly ChangeStep[], version: number | null = null): string {
  return outcomeOf((writer) => encodeChange(writer, { version, steps }));
}

function outcomeOf(encode: (writer: ByteWriter) => void): string {
  const outcome = world.one(encode) as { readonly kind: string; readonly code?: string };
  return outcome.kind === "rejected" ? outcome.code! : outcome.kind;
}

const ids = (members: readonly Member[] | undefined): string =>
  (members ?? []).map(({ id, wantedRole }) => `${id} ${wantedRole}`).join(", ");

beforeEach(() => {
  world = new World();
  membership = world.machine.model(MembershipModel);
  told = [];
  membership.events.add({
    onChangeEnded: (id, end) => told.push(`${id} ${end.kind === "given-up" ? end.code : end.kind}`),
  });
  configure(three);
  world.one((writer) => encodeRaiseLevel(writer, 1));
  told = [];
});

describe("a change of the membership", () => {
  test("below its feature level is refused, whatever it asks for", () => {
    world = new World();
    configure(three);
    assert.equal(change([{ kind: "add", member: member(4) }]), "feature-level");
    assert.equal(world.machine.model(MembershipModel).pending, null);
  });

  test("pends until a complete configuration is what it asked for, and is told with the number of its command", () => {
    assert.equal(change([{ kind: "add", member: member(4) }]), "changing");
    const id = world.machine.sequence;
    assert.deepEqual(
      [membership.pending?.id, ids(membership.pending?.members)],
      [id, "1 voter, 2 voter, 3 voter, 4 voter"],
    );
    configure([...three, member(4)], true);
    assert.deepEqual([ids(membership.shown), told], [ids(three), []], "what is passed through is shown to nobody");
    configure([...three, member(4)]);
    assert.deepEqual(told, [`${id} in-force`]);
    assert.equal(membership.pending, null);
    assert.deepEqual([membership.version, world.machine.sequence], [id + 1, id + 1]);
    assert.match(world.tree.node("/zookeeper/config")!.data!, /server\.4=h4:2888:3888:participant;0\.0\.0\.0:2181\n/);
  });

  test("adds, describes, removes and promotes only who is there, or is not, as it says", () => {
    const learner = member(4, { wantedRole: "learner" });
    assert.equal(change([{ kind: "add", member: member(3) }]), "member-exists");
    assert.equal(change([{ kind: "describe", member: learner }]), "no-member");
    assert.equal(change([{ kind: "remove", id: 4 }]), "no-member");
    assert.equal(change([{ kind: "promote", id: 4 }]), "no-member");
    assert.equal(
      change([
        { kind: "add", member: learner },
        { kind: "promote", id: 4 },
        { kind: "remove", id: 1 },
      ]),
      "changing",
    );
    assert.equal(ids(membership.pending?.members), "2 voter, 3 voter, 4 voter");
  });

  test("may say the whole target", () => {
    const steps = [member(5), member(2)].map((each): ChangeStep => ({ kind: "put", member: each }));
    assert.equal(change([{ kind: "clear" }, ...steps]), "changing");
    assert.equal(ids(membership.pending?.members), "2 voter, 5 voter");
  });

  test("is refused where it leaves no voter, names a place that another has, or a member without one", () => {
    assert.equal(change([{ kind: "clear" }]), "no-voters");
    assert.equal(change(three.map(({ id }) => ({ kind: "remove", id }))), "no-voters");
    assert.equal(change([{ kind: "add", member: member(4, { peers: three[0]!.peers }) }]), "place-taken");
    assert.equal(
      change([
        { kind: "remove", id: 1 },
        { kind: "add", member: member(4, { peers: three[0]!.peers }) },
      ]),
      "changing",
    );
    world.one((writer) => encodeGiveUp(writer, world.machine.sequence));
    assert.equal(change([{ kind: "add", member: member(4, { peers: [] }) }]), "bad-arguments");
    assert.equal(membership.pending, null);
  });

  test("builds on the version that it names, and only one is pending, whoever asked", () => {
    assert.equal(change([{ kind: "remove", id: 3 }], membership.version + 1), "bad-version");
    assert.equal(change([{ kind: "remove", id: 3 }], membership.version), "changing");
    assert.equal(change([{ kind: "remove", id: 2 }]), "change-in-progress");
    world.policy = { reconfig: true, skipAcl: true };
    assert.deepEqual(world.reconfig({ leaving: "2" }), { kind: "rejected", code: "reconfig-in-progress" });
  });

  test("that is given up leaves what is, and the next may come", () => {
    change([{ kind: "remove", id: 3 }]);
    const id = world.machine.sequence;
    assert.equal(
      outcomeOf((writer) => encodeGiveUp(writer, id - 1)),
      "done",
      "another one's end",
    );
    assert.deepEqual(told, []);
    outcomeOf((writer) => encodeGiveUp(writer, id));
    assert.deepEqual(told, [`${id} new-configuration-no-quorum`]);
    assert.equal(change([{ kind: "remove", id: 3 }]), "changing");
  });

  test("to what already is so ends at once, behind its outcome", () => {
    assert.equal(change([{ kind: "put", member: member(3) }]), "changing");
    assert.deepEqual(told, [`${world.machine.sequence} in-force`]);
    assert.equal(membership.version, world.machine.sequence);
  });

  test("by a line of ZooKeeper's that makes a member's description too long is refused", () => {
    const known = member(3, { notes: [{ key: "k", value: "x".repeat(14_000) }] });
    configure([...three.slice(0, 2), known]);
    world.policy = { reconfig: true, skipAcl: true };
    const long = Array.from({ length: 400 }, (_, i) => `a${i}:1:2`).join("|");
    assert.deepEqual(world.reconfig({ joining: `server.3=${long};2181` }), { kind: "rejected", code: "bad-arguments" });
    assert.equal(membership.pending, null);
    assert.deepEqual(world.reconfig({ joining: "server.3=a1:1:2;2181" }).kind, "reconfiguring");
  });

  test("is refused where the descriptions of all members are more than a snapshot's header carries twice", () => {
    const large = (id: number, text: string) => member(id, { notes: [{ key: "k", value: text.repeat(16_000) }] });
    // Each takes 16 KB of the bound, or twice as much where its bytes take two in the log.
    for (const [text, most] of [
      ["x", 98],
      ["\u00ff", 49],
    ] as const) {
      const others = Array.from({ length: most }, (_, i) => large(i + 4, text));
      configure([...three, ...others.slice(0, -1)]);
      assert.equal(change([{ kind: "add", member: others.at(-1)! }]), "changing");
      const configuration = world.machine.sequence;
      world.one((writer) => encodeGiveUp(writer, configuration));
      configure([...three, ...others]);
      assert.equal(change([{ kind: "add", member: large(200, text) }]), "descriptions-too-long");
      world.policy = { reconfig: true, skipAcl: true };
      assert.equal(membership.pending, null);
      const records = [...three, ...others].map((each) => {
        return {
          id: each.id,
          role: "voter",
          incarnation: 2 ** 47,
          description: descriptions.describe(each, 1),
        } as const;
      });
      const meta = { index: 1, term: 1, configuration: { cluster: 1, members: records, outgoing: records } };
      assert.ok(encodeSnapshotHeader({ member: 1, incarnation: 1 }, 1, meta).length <= SNAPSHOT_HEADER_BYTES_MAX);
    }
  });

  test("never is too long by server lines alone: older programs took them all", () => {
    const line = `server.1=${Array.from({ length: 679 }, () => "a:1:2").join("|")};1`;
    const longest = memberOfLine(1, parseServerLine(line.slice("server.1=".length)) as ServerLine);
    const all = Array.from({ length: 255 }, (_, i) => ({ ...longest, id: i + 1 }));
    assert.equal(descriptions.canBeMembers(all), true);
  });

  test("by a line of ZooKeeper's keeps what a line cannot say", () => {
    const doors = [{ door: "etcd", plain: { host: "h4", port: 2379 }, secure: null }, ...member(4).doors];
    const known = member(4, { name: "four", doors, notes: [{ key: "rack", value: "9" }] });
    configure([...three, known]);
    world.policy = { reconfig: true, skipAcl: true };
    world.reconfig({ joining: "server.4=h4:2888:3888:observer;2182" });
    const wanted = membership.pending!.members[3]!;
    assert.deepEqual([wanted.wantedRole, wanted.name, wanted.notes], ["learner", "four", known.notes]);
    assert.deepEqual(wanted.doors, [doors[0], { door: "zookeeper", plain: { host: null, port: 2182 }, secure: null }]);
  });

  test("of a member that stands alone is refused: it is no ensemble", () => {
    world = new World();
    membership = world.machine.model(MembershipModel);
    world.machine.applyConfiguration(1, [{ id: 1, role: "voter", description: "" }], false);
    world.one((writer) => encodeRaiseLevel(writer, 1));
    assert.equal(change([{ kind: "add", member: member(2) }]), "standalone");
  });
});

describe("a snapshot", () => {
  test("holds the pending change, at level 0 in lines and at level 1 as it is", () => {
    change([{ kind: "add", member: member(4, { name: "four" }) }]);
    for (const { machine } of [restored(snapshotOf(world.machine))]) {
      assert.deepEqual(machine.model(MembershipModel).pending, membership.pending);
      assert.equal(machine.hash(), world.machine.hash());
    }
    world = new World();
    configure(three);
    world.policy = { reconfig: true, skipAcl: true };
    world.reconfig({ leaving: "3" });
    const { machine } = restored(snapshotOf(world.machine));
    assert.equal(machine.level, 0);
    assert.deepEqual(machine.model(MembershipModel).pending, world.machine.model(MembershipModel).pending);
    assert.equal(machine.hash(), world.machine.hash());
  });
});

describe("descriptions", () => {
  test("that cannot be read are of a voter that nobody reaches, and nothing is thrown", () => {
    const whole = descriptions.describe(member(1, { name: "one", notes: [{ key: "a", value: "b" }] }), 1);
    for (let end = 1; end < whole.length; end++) {
      assert.deepEqual(descriptions.memberDescribed(1, whole.slice(0, end)).peers, [], `${end} bytes`);
    }
    const random = seededRandom(7);
    for (let round = 0; round < 2000; round++) {
      const bytes = bytesOf(whole);
      bytes[1 + random.below(bytes.length - 1)] = random.below(256);
      const read = descriptions.memberDescribed(1, String.fromCharCode(...bytes));
      assert.deepEqual(
        descriptions.memberDescribed(1, descriptions.describe(read, 1)),
        read,
        "what is read is written back",
      );
    }
  });

  test("of one level are changed to the next without a change that anybody sees", () => {
    const { sequence } = world.machine;
    const before = membership.shown;
    configure(three);
    assert.deepEqual([membership.shown, world.machine.sequence], [before, sequence]);
    const lines = before.map((each) => ({
      id: each.id,
      role: "voter" as const,
      description: descriptions.describe(each, 0),
    }));
    world.machine.applyConfiguration(world.machine.appliedIndex + 1, lines, false);
    assert.equal(world.machine.sequence, sequence);
    assert.deepEqual(told, []);
    assert.ok(
      lines.every(
        ({ description }) => descriptions.isOfOlderForm(description, 1) && !descriptions.isOfOlderForm(description, 0),
      ),
    );
  });
});

test("the fields of a change end where they end: whatever is cut off or changed is told before anything is applied", () => {
  const steps: readonly ChangeStep[] = [
    { kind: "clear" },
    { kind: "add", member: member(4) },
    { kind: "remove", id: 4 },
    { kind: "put", member: member(5) },
    { kind: "promote", id: 5 },
  ];
  const whole: MembershipChange = { version: 3, steps };
  const writer = new ByteWriter();
  encodeChange(writer, whole);
  const bytes = writer.copy();
  assert.equal(membership.endOfCommand(bytes, 0, bytes.length), bytes.length);
  for (let end = 2; end < bytes.length; end++) assert.equal(membership.endOfCommand(bytes, 0, end), NOWHERE, `${end}`);
  const random = seededRandom(11);
  for (let round = 0; round < 3000; round++) {
    const changed = bytes.slice();
    changed[2 + random.below(bytes.length - 2)] = random.below(256);
    if (membership.endOfCommand(changed, 0, changed.length) !== changed.length) continue;
    world.one((each) => each.raw(changed)); // it is carried out or refused, and breaks nothing
    world.machine.checkInvariants();
  }
});
