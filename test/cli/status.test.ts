import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { describe, test } from "node:test";
import { type Answer, askMember, parseAddress } from "../../src/cli/ask-member.ts";
import { othersOf } from "../../src/cli/follow-members.ts";
import { bytesText, clusterView, statusText } from "../../src/cli/status.ts";
import type { MemberReport } from "../../src/management/report.ts";
import { Stalls } from "../support/stalls.ts";

function report(id: number, changes: Partial<MemberReport> = {}): MemberReport {
  return {
    version: "0.1.0",
    id,
    pid: 1,
    mode: "ensemble",
    role: "follower",
    term: 3,
    leader: 1,
    hasQuorum: true,
    commitIndex: 100,
    appliedIndex: 100,
    lastIndex: 100,
    snapshotIndex: 0,
    sequence: 100,
    level: 1,
    joint: false,
    members: [],
    followers: [],
    doors: [
      {
        name: "zookeeper",
        kind: "zookeeper",
        ports: ["*:2181"],
        pages: "/commands",
        serving: true,
        readOnly: false,
        connections: 2,
        outstanding: 0,
        counts: { sessions: 4, watches: 9, znodes: 12 },
      },
    ],
    logBytes: 10,
    diskBytes: 3 * 1024 ** 2,
    diskFull: false,
    uptimeMs: 1000,
    ...changes,
  };
}

const addresses = [2181, 2182, 2183].map((port) => ({ host: "127.0.0.1", port }));
const view = (...answers: (MemberReport | null)[]) =>
  clusterView(
    addresses,
    answers.map(
      (one): Answer =>
        one === null ? { kind: "failed", reason: "nobody listens there" } : { kind: "report", report: one },
    ),
  );

describe("what the members say together", () => {
  test("a leader and those who follow it are a quorum; lag is what a member has yet to apply", () => {
    const cluster = view(
      report(1, { role: "leader", commitIndex: 105, appliedIndex: 105 }),
      report(2),
      report(3, { appliedIndex: 90 }),
    );
    assert.equal(cluster.hasQuorum, true);
    assert.equal(cluster.leader, 1);
    assert.deepEqual(
      cluster.members.map((member) => ("lag" in member ? member.lag : null)),
      [0, 5, 15],
    );
  });

  test("a leader that was cut off in an older term does not make a quorum", () => {
    const cluster = view(report(1, { role: "leader", term: 2 }), report(2, { hasQuorum: false, leader: null }), null);
    assert.equal(cluster.hasQuorum, false);
    assert.equal(cluster.leader, null);
  });

  test("a follower that hears its leader knows of a quorum, though the leader was not asked", () => {
    const cluster = view(null, report(2), null);
    assert.deepEqual([cluster.hasQuorum, cluster.leader], [true, 1]);
  });

  test("nobody there: no quorum", () => {
    assert.equal(view(null, null, null).hasQuorum, false);
  });

  test("the table, to the letter", () => {
    const cluster = view(report(1, { role: "leader" }), null, report(3, { hasQuorum: false, diskFull: true }));
    assert.equal(
      statusText(cluster),
      `MEMBER  ADDRESS         ROLE             TERM  COMMIT  APPLIED  LAG  SESSIONS  WATCHES  ZNODES          DISK  VERSION
1       127.0.0.1:2181  leader              3     100      100    0         4        9      12       3.0 MiB  0.1.0
?       127.0.0.1:2182  down: nobody listens there
3       127.0.0.1:2183  follower, alone     3     100      100    0         4        9      12  3.0 MiB FULL  0.1.0

member 1 leads
`,
    );
    assert.match(statusText(view(null, null, null)), /\nno quorum: nothing can be written\n$/);
  });

  test("bytes for people", () => {
    assert.deepEqual([0, 1023, 1536, 150 * 1024, 5 * 1024 ** 3].map(bytesText), [
      "0 B",
      "1023 B",
      "1.5 KiB",
      "150 KiB",
      "5.0 GiB",
    ]);
  });
});

describe("from one member to the others", () => {
  const member = (id: number, peer: string, client: string | null) => ({
    id,
    role: "voter",
    wantedRole: "voter",
    name: "",
    counts: true,
    peers: [peer],
    clients: client === null ? [] : [{ door: "zookeeper", plain: client, secure: null }],
  });

  test("each on its own machine: the same port there", () => {
    const members = [1, 2, 3].map((id) => member(id, `zoo${id}:2888`, "0.0.0.0:2181"));
    assert.deepEqual(othersOf({ host: "zoo1", port: 9090 }, report(1, { members })), [
      { address: { host: "zoo2", port: 9090 }, expected: 2 },
      { address: { host: "zoo3", port: 9090 }, expected: 3 },
    ]);
  });

  test("all on one machine: as far from the client port as here", () => {
    const members = [1, 2].map((id) => member(id, `127.0.0.1:${2887 + id}`, `127.0.0.1:${2180 + id}`));
    assert.deepEqual(othersOf({ host: "127.0.0.1", port: 8081 }, report(2, { members })), [
      { address: { host: "127.0.0.1", port: 8080 }, expected: 1 },
    ]);
  });

  test("nothing known of clients: the host where members reach it", () => {
    const members = [member(1, "[::1]:2888", null), member(2, "[fe80::2]:2888", null)];
    assert.deepEqual(othersOf({ host: "::1", port: 8080 }, report(1, { members })), [
      { address: { host: "fe80::2", port: 8080 }, expected: 2 },
    ]);
  });

  test("a member that is told of and does not answer is shown, with what the leader knows of it", () => {
    const leader = report(1, { role: "leader", followers: [{ id: 3, matchIndex: 97, active: true }] });
    const none: Answer = { kind: "failed", reason: "nobody listens there" };
    const places = [addresses[0]!, addresses[1]!, addresses[2]!];
    const text = statusText(clusterView(places, [{ kind: "report", report: leader }, none, none], [null, 2, 3]));
    assert.match(text, /^2 +127\.0\.0\.1:2182 +down: nobody listens there$/m);
    assert.match(text, /^3 +127\.0\.0\.1:2183 +the leader hears it, 3 entries behind; its management port: nobody/m);
  });
});

describe("asking a member", () => {
  const NO_MEMBER = "answers, but not as a member's management port (admin.serverPort) does";
  const page = (text: string) =>
    `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`;

  async function listening(answer: ((request: string) => string) | null): Promise<{ server: Server; port: number }> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (request) => {
        if (answer !== null) socket.end(answer(request.toString("latin1")));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, port: (server.address() as { port: number }).port };
  }

  test("it is asked by its page /status, and its report is taken", async () => {
    const { server, port } = await listening((request) =>
      page(request.startsWith("GET /status ") ? JSON.stringify(report(7)) : "?"),
    );
    const answer = await askMember({ host: "127.0.0.1", port }, 2000);
    assert.equal(answer.kind === "report" && answer.report.id, 7);
    server.close();
  });

  test("it may be asked by any name: that is refused to pages in browsers alone", async () => {
    const { server, port } = await listening((request) =>
      page(/\r\nhost: localhost\r\n/i.test(request) ? JSON.stringify(report(7)) : "?"),
    );
    assert.equal((await askMember({ host: "127.1", port }, 2000)).kind, "report");
    server.close();
  });

  test("whoever answers otherwise is no member", async () => {
    for (const text of [
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
      "HTTP/1.1 nonsense\r\n\r\n",
      "imok",
      page(""),
      page("42"),
      page("null"),
      page('{"id":1}'),
    ]) {
      const { server, port } = await listening(() => text);
      const answer = await askMember({ host: "127.0.0.1", port }, 2000);
      assert.deepEqual(answer, { kind: "failed", reason: NO_MEMBER }, text);
      server.close();
    }
  });

  test("who does not answer in time, or at all, is told of so", async () => {
    const { server, port } = await listening(null);
    using stalls = new Stalls();
    const begun = performance.now();
    assert.deepEqual(await askMember({ host: "127.0.0.1", port }, 100), {
      kind: "failed",
      reason: "no answer within 0.1 s",
    });
    assert.ok(performance.now() - begun < 1500 + stalls.allowanceMs);
    server.close();
    await once(server, "close");
    assert.deepEqual(await askMember({ host: "127.0.0.1", port }, 2000), {
      kind: "failed",
      reason: "nobody listens there",
    });
  });

  test("who answers without end is cut off long before the deadline", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const more = (): void => {
        if (!socket.destroyed) socket.write("x".repeat(64 << 10), () => setImmediate(more));
      };
      more();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const answer = await askMember({ host: "127.0.0.1", port: (server.address() as { port: number }).port }, 4000);
    assert.deepEqual(answer, { kind: "failed", reason: NO_MEMBER });
    server.close();
  });
});

test("addresses: host and port, a host alone, IPv6 in brackets; nothing else", () => {
  assert.deepEqual(parseAddress("zoo1:2281"), { host: "zoo1", port: 2281 });
  assert.deepEqual(parseAddress("zoo1"), { host: "zoo1", port: 8080 });
  assert.deepEqual(parseAddress("[::1]:2281"), { host: "::1", port: 2281 });
  for (const text of ["", ":2181", "a:b:c", "zoo1:0", "zoo1:65536", "zoo1:x", "[::1"])
    assert.equal(parseAddress(text), null, text);
});
