// What the doctor finds: nothing in a healthy cluster, and each ailment with its remedy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsIn, syncSecondsIn } from "../../src/cli/doctor.ts";
import { type Checkup, findingsOf } from "../../src/cli/findings.ts";
import type { MemberReport } from "../../src/management/report.ts";

const voter = (id: number) => ({
  id,
  role: "voter",
  wantedRole: "voter",
  name: "",
  counts: true,
  peers: [],
  clients: [],
});
const members = [1, 2, 3].map(voter);
const followers = [2, 3].map((id) => ({ id, matchIndex: 100, active: true }));

function report(id: number, changes: Partial<MemberReport> = {}): MemberReport {
  const healthy: Partial<MemberReport> = {
    ...{ version: "1.0.0", id, pid: 1, mode: "ensemble", role: id === 1 ? "leader" : "follower", term: 3, leader: 1 },
    ...{
      hasQuorum: true,
      commitIndex: 100,
      appliedIndex: 100,
      lastIndex: 100,
      snapshotIndex: 0,
      sequence: 100,
      level: 1,
    },
    ...{
      joint: false,
      members,
      followers: id === 1 ? followers : [],
      doors: [],
      logBytes: 0,
      diskBytes: 0,
      diskFull: false,
    },
  };
  return { ...healthy, ...changes } as MemberReport;
}

function checkup(id: number, changes: Partial<MemberReport> = {}, more: Partial<Checkup> = {}): Checkup {
  const known = { address: `m${id}:8080`, expected: null, reason: "", metrics: new Map(), syncSeconds: 0.004 };
  return { ...known, clockSeconds: 0.4, closedPorts: [], report: report(id, changes), ...more };
}

function told(...checkups: readonly Checkup[]): string {
  return findingsOf(checkups)
    .map(({ severity, member, what, remedy }) => {
      assert.ok(remedy.length > 10, what);
      return `${severity} ${member ?? "all"}: ${what}`;
    })
    .join("\n");
}

const [one, two, three] = [checkup(1), checkup(2), checkup(3)];

test("nothing is wrong with three members that are well", () => {
  assert.equal(told(one, two, three), "");
});

test("the cluster: no quorum, an even number of voters, versions side by side, nobody there", () => {
  const lonely = (id: number) => checkup(id, { hasQuorum: false, role: "follower", followers: [] });
  assert.match(told(lonely(1), lonely(2)), /^problem all: no quorum[\s\S]*problem 1: it hears no leader/);
  assert.match(
    told(checkup(1, { members: [1, 2].map(voter) }), two),
    /warning all: 2 voters survive no more losses than 1/,
  );
  assert.match(told(one, checkup(2, { version: "1.1.0" }), three), /warning all: versions 1\.0\.0 and 1\.1\.0/);
  assert.match(told(checkup(1, { joint: true }), two, three), /warning all: a change of the members/);
  const nobody = { ...one, report: null, reason: "nobody listens there" };
  assert.equal(told(nobody), "problem all: no member is reached (m1:8080: nobody listens there)");
});

test("a member: away, unheard, behind, full, without its data", () => {
  const away = { ...three, report: null, reason: "nobody listens there", expected: 3 };
  const unheard = checkup(1, { followers: [followers[0]!, { ...followers[1]!, active: false }] });
  assert.match(
    told(unheard, two, away),
    /problem 3: the leader does not hear it[\s\S]*problem 3: its management port m3:8080/,
  );
  assert.match(told(one, two, away), /^warning 3: its management port/);
  assert.match(told(one, two, checkup(3, { appliedIndex: -950 })), /^warning 3: it is 1050 entries behind$/);
  assert.match(told(one, two, checkup(3, { diskFull: true })), /^problem 3: its disk is full/);
  const lost = members.map((member) => (member.id === 2 ? { ...member, counts: false } : member));
  assert.match(told(checkup(1, { members: lost }), two, three), /^problem 2: it is a voter that does not count/);
});

test("a machine: slow disk, held-up loop, few descriptors left, a wrong clock, a closed port", () => {
  const metrics = new Map([
    ["process_open_fds", 900],
    ["process_max_fds", 1000],
    ["nodejs_eventloop_lag_p99_seconds", 0.25],
  ]);
  const ill = checkup(3, {}, { metrics, syncSeconds: 0.256, clockSeconds: -60, closedPorts: ["m3:2181"] });
  const lines = told(one, two, ill).split("\n");
  assert.equal(lines.length, 5);
  for (const word of ["1 sync of its log in 100", "0.25 s", "900 of 1000 file", "60 s behind", "m3:2181"])
    assert.ok(
      lines.some((line) => line.startsWith("warning 3") && line.includes(word)),
      word,
    );
});

test("metrics are read from Prometheus's text", () => {
  const text = [
    "# TYPE a counter",
    'a{x="1"} 4',
    'a{x="2"} 7',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 90',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.128"} 99',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 100',
  ].join("\n");
  assert.equal(metricsIn(text).get("a"), 7);
  assert.equal(syncSecondsIn(text), 0.128);
  assert.equal(syncSecondsIn(""), null);
});
