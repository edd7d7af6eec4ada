// Clients take these answers to pieces: each test holds one to what its known readers expect.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AdminAnswer, adminCommandNamed } from "../../../src/protocols/zookeeper/admin-commands.ts";
import type { MemberReport } from "../../../src/protocols/zookeeper/admin-member-report.ts";
import {
  answerFourLetterWord,
  fourLetterWords,
  isFourLetterWord,
} from "../../../src/protocols/zookeeper/four-letter-words.ts";
import { OPERATOR_REPLY_BYTES_MAX } from "../../../src/protocols/zookeeper/limits.ts";
import { connection, contextOf, stats, traffic, watcher } from "./fakes.ts";

const ALL = "conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs".split(" ");
const ask = (word: string, context = contextOf()) => answerFourLetterWord(context, word);
const version = String.raw`3\.9\.4-cabildo-[\d.]+, built on \d\d/\d\d/\d{4} \d\d:\d\d UTC`;

describe("which words are answered", () => {
  test("all of ZooKeeper's, and ours", () => {
    for (const word of [...ALL, "memb"]) assert.ok(isFourLetterWord(word), word);
    for (const word of ["abcd", "RUOK", "", "toString", "memb "]) assert.ok(!isFourLetterWord(word), word);
  });

  test("one that the whitelist does not name is refused in ZooKeeper's words; memb is always answered", () => {
    const context = contextOf({ settings: { words: new Set(["srvr"]) } });
    for (const word of ALL.filter((name) => name !== "srvr")) {
      assert.equal(ask(word, context), `${word} is not executed because it is not in the whitelist.\n`);
    }
    assert.match(ask("srvr", context), /^Zookeeper version/);
    assert.match(ask("memb", context), /^\{"version"/);
  });

  test("while clients are not served most say so; some answer all the same", () => {
    const context = contextOf({ stats: stats({ isServing: false }) });
    const silent = "conf cons crst dirs dump mntr srst srvr stat wchc wchp wchs".split(" ");
    for (const word of silent)
      assert.equal(ask(word, context), "This ZooKeeper instance is not currently serving requests\n");
    assert.equal(ask("ruok", context), "imok");
    assert.equal(ask("isro", context), "null");
    assert.match(ask("envi", context), /^Environment:\n/);
  });

  test("before there is anything to tell, a word is answered, and what is none is not", () => {
    const replies: string[] = [];
    const handler = fourLetterWords(() => null);
    assert.equal(
      handler("srvr", (text) => replies.push(text)),
      true,
    );
    assert.equal(
      handler("abcd", (text) => replies.push(text)),
      false,
    );
    assert.deepEqual(replies, ["This ZooKeeper instance is not currently serving requests\n"]);
  });
});

describe("formats", () => {
  test("srvr, as zkServer.sh and the Go client cut it", () => {
    const text = ask("srvr");
    assert.match(
      text,
      new RegExp(
        `^Zookeeper version: ${version}\nLatency min/avg/max: 0/1\\.6/4\nReceived: 120\nSent: 119\nConnections: 1\n` +
          "Outstanding: 2\nZxid: 0x2a\nMode: leader\nNode count: 5\nProposal sizes last/min/max: 300/80/4000\n$",
      ),
    );
  });

  test("a whole number of milliseconds on average still has its decimal point", () => {
    assert.match(
      ask("srvr", contextOf({ stats: stats({ latency: { count: 0, last: 0, min: 0, max: 0, average: 0 } }) })),
      /avg\/max: 0\/0\.0\/0\n/,
    );
  });

  test("Mode: by role, alone, or read-only", () => {
    const mode = (context: ReturnType<typeof contextOf>) => /Mode: (.*)/.exec(ask("srvr", context))?.[1];
    assert.equal(mode(contextOf()), "leader");
    for (const role of ["follower", "candidate", "pre-candidate"] as const) {
      assert.equal(mode(contextOf({ status: { role } })), "follower");
    }
    assert.equal(mode(contextOf({ status: { role: "observer" } })), "observer");
    assert.equal(mode(contextOf({ settings: { standalone: true } })), "standalone");
    const readOnly = contextOf({ stats: stats({ isReadOnly: true }) });
    assert.equal(mode(readOnly), "read-only");
    assert.match(ask("srvr", readOnly), /\nREAD-ONLY mode; serving only read-only clients\nLatency/);
  });

  test("stat lists clients briefly, an empty line, then the same as srvr", () => {
    const [head, tail] = ask("stat").split("\n\n");
    assert.match(
      head ?? "",
      new RegExp(
        `^Zookeeper version: ${version}\nClients:\n /127\\.0\\.0\\.1:40000\\[1\\]\\(queued=1,recved=12,sent=11\\)$`,
      ),
    );
    assert.match(
      tail ?? "",
      /^Latency min\/avg\/max: [\s\S]*Node count: 5\nProposal sizes last\/min\/max: 300\/80\/4000\n$/,
    );
  });

  test("cons gives each connection a line with whole numbers, then an empty line", () => {
    assert.equal(
      ask("cons"),
      " /127.0.0.1:40000[1](queued=1,recved=12,sent=11,sid=0x1000000000ab,lop=GETD,est=1699999995000,to=10000,lcxid=0xa," +
        "lzxid=0x2a,lresp=1699999999990,llat=9,minlat=0,avglat=4,maxlat=9)\n\n",
    );
  });

  test("cons: before a handshake little is known; -1 is written as Java writes it; IPv6 stands in brackets", () => {
    const connections = [
      connection({ session: { id: 0, timeoutMs: 0 }, remoteAddress: "::1", reading: false, unsentBytes: 9 }),
      connection({ traffic: traffic({ lastXid: -1, lastZxid: -1 }) }),
    ];
    const [first, second] = ask("cons", contextOf({ stats: stats({ connections }) })).split("\n");
    assert.equal(first, " /[::1]:40000[4](queued=1,recved=12,sent=11)");
    assert.match(second ?? "", /,to=10000,lzxid=0xffffffffffffffff,/);
  });

  test("mntr: a key, a tab, a value", () => {
    const lines = ask("mntr").trimEnd().split("\n");
    for (const line of lines) assert.match(line, /^zk_[a-z_0-9]+\t.+$/);
    const values = new Map(lines.map((line) => line.split("\t") as [string, string]));
    assert.match(values.get("zk_version") ?? "", new RegExp(`^${version}$`));
    const expected: Record<string, string> = {
      zk_server_state: "leader",
      zk_peer_state: "leading - broadcast",
      zk_avg_latency: "1.6",
      zk_max_latency: "4",
      zk_packets_received: "120",
      zk_num_alive_connections: "1",
      zk_outstanding_requests: "2",
      zk_znode_count: "5",
      zk_watch_count: "0",
      zk_ephemerals_count: "2",
      zk_approximate_data_size: "321",
      zk_global_sessions: "2",
      zk_uptime: "60000",
      zk_learners: "2",
      zk_synced_followers: "1",
      zk_synced_observers: "1",
      zk_pending_syncs: "2",
      zk_quorum_size: "3",
      zk_op_count_get_data: "7",
      zk_op_count_total: "12",
      zk_cnt_readlatency: "3",
      zk_auth_failed_count: "3",
    };
    for (const [key, value] of Object.entries(expected)) assert.equal(values.get(key), value, key);
  });

  test("mntr: only a leader counts followers; alone there is no peer state", () => {
    assert.doesNotMatch(ask("mntr", contextOf({ status: { role: "follower", followers: [] } })), /zk_synced_followers/);
    assert.doesNotMatch(
      ask("mntr", contextOf({ settings: { standalone: true } })),
      /zk_peer_state|zk_synced_followers/,
    );
  });

  test("envi has the version in its first lines, within one small packet, and none of the environment", () => {
    process.env["CABILDO_TEST_SECRET"] = "hunter2";
    const text = ask("envi");
    delete process.env["CABILDO_TEST_SECRET"];
    assert.match(text, /^Environment:\nzookeeper\.version=3\.9\.4-/);
    assert.ok(text.length < 2048);
    assert.doesNotMatch(text, /hunter2/);
    for (const line of text.trimEnd().split("\n").slice(1)) assert.match(line, /^[^=]+=.*$/);
  });

  test("conf: the settings, and in an ensemble the members", () => {
    assert.equal(
      ask("conf"),
      `clientPort=2181
secureClientPort=-1
dataDir=/data
dataDirSize=1000
dataLogDir=/log
dataLogSize=4096
tickTime=2000
maxClientCnxns=60
minSessionTimeout=4000
maxSessionTimeout=40000
clientPortListenBacklog=-1
serverId=1
initLimit=10
syncLimit=5
electionAlg=3
electionPort=3888
quorumPort=2888
peerType=0
membership: 
server.1=10.0.0.1:2888:3888:participant;0.0.0.0:2181
server.2=10.0.0.2:2888:3888:participant;0.0.0.0:2181
server.3=10.0.0.3:2888:3888:participant;0.0.0.0:2181
server.4=10.0.0.4:2888:3888:observer;0.0.0.0:2181
`,
    );
    assert.match(ask("conf", contextOf({ settings: { standalone: true } })), /\nserverId=0\n$/);
  });

  test("dump: sessions, the nodes they own in readable letters, and connections", () => {
    assert.equal(
      ask("dump"),
      `SessionTracker dump:
Global Sessions(2):
0xa1\t4000ms
0xb2\t10000ms
ephemeral nodes dump:
Sessions with Ephemerals (1):
0xa1:
\t/lock/a
\t/lock/bñ
Connections dump:
Connections (1):
\tip: /127.0.0.1:40000 sessionId: 0x1000000000ab
`,
    );
  });

  test("watches: in sum, by session, by path", () => {
    const served = stats();
    const [one, two] = [watcher(0xa1), watcher(0xb2)];
    served.watches.data.add("/a", one, 1);
    served.watches.data.add("/b", one, 1);
    served.watches.data.add("/a", two, 1);
    served.watches.child.add("/c", two, 1);
    const context = contextOf({ stats: served });
    assert.equal(ask("wchs", context), "2 connections watching 2 paths\nTotal watches:3\n");
    assert.equal(ask("wchc", context), "0xa1\n\t/a\n\t/b\n0xb2\n\t/a\n\n");
    assert.equal(ask("wchp", context), "/a\n\t0xa1\n\t0xb2\n/b\n\t0xa1\n\n");
  });

  test("a list that is longer than an answer may be ends there, and says so", () => {
    const served = stats();
    const crowd = watcher(0xa1);
    for (let i = 0; i < 100; i++)
      served.watches.data.add(`/${"w".repeat(OPERATOR_REPLY_BYTES_MAX / 50)}${i}`, crowd, 1);
    const context = contextOf({ stats: served });
    for (const word of ["wchc", "wchp"]) {
      const answer = ask(word, context);
      assert(answer.length <= OPERATOR_REPLY_BYTES_MAX + 100, `${word}: ${answer.length} bytes`);
      assert.match(answer, /\n… the rest is left out: an answer has \d+ bytes at most\n\n$/);
    }
    for (const name of ["wchc", "wchp"]) {
      const { fields } = adminCommandNamed(name)!.run(context, {
        parameters: new URLSearchParams(),
        body: async () => "",
      }) as AdminAnswer;
      assert.equal(fields?.["truncated"], true);
      assert(JSON.stringify(fields).length <= OPERATOR_REPLY_BYTES_MAX + 100);
    }
  });

  test("the short ones", () => {
    assert.equal(ask("ruok"), "imok");
    assert.equal(ask("isro"), "rw");
    assert.equal(ask("isro", contextOf({ stats: stats({ isReadOnly: true }) })), "ro");
    assert.equal(ask("dirs"), "datadir_size: 1000\nlogdir_size: 4096\n");
    assert.equal(ask("crst"), "Connection stats reset.\n");
    const served = stats();
    assert.equal(ask("srst", contextOf({ stats: served })), "Server stats reset.\n");
    assert.equal(served.resets, 1);
  });

  test("a leader, and nobody else, tells the sizes of its proposals, until srst", () => {
    const context = contextOf();
    assert.match(ask("srvr", context), /\nNode count: 5\nProposal sizes last\/min\/max: 300\/80\/4000\n$/);
    assert.match(ask("stat", context), /\nProposal sizes last\/min\/max: 300\/80\/4000\n$/);
    assert.doesNotMatch(ask("srvr", contextOf({ status: { role: "follower" } })), /Proposal/);
    ask("srst", context);
    assert.match(ask("srvr", context), /max: -1\/-1\/-1\n$/);
  });

  test("the trace mask is kept, by each member for itself: stmk with eight bytes sets it, gtmk gives it", () => {
    const mask = new Uint8Array([0, 0, 0, 0, 0, 0, 1, 0x32]);
    const [one, other] = [contextOf(), contextOf()];
    assert.equal(answerFourLetterWord(one, "stmk", mask), "306");
    assert.equal(answerFourLetterWord(one, "stmk", new Uint8Array(8).fill(255)), "-1");
    assert.equal(ask("gtmk", one), "-1");
    assert.equal(ask("gtmk", other), "306");
    answerFourLetterWord(one, "stmk", mask);
    assert.equal(ask("gtmk", one), "306");
  });

  test("memb is one line of JSON with all that `cabildo status` shows", () => {
    const text = ask("memb");
    assert.equal(text.indexOf("\n"), text.length - 1);
    const report = JSON.parse(text) as MemberReport;
    assert.deepEqual(
      [report.id, report.role, report.term, report.leader, report.commitIndex, report.diskBytes, report.sessions],
      [1, "leader", 7, 1, 100, 5096, 2],
    );
    assert.deepEqual(
      report.members.map(({ id, role, counts }) => [id, role, counts]),
      [
        [1, "voter", true],
        [2, "voter", true],
        [3, "voter", true],
        [4, "learner", false],
      ],
    );
  });
});
