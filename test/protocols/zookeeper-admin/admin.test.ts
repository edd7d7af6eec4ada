import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import type { HttpServer } from "../../../src/management/http-server.ts";
import type { TakenSnapshot } from "../../../src/protocols/about-member.ts";
import { AdminAccess } from "../../../src/protocols/zookeeper/admin-access.ts";
import { ADMIN_COMMANDS } from "../../../src/protocols/zookeeper/admin-commands.ts";
import type { AdminContext } from "../../../src/protocols/zookeeper/admin-context.ts";
import { GUESS_INTERVAL_MS, GUESSES_FREE } from "../../../src/protocols/zookeeper/limits.ts";
import { connection, contextOf, NOW, startAdminServer, startMetrics, stats, watcher } from "./fakes.ts";

const messages: string[] = [];
const log = {
  info: (message: string) => void messages.push(`info ${message}`),
  warn: (message: string) => void messages.push(`warn ${message}`),
  error: (message: string) => void messages.push(`error ${message}`),
};

async function serving(context: AdminContext): Promise<{ base: string; server: HttpServer }> {
  const server = await startAdminServer(context, { host: "127.0.0.1", port: 0 }, log);
  assert.ok(server);
  return { base: `http://127.0.0.1:${server.port}`, server };
}

describe("the admin server", () => {
  const context = contextOf();
  let base = "";
  let server: HttpServer;
  const json = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${base}${path}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown>, response };
  };

  before(async () => {
    ({ base, server } = await serving(context));
  });
  after(() => server.close());

  test("answers every command by each of its names, with command and error, and no more where it says so", async () => {
    for (const { names, method } of ADMIN_COMMANDS) {
      for (const name of names) {
        const { body, response } = await json(`/commands/${name}`, { method });
        assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
        assert.equal(body["command"], names[0]);
        assert.ok("error" in body, name);
      }
    }
  });

  test("has every command of ZooKeeper's", () => {
    const zooKeepers = `connection_stat_reset configuration connections hash dirs dump environment get_trace_mask
      initial_configuration is_read_only last_snapshot leader monitor observers observer_connection_stat_reset restore ruok
      server_stats set_trace_mask shed_connections snapshot stat_reset stats system_properties voting_view watches
      watches_by_path watch_summary zabstate`;
    assert.deepEqual(ADMIN_COMMANDS.map(({ names }) => names[0]!).sort(), zooKeepers.split(/\s+/).sort());
  });

  test("the fields are ZooKeeper's", async () => {
    const fields = async (name: string) => (await json(`/commands/${name}`)).body;
    assert.deepEqual(await fields("ruok"), { command: "ruok", error: null });
    assert.equal((await fields("config"))["client_port"], 2181);
    assert.deepEqual(await fields("dirs"), { command: "dirs", error: null, datadir_size: 1000, logdir_size: 4096 });
    assert.deepEqual(await fields("lead"), {
      command: "leader",
      error: null,
      is_leader: true,
      leader_id: 1,
      leader_ip: "10.0.0.1",
    });
    assert.equal((await fields("mntr"))["znode_count"], 5);
    assert.equal((await fields("mntr"))["server_state"], "leader");
    const [first] = (await fields("cons"))["connections"] as Record<string, unknown>[];
    assert.equal(first?.["session_id"], 0x1000000000ab);
    const brief = (await fields("stat"))["connections"] as Record<string, unknown>[];
    assert.equal(brief[0]?.["session_id"], undefined);
    assert.deepEqual((await fields("dump"))["session_id_to_ephemeral_paths"], { [0xa1]: ["/lock/a", "/lock/bñ"] });
    const view = (await fields("voting_view"))["current_config"] as Record<string, unknown>;
    assert.deepEqual(Object.keys(view), ["1", "2", "3"]);
    assert.deepEqual(view["2"], {
      server_addresses: ["10.0.0.2:2888"],
      election_addresses: ["10.0.0.2:3888"],
      client_address: "0.0.0.0:2181",
      learner_type: "participant",
    });
    assert.equal((await fields("obsr"))["synced_observers"], 1);
    const { zxid, timestamp } = await fields("lsnp");
    assert.deepEqual([zxid, timestamp], ["29", NOW - 1000]);
    assert.equal((await fields("zabstate"))["zabstate"], "broadcast");
  });

  test("watches by session and by path", async () => {
    context.stats.watches.data.add("/a", watcher(0xa1), 1);
    assert.deepEqual((await json("/commands/wchc")).body["session_id_to_watched_paths"], { [0xa1]: ["/a"] });
    assert.deepEqual((await json("/commands/wchp")).body["path_to_session_ids"], { "/a": [0xa1] });
    assert.equal((await json("/commands/wchs")).body["num_total_watches"], 1);
  });

  test("an unknown command is an error in a good answer, as ZooKeeper has it; names of JavaScript's are unknown", async () => {
    for (const name of ["nope", "__proto__", "constructor"]) {
      const { status, body } = await json(`/commands/${name}`);
      assert.equal(status, 200);
      assert.equal(body["error"], `Unknown command: ${name}`);
    }
  });

  test("the trace mask must be a number", async () => {
    const set = (query: string) => json(`/commands/stmk${query}`, { method: "POST" });
    assert.match(String((await set("")).body["error"]), /requires long traceMask/);
    assert.match(String((await set("?traceMask=x")).body["error"]), /got x/);
    assert.equal((await set("?traceMask=306")).body["tracemask"], 306);
  });

  test("the list of commands, the metrics and the two health checks stand at their paths; nothing else does", async () => {
    assert.match(await (await fetch(`${base}/commands`)).text(), /<a href="\/commands\/ruok">ruok<\/a>/);
    assert.match(await (await fetch(`${base}/metrics`)).text(), /\nznode_count 5\n/);
    assert.equal((await fetch(`${base}/livez`)).status, 200);
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
    assert.equal((await fetch(`${base}/`)).status, 404);
    assert.equal((await fetch(`${base}/commandsruok`)).status, 404);
    assert.equal((await fetch(`${base}/commands/ruok`, { method: "DELETE" })).status, 405);
    assert.equal((await json("/commands/ruok", { method: "POST" })).status, 405);
    assert.equal((await json("/commands/restore")).status, 405);
  });

  test("what is not HTTP, or too long, is answered or closed, and others are served on", async () => {
    for (const bytes of [
      "\0\0\0\x2c\0\0",
      "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
      `GET /${"a".repeat(70_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      socket.end(bytes);
      await once(socket, "close");
    }
    assert.equal((await json("/commands/ruok")).status, 200);
  });

  test("while clients are not served, commands say so, and the member is not ready", async () => {
    context.stats.isServing = false;
    assert.match(String((await json("/commands/srvr")).body["error"]), /not currently serving requests/);
    assert.equal((await json("/commands/envi")).body["error"], null);
    assert.equal((await fetch(`${base}/readyz`)).status, 503);
    context.stats.isServing = true;
  });
});

describe("the guarded commands", () => {
  const secret = new TextEncoder().encode("the whole state");
  const granted = [{ perms: 31, scheme: "digest", id: "root:J1scEM42CKaLPP5+ElgpgGsuONg=" }];
  const guarded = (rootAcl = granted) => {
    const taken: TakenSnapshot = {
      sequence: 0x2a,
      size: secret.length,
      chunks: (async function* () {
        yield secret.subarray(0, 5);
        yield secret.subarray(5);
      })(),
    };
    const plain = contextOf();
    return contextOf({
      context: {
        storage: { ...plain.storage, takeSnapshot: async () => taken },
        tree: { ...plain.tree, rootAcl: () => rootAcl },
      },
    });
  };

  async function snapshot(context: AdminContext, authorization: string | null, headers = {}) {
    const { base, server } = await serving(context);
    const response = await fetch(`${base}/commands/snapshot`, {
      headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
    });
    const text = await response.text();
    await server.close();
    return { status: response.status, text, headers: response.headers };
  }

  test("a snapshot needs proof of who asks, and every permission on / for them by name", async () => {
    assert.equal((await snapshot(guarded(), null)).status, 401);
    assert.equal((await snapshot(guarded(), "kerberos x")).status, 401);
    assert.equal((await snapshot(guarded(), "digest root:wrong")).status, 403);
    const partly = granted.map((acl) => ({ ...acl, perms: 15 }));
    assert.equal((await snapshot(guarded(partly), "digest root:secret")).status, 403);
  });

  test("guessing is answered a few times, then slowly, and logged without what was tried", async () => {
    const lines: string[] = [];
    let now = 0;
    const sleeping: { until: number; wake: () => void }[] = [];
    const time = {
      now: () => now,
      sleep: (milliseconds: number) =>
        new Promise<void>((wake) => void sleeping.push({ until: now + milliseconds, wake })),
    };
    const pass = async (milliseconds: number) => {
      now += milliseconds;
      for (const sleeper of sleeping.splice(0)) {
        if (sleeper.until <= now) sleeper.wake();
        else sleeping.push(sleeper);
      }
      await new Promise((resolve) => setImmediate(resolve));
    };
    const access = new AdminAccess(guarded(), { ...log, warn: (line) => void lines.push(line) }, time);
    const request = (authorization: string) => ({ authorization, address: "203.0.113.7" });
    for (let i = 0; i < GUESSES_FREE; i++) {
      assert.equal((await access.refusal(request(`digest root:guess${i}`)))?.status, 403);
    }
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) {
      void access.refusal(request(`digest root:guess${i}`)).then((answer) => statuses.push(answer?.status ?? 200));
    }
    await pass(0);
    assert.deepEqual(statuses, [], "none is looked at");
    for (let second = 1; second <= 3; second++) {
      await pass(GUESS_INTERVAL_MS);
      assert.equal(statuses.filter((status) => status === 403).length, second);
    }
    assert.equal(statuses.filter((status) => status === 429).length, 5, "the others are turned away");
    await pass(60_000);
    assert.equal(await access.refusal(request("digest root:secret")), null, "the right one opens");
    const told = lines.join("\n");
    assert.match(told, /admin server: 203\.0\.113\.7: authentication failed, 10 from this address lately/);
    assert.match(told, /203\.0\.113\.7: not looked at/);
    assert.doesNotMatch(told, /guess\d/);
  });

  test("that / is open to anyone is not enough: past it lie nodes that are not", async () => {
    const open = [{ perms: 31, scheme: "world", id: "anyone" }];
    assert.equal((await snapshot(guarded(open), "digest root:secret")).status, 403);
    assert.equal((await snapshot(guarded(open), "ip")).status, 403);
  });

  test("a claimed address is not believed", async () => {
    const byAddress = [{ perms: 31, scheme: "ip", id: "10.1.2.3" }];
    const claims = { "x-forwarded-for": "10.1.2.3", forwarded: "for=10.1.2.3", "x-real-ip": "10.1.2.3" };
    assert.equal((await snapshot(guarded(byAddress), "ip", claims)).status, 403);
    const own = [{ perms: 31, scheme: "ip", id: "127.0.0.1" }];
    assert.equal((await snapshot(guarded(own), "ip")).status, 200);
  });

  test("whoever may gets the bytes, and what they stand for; once in a while only", async () => {
    const context = guarded();
    const first = await snapshot(context, "digest root:secret");
    assert.equal(first.status, 200);
    assert.equal(first.text, "the whole state");
    assert.equal(first.headers.get("last_zxid"), "0x2a");
    assert.equal(first.headers.get("snapshot_size"), String(secret.length));
    const second = await snapshot(context, "digest root:secret");
    assert.equal(second.status, 429);
    assert.doesNotMatch(second.text, /whole state/);
  });

  test("the super user may; a snapshot that is turned off, or cannot be had, is not given", async () => {
    assert.equal((await snapshot(guarded([]), "digest super:test")).status, 200);
    const off = { ...guarded(), settings: { ...guarded().settings, snapshotEnabled: false } };
    assert.equal((await snapshot(off, "digest root:secret")).status, 503);
    const without = guarded();
    assert.equal(
      (await snapshot({ ...without, storage: { ...without.storage, takeSnapshot: null } }, "digest root:secret"))
        .status,
      501,
    );
  });

  test("shedding closes that share of the connections, and checks what it is asked for", async () => {
    let closed = 0;
    const connections = Array.from({ length: 10 }, () => connection({ close: () => void closed++ }));
    const plain = guarded();
    const { base, server } = await serving({ ...plain, stats: stats({ connections }) });
    const shed = async (body: string) => {
      const headers = { authorization: "digest root:secret", "content-type": "application/json" };
      const response = await fetch(`${base}/commands/shed_connections`, { method: "POST", headers, body });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    for (const body of [
      "",
      "[]",
      "null",
      "{}",
      '{"percentage":101}',
      '{"percentage":"50"}',
      `"${"x".repeat(70_000)}"`,
    ]) {
      assert.equal((await shed(body)).status, 400, body.slice(0, 30));
    }
    assert.equal(closed, 0);
    assert.equal((await shed('{"percentage":30}')).body["connections_shed"], 3);
    assert.equal(closed, 3);
    const json = { "content-type": "application/json" };
    const unproved = await fetch(`${base}/commands/shed`, {
      method: "POST",
      headers: json,
      body: '{"percentage":100}',
    });
    assert.equal(unproved.status, 401);
    assert.equal(closed, 3);
    await server.close();
  });

  test("one member's state cannot be replaced behind the others' backs", async () => {
    const { base, server } = await serving(guarded());
    const headers = { authorization: "digest root:secret", "content-type": "application/octet-stream" };
    const response = await fetch(`${base}/commands/restore`, { method: "POST", headers, body: "x" });
    assert.equal(response.status, 501);
    await server.close();
  });
});

test("a port that is taken is a warning that names the setting; the member goes without", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  assert.equal(await startAdminServer(contextOf(), { host: "127.0.0.1", port }, log), null);
  assert.match(messages.at(-1) ?? "", new RegExp(`^warn admin server: port ${port} is in use.*admin\\.serverPort`));
  assert.equal(await startMetrics(contextOf(), { host: "127.0.0.1", port }, log), null);
  assert.match(messages.at(-1) ?? "", /metricsProvider\.httpPort/);
  other.close();
});

test("Prometheus's own port gives the metrics and nothing else", async () => {
  const server = await startMetrics(contextOf(), { host: "127.0.0.1", port: 0 }, log);
  assert.ok(server);
  const at = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const response = await at("/metrics");
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.match(await response.text(), /\netcd_server_has_leader 1\n/);
  assert.equal((await at("/commands/ruok")).status, 404);
  await server.close();
});
