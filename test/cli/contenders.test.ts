// `cabildo locks`, `elections`, `sessions`: who holds, who waits, who leads, as a table and as JSON.

import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sessionsIn } from "../../src/cli/sessions.ts";
import { ACL, connect } from "../../src/index.ts";
import { connectZooKeeper } from "../../src/protocols/zookeeper/client/index.ts";
import { builtServer } from "../support/built-server.ts";
import { Program } from "../support/program.ts";
import { servers } from "./support.ts";

const { url, c, run, cabildo } = await servers();
const main = await builtServer();
const ME = `${hostname()}:${process.pid}`;

async function untilContended(name: string, count: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while ((await c.lock(name).contenders()).length < count) {
    assert.ok(performance.now() < deadline, `${count} contend for ${name}`);
    await sleep(50);
  }
}

test("locks: the holder first, then those who wait, by who they are; a time-out names the holder", async () => {
  assert.deepEqual(await run(["locks"]), {
    status: 0,
    out: "",
    err: "cabildo: nobody holds a lock or a permit, or waits for one\n",
  });
  const labelled = await connect(url, { label: "billing" });
  const held = await labelled.lock("orders").acquire();
  await using waiter = cabildo(["lock", "orders", "--", "/bin/true"]);
  await untilContended("orders", 2);
  const table = (await run(["locks"])).out.split("\n");
  assert.match(table[0]!, /^LOCK +STANDING +WHO +TOKEN +SESSION +SINCE$/);
  assert.match(table[1]!, new RegExp(`^orders +holds +billing@${ME} +${held.token} +0x[0-9a-f]+ +\\d{4}-.*Z$`));
  assert.match(table[2]!, new RegExp(`^orders +waits 1 +true@${hostname()}:\\d+ `));
  const [lock] = JSON.parse((await run(["locks", "orders", "-o", "json"])).out);
  assert.deepEqual([lock.name, lock.kind, lock.contenders.length], ["orders", "lock", 2]);
  const [first] = lock.contenders;
  assert.deepEqual([first.label, first.host, first.pid], ["billing", hostname(), process.pid]);
  assert.deepEqual([first.token, first.isHolder], [String(held.token), true]);
  const refused = await run(["lock", "orders", "--wait", "2", "--", "/bin/true"]);
  assert.equal(refused.status, 75);
  assert.match(refused.err, new RegExp(`within 2000 ms, waiting for 2 ahead of it; billing@${ME} holds it`));
  const atOnce = await run(["lock", "orders", "--wait", "0", "--", "/bin/true"]);
  assert.match(atOnce.err, new RegExp(`was not acquired: billing@${ME} holds it\\. Wait`));
  await labelled.close();
  assert.equal(await waiter.ended, 0);
});

test("at a terminal, who waits is told who holds the lock, or leads", async (context) => {
  if (process.platform !== "linux") return context.skip("util-linux's `script` makes the terminal");
  const held = await c.lock("terminal").acquire();
  await using latch = c.election("terminal").latch({ id: "the leader" });
  await latch.wait({ timeoutMs: 20_000 });
  const shell = (args: string) => {
    const line = `${process.execPath} ${main} ${args} --connect ${url} -- /bin/true`;
    return new Program({ command: "script", args: ["-qec", line, "/dev/null"] }, []);
  };
  await using lock = shell("lock terminal");
  await lock.line(new RegExp(`^cabildo: waiting for lock "terminal", 1 ahead: ${ME} holds it\\s*$`));
  await using elect = shell("elect terminal");
  await elect.line(/^cabildo: waiting to lead election "terminal", 1 ahead: the leader leads\s*$/);
  await held.release();
  await latch.close();
  assert.deepEqual([await lock.ended, await elect.ended], [0, 0]);
});

test("locks: readers and writers, and an exact path that is shared", async () => {
  const one = await c.rwLock("schema").read();
  const two = await c.lock("/app/shared").acquire();
  const { out } = await run(["locks"]);
  assert.match(out, new RegExp(`^schema +holds to read +${ME} `, "m"));
  assert.doesNotMatch(out, /shared/);
  assert.match((await run(["locks", "/app/shared"])).out, new RegExp(`^/app/shared +holds +${ME} +${two.token} `, "m"));
  await Promise.all([one.release(), two.release()]);
});

test("locks: a semaphore's holders with their permits, then those who wait", async () => {
  const semaphore = c.semaphore("slots", { permits: 3 });
  const two = await semaphore.acquire({ count: 2 });
  await using other = await connect(url, { label: "other" });
  const one = await other.semaphore("slots", { permits: 3 }).acquire();
  // Its own session's permits are no part of what it waits for.
  const third = semaphore.acquire({ count: 2 });
  const deadline = performance.now() + 20_000;
  const isPromised = async () =>
    (await semaphore.contenders()).some(({ isHolder, permits }) => !isHolder && permits === 2);
  while (!(await isPromised())) assert.ok(performance.now() < deadline, "it is in the queue");
  const fourth = other.semaphore("slots", { permits: 3 }).acquire();
  while ((await semaphore.contenders()).length < 4) assert.ok(performance.now() < deadline, "it is in the queue");

  const lines = (await run(["locks"])).out.split("\n").slice(1);
  assert.match(lines[0]!, new RegExp(`^slots +holds 2 permits +${ME} +${two.token} +0x`));
  assert.match(lines[1]!, new RegExp(`^slots +holds 1 permit +other@${ME} +${one.token} +0x`));
  assert.match(lines[2]!, new RegExp(`^slots +waits 1 for 2 permits +${ME} +0x`));
  assert.match(lines[3]!, new RegExp(`^slots +waits 2 +other@${ME} +0x`));
  const [exact] = JSON.parse((await run(["locks", "/semaphores/slots", "-o", "json"])).out);
  const shown = exact.contenders.map((each: Record<string, unknown>) => [
    each["isHolder"],
    each["permits"],
    each["token"],
  ]);
  assert.deepEqual(shown, [
    [true, 2, String(two.token)],
    [true, 1, String(one.token)],
    [false, 2, null],
    [false, null, null],
  ]);
  assert.match((await run(["sessions"])).out, /holds semaphore "slots", waits for semaphore "slots"/);
  await two.release();
  await one.release();
  for (const held of await Promise.all([third, fourth])) await held.release();
  assert.deepEqual(await semaphore.contenders(), []);
});

test("elections: who leads, who else stands, with priority and value", async () => {
  const stop = new AbortController();
  const terms = c.election("cron").campaign({ signal: stop.signal, value: "10.0.0.1" });
  const { value: term } = await terms.next();
  const { out } = await run(["elections"]);
  assert.match(out, /^ELECTION +STANDING +WHO +TOKEN +SESSION +SINCE +PRIORITY +VALUE$/m);
  assert.match(out, new RegExp(`^cron +leads +${ME} +${term!.token} +0x[0-9a-f]+ +\\S+ +0 +10\\.0\\.0\\.1$`, "m"));
  const [election] = JSON.parse((await run(["elections", "-o", "json"])).out);
  assert.deepEqual([election.name, election.candidates[0].isLeader], ["cron", true]);
  stop.abort();
  await terms.return();
});

test("sessions: from where, for how long, and what each holds", async () => {
  const held = await c.lock("sessions").acquire();
  const { out } = await run(["sessions"]);
  const { status } = c;
  assert.ok(status.kind === "ready");
  const { id } = status.session;
  const pattern = `^${id} +127\\.0\\.0\\.1:\\d+ +127\\.0\\.0\\.1:\\d+ +\\S+ s +${ME} +holds lock "sessions"$`;
  assert.match(out, new RegExp(pattern, "m"));
  const rows: { session: string; places: { text: string }[] }[] = JSON.parse(
    (await run(["sessions", "-o", "json"])).out,
  );
  assert.deepEqual(
    rows.find(({ session }) => session === id)?.places.map(({ text }) => text),
    ['holds lock "sessions"'],
  );
  await held.release();
});

test("what programs say about themselves reaches the terminal without control characters, and cut", async () => {
  const stop = new AbortController();
  const id = "\u001b]0;title\u0007\u001b[2Jnice\nfake  leads";
  const about = { id, value: `v\u009b31m${"x".repeat(500)}` };
  const terms = c.election("odd").campaign({ signal: stop.signal, ...about });
  await terms.next();
  for (const command of ["elections", "sessions"]) {
    const { out } = await run([command]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    assert.match(out, /\?\]0;title\?\?\[2Jnice\?fake {2}leads/);
    assert.doesNotMatch(out, /x{200}/);
  }
  const [election] = JSON.parse((await run(["elections", "odd", "-o", "json"])).out);
  assert.deepEqual([election.candidates[0].id, election.candidates[0].value], [id, about.value]);
  stop.abort();
  await terms.return();
});

test("a node that another program made, with a name that no recipe takes, hides nothing else", async () => {
  const odd = "n".repeat(300);
  const held = await c.lock("beside").acquire();
  await using client = await connectZooKeeper(url);
  await client.create(`/locks/${odd}`, "");
  const { status, out, err } = await run(["locks"]);
  assert.equal(status, 0, err);
  assert.match(out, new RegExp(`^beside +holds +${ME} +${held.token} `, "m"));
  assert.match(err, /^cabildo: lock "n{100,}… is not shown: .*the name is 300 bytes long, 255 are allowed$/m);
  assert.equal((await run(["locks", odd])).status, 2);
  await client.delete(`/locks/${odd}`);
  await held.release();
});

test("a lock that the servers refuse to show is told of alone", async () => {
  const auth = [{ scheme: "digest", auth: "me:secret" }];
  await using mine = await connect(url, { auth });
  const secret = await mine.lock("secret", { acl: ACL.creator }).acquire();
  const leads = mine.election("secret", { acl: ACL.creator }).latch();
  await leads.wait({ timeoutMs: 20_000 });
  const held = await c.lock("beside").acquire();
  const locks = await run(["locks"]);
  assert.equal(locks.status, 0, locks.err);
  assert.match(locks.out, new RegExp(`^beside +holds +${ME} `, "m"));
  assert.match(locks.err, /^cabildo: lock "secret" is not shown: /m);
  const elections = await run(["elections"]);
  assert.match(elections.err, /^cabildo: election "secret" is not shown: /m);
  const sessions = await run(["sessions"]);
  assert.match(sessions.out, /holds lock "beside"/);
  await leads.close();
  await secret.release();
  await held.release();
});

test("a line of cons, as ZooKeeper writes it", () => {
  const line =
    " /127.0.0.1:52342[1](queued=0,recved=5,sent=5,sid=0x100000000001,lop=PING,est=1607,to=10000,lcxid=0x4)\n";
  const noSession = " /127.0.0.1:40000[0](queued=0,recved=1,sent=0)\n";
  assert.deepEqual(sessionsIn("zoo1:2181", `${line}${noSession}`), [
    { session: "0x100000000001", client: "127.0.0.1:52342", server: "zoo1:2181", timeoutMs: 10_000 },
  ]);
});
