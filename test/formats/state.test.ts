// The bytes of commands, batches and snapshots of the state, and what they mean: those of this version and of earlier ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import type { Member } from "../../src/base/member.ts";
import { lineOfMember } from "../../src/base/server-line.ts";
import { byteString, bytesOf } from "../../src/base/text.ts";
import { readBatchHeader } from "../../src/state/batch.ts";
import { encodeRaiseLevel } from "../../src/state/feature-level.ts";
import {
  encodeAttachLease,
  encodeCloseLease,
  encodeExpireLeases,
  encodeGrantLease,
  encodeOpenLease,
} from "../../src/state/leases/commands.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { encodeChange, encodeGiveUp } from "../../src/state/membership/commands.ts";
import { describe, memberDescribed } from "../../src/state/membership/description.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import {
  encodeCreate,
  encodeDelete,
  encodeEndReconfig,
  encodeIdentities,
  encodeMulti,
  encodeReap,
  encodeReconfig,
  encodeSetAcl,
  encodeSetData,
} from "../../src/state/tree/commands.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { codeOf, PASSWORD, restored, snapshotOf, World } from "../state/world.ts";
import { compareWithGolden, type GoldenEntry, goldenBytes } from "./golden.ts";

type Encode = (writer: ByteWriter) => void;

const SESSION = 2 ** 45 + 1;
const who = encodeIdentities([{ scheme: "ip", id: "10.0.0.1" }], { extendedTypes: true, reconfig: true });
const acl = [{ perms: 1, scheme: "world", id: "anyone" }];
const open = [{ perms: 31, scheme: "world", id: "anyone" }];
const data = bytesOf("data");
const ANYONES = { timeoutMs: null, secret: null, isOwned: false };
const CONFIGURATION = [{ id: 1, role: "voter", description: "a:1:2:participant;0.0.0.0:3" }] as const;

/** Each kind of command, in the order in which the world below carries them out. */
const COMMANDS: readonly (readonly [title: string, encode: Encode])[] = [
  ["lease: open", (w) => encodeOpenLease(w, 4000, PASSWORD)],
  ["lease: attach", (w) => encodeAttachLease(w, SESSION, PASSWORD, 6000)],
  ["lease: attach with a password of another length", (w) => encodeAttachLease(w, SESSION, "short", 6000)],
  ["tree: create", (w) => encodeCreate(w, SESSION, who, { path: "/a", data, acl: open, mode: 0 })],
  [
    "tree: create, no data, its own list",
    (w) => encodeCreate(w, SESSION, who, { path: "/b", data: null, acl, mode: 1 }),
  ],
  [
    "tree: create with a time to live",
    (w) => encodeCreate(w, 0, who, { path: "/t", data, acl: open, mode: 5, ttl: 9 }),
  ],
  ["tree: set data", (w) => encodeSetData(w, SESSION, who, "/a", data, 0)],
  [
    "tree: multi",
    (w) =>
      encodeMulti(w, SESSION, who, [
        { kind: "check", path: "/a", version: 1 },
        { kind: "create", path: "/a2", data, acl: open, mode: 2 },
        { kind: "set-data", path: "/a", data: null, version: -1 },
        { kind: "delete", path: "/t", version: -1 },
      ]),
  ],
  ["tree: set access list", (w) => encodeSetAcl(w, SESSION, who, "/a", acl, -1)],
  ["tree: delete", (w) => encodeDelete(w, SESSION, who, "/a", -1)],
  [
    "tree: reconfigure",
    (w) => encodeReconfig(w, 0, who, { joining: "server.2=b:1:2;5", leaving: null, newMembers: null, version: -1 }),
  ],
  ["tree: reap", (w) => encodeReap(w, { path: "/gone", mzxid: 7, pzxid: 8 })],
  ["tree: end a reconfiguration", (w) => encodeEndReconfig(w, 99, "new-configuration-no-quorum")],
  ["lease: expire", (w) => encodeExpireLeases(w, [{ id: SESSION, generation: 0 }])],
  ["lease: close", (w) => encodeCloseLease(w, SESSION)],
];

const MEMBER: Member = {
  id: 7,
  wantedRole: "learner",
  name: "seven",
  peers: [
    { host: "10.0.0.7", port: 2888, electionPort: 3888 },
    { host: "fe80::7", port: 2888, electionPort: null },
  ],
  doors: [
    { door: "etcd", plain: { host: "10.0.0.7", port: 2379 }, secure: null },
    { door: "zookeeper", plain: { host: null, port: 2181 }, secure: { host: "fe80::7", port: 2281 } },
  ],
  notes: [{ key: "rack", value: "4" }],
};

/** From feature level 1 on; the command that raises it is read at any. */
const COMMANDS_1: typeof COMMANDS = [
  ["feature level: raise", (w) => encodeRaiseLevel(w, 1)],
  ["lease: grant, without clock, owner and secret", (w) => encodeGrantLease(w, ANYONES)],
  ["lease: grant, with all", (w) => encodeGrantLease(w, { timeoutMs: 2 ** 33, secret: PASSWORD, isOwned: true })],
  [
    "membership: change, of each kind of step",
    (w) =>
      encodeChange(w, {
        version: 0,
        steps: [
          { kind: "clear" },
          { kind: "add", member: MEMBER },
          { kind: "describe", member: { ...MEMBER, notes: [] } },
          {
            kind: "put",
            member: { ...MEMBER, id: 8, peers: [{ host: "h8", port: 2888, electionPort: null }], doors: [] },
          },
          { kind: "promote", id: 7 },
          { kind: "remove", id: 8 },
        ],
      }),
  ],
  ["membership: change, of any version", (w) => encodeChange(w, { version: null, steps: [] })],
  ["membership: give up", (w) => encodeGiveUp(w, 99)],
];

function bytesOfCommand(encode: Encode): Uint8Array {
  const writer = new ByteWriter(64);
  encode(writer);
  return writer.copy();
}

for (const [file, commands] of [
  ["commands.txt", COMMANDS],
  ["commands-1.txt", COMMANDS_1],
] as const) {
  test(`${file}: the bytes of commands, and what each comes to`, () => {
    const world = new World();
    world.openLease(); // SESSION
    world.machine.applyConfiguration(2, CONFIGURATION, false);
    const entries = commands.map(([title, encode]): GoldenEntry => {
      const bytes = bytesOfCommand(encode);
      return { title, bytes, meaning: [codeOf(world.one((writer) => writer.raw(bytes)))] };
    });
    compareWithGolden(file, entries);
  });
}

test("descriptions of members, in both forms: their bytes, and the members that they describe", () => {
  const line = memberDescribed(7, "10.0.0.7:2888:3888|[fe80::7]:2888:3888:observer;0.0.0.0:2181;[fe80::7]:2281");
  const cases: readonly (readonly [title: string, member: Member, level: number])[] = [
    ["description, form 0", line, 0],
    ["description, form 1, of the same", line, 1],
    ["description, form 1, with all", MEMBER, 1],
  ];
  compareWithGolden(
    "descriptions.txt",
    cases.map(([title, member, level]): GoldenEntry => {
      const description = describe(member, level);
      return { title, bytes: bytesOf(description), meaning: [JSON.stringify(memberDescribed(7, description))] };
    }),
  );
  const golden = goldenBytes("descriptions.txt");
  for (const [title, member] of cases) {
    const bytes = golden.get(title)!;
    assert.deepEqual(memberDescribed(7, byteString(bytes, 0, bytes.length)), member, title);
  }
});

test("a batch: its header, and the commands behind it", () => {
  const world = new World();
  world.member = 3;
  world.run = 1_700_000_000_001;
  const bytes = world.batchNumbered(7, COMMANDS[0]![1], COMMANDS[3]![1]);
  const { time, member, run, sequence } = readBatchHeader(new ByteReader(bytes));
  const meaning = [`time ${time}, member ${member}, run ${run}, sequence ${sequence}`];
  compareWithGolden("batch.txt", [{ title: "batch, format 2", bytes, meaning }]);
});

/** A state with each kind of record. */
function smallWorld(): World {
  const world = new World();
  world.machine.applyConfiguration(1, CONFIGURATION, false);
  world.policy = { extendedTypes: true, reconfig: true };
  world.session = world.openLease();
  world.create("/d", { data: "directory" });
  world.create("/d/n-", { mode: 3, data: "ephemeral" });
  world.create("/container", { mode: 4, data: null });
  world.create("/ttl", { mode: 5, ttl: 1000 });
  world.set("/ttl", "changed");
  world.identities = [{ scheme: "super", id: "" }];
  world.setAcl("/ttl", acl);
  world.member = 2;
  world.attachLease(world.session, PASSWORD, 5000);
  world.reconfig({ joining: "server.2=b:1:2;5" });
  return world;
}

/** All that a state is, as text. */
function meaningOf({ machine }: { machine: World["machine"] }): string[] {
  const { tree } = machine.model(TreeModel);
  const lines = [`position ${machine.sequence} ${machine.time} ${machine.appliedIndex}`];
  if (machine.level > 0) lines.push(`feature level ${machine.level}`);
  for (const member of [1, 2]) {
    lines.push(`member ${member}: run ${machine.latestRun(member)}, last ${machine.lastSequence(member, 1)}`);
  }
  for (const { id, timeoutMs, secret, owner, generation } of machine.model(Leases)) {
    const served = owner === null ? "any member" : `${owner.member}.${owner.run}`;
    lines.push(`lease ${id}: ${timeoutMs} ms, secret ${secret}, served by ${served}, generation ${generation}`);
  }
  const { members, shown, version, pending } = machine.model(MembershipModel);
  const listOf = machine.level > 0 ? describedList : lineList;
  lines.push(`shown ${listOf(shown)}, version ${version}`);
  lines.push(`members ${listOf(members)}`);
  if (pending !== null) lines.push(`pending since ${pending.id}: ${listOf(pending.members)}`);
  const paths = [...tree.nodes].map(({ path }) => path).sort();
  for (const path of paths) {
    const node = tree.node(path)!;
    const { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, data } = node;
    const kind = tree.isContainer(node) ? ", container" : tree.ttlOf(node) > 0 ? `, ttl ${tree.ttlOf(node)}` : "";
    lines.push(
      `${path} ${JSON.stringify(data)}: zxids ${czxid} ${mzxid} ${pzxid}, times ${ctime} ${mtime}, ` +
        `versions ${version} ${cversion} ${aversion}, owner ${ephemeralOwner}${kind}, ${JSON.stringify(node.acl)}`,
    );
  }
  return lines;
}

function describedList(members: readonly Member[]): string {
  return members.map((member) => JSON.stringify(member)).join(", ");
}

function lineList(members: readonly Member[]): string {
  return members.map((member) => `${member.id} ${lineOfMember(member).role} ${describe(member, 0)}`).join(", ");
}

test("a snapshot of format 3, from feature level 1 on: the same, and what is in sections", () => {
  const world = smallWorld();
  for (const [, encode] of COMMANDS_1) world.one(encode);
  const described = {
    id: 1,
    role: "voter",
    description: describe({ ...MEMBER, id: 1, wantedRole: "voter" }, 1),
  } as const;
  world.machine.applyConfiguration(world.machine.appliedIndex + 1, [described], false);
  const bytes = snapshotOf(world.machine, 100);
  compareWithGolden("snapshot-3.txt", [{ title: "snapshot, format 3", bytes, meaning: meaningOf(world) }]);
  const golden = goldenBytes("snapshot-3.txt").get("snapshot, format 3")!;
  assert.deepEqual(meaningOf(restored(golden)), meaningOf(world));
});

test("a snapshot of format 2: its bytes, and the state that they are", () => {
  const world = smallWorld();
  const bytes = snapshotOf(world.machine, 100);
  compareWithGolden("snapshot-2.txt", [{ title: "snapshot, format 2", bytes, meaning: meaningOf(world) }]);
  const golden = goldenBytes("snapshot-2.txt").get("snapshot, format 2")!;
  assert.deepEqual(meaningOf(restored(golden)), meaningOf(world));
});
