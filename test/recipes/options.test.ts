// Options as plain JavaScript gives them: missing, misspelt, of the wrong kind. Each method refuses them with an error that names
// the option, the value and the nearest right name, before anything is asked of the servers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectToMember } from "../../src/engines/embedded/index.ts";
import { ZooKeeperEngine } from "../../src/engines/zookeeper/index.ts";
import { Coordination, CoordinationError, connect } from "../../src/index.ts";
import {
  connectZooKeeper,
  op,
  openZooKeeper,
  ZooKeeperClient,
  ZooKeeperError,
} from "../../src/protocols/zookeeper/client/index.ts";
import { World } from "../protocols/zookeeper-client/support/stage.ts";

/** As JavaScript gives them. */
type Given = never;
type Call = (options: Given) => unknown;

const schema = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as never;
const body = () => {};
/** The first round of a stream. */
const first = (stream: AsyncGenerator<unknown>) => stream.next();

function recipes(c: Coordination<ZooKeeperEngine>): Record<string, readonly [call: Call, names: string]> {
  const wait = "signal timeoutMs";
  const acquire = `${wait} onUnsure`;
  const campaign = "signal yieldWithinMs id value priority onUnsure";
  const semaphore = c.semaphore("s", { permits: 2 });
  const partition = c.partition("p", { items: ["a"] });
  return {
    "lock()": [(o) => c.lock("l", o), "acl"],
    "lock.acquire": [(o) => c.lock("l").acquire(o), acquire],
    "lock.tryAcquire": [(o) => c.lock("l").tryAcquire(o), acquire],
    "lock.run": [(o) => c.lock("l").run(body, o), acquire],
    "multiLock()": [(o) => c.multiLock(["a"], o), "acl"],
    "multiLock.acquire": [(o) => c.multiLock(["a"]).acquire(o), acquire],
    "multiLock.tryAcquire": [(o) => c.multiLock(["a"]).tryAcquire(o), acquire],
    "rwLock()": [(o) => c.rwLock("l", o), "acl"],
    "rwLock.read": [(o) => c.rwLock("l").read(o), acquire],
    "rwLock.write": [(o) => c.rwLock("l").write(o), acquire],
    "rwLock.tryRead": [(o) => c.rwLock("l").tryRead(o), acquire],
    "rwLock.tryWrite": [(o) => c.rwLock("l").tryWrite(o), acquire],
    "rwLock.runRead": [(o) => c.rwLock("l").runRead(body, o), acquire],
    "semaphore()": [(o) => c.semaphore("s", o), "acl permits"],
    "semaphore.acquire": [(o) => semaphore.acquire(o), `${acquire} count`],
    "semaphore.tryAcquire": [(o) => semaphore.tryAcquire(o), `${acquire} count`],
    "semaphore.run": [(o) => semaphore.run(body, o), `${acquire} count`],
    "election()": [(o) => c.election("e", o), "acl form"],
    "election.campaign": [(o) => first(c.election("e").campaign(o)), campaign],
    "election.lead": [(o) => c.election("e").lead(body, o), campaign],
    "election.latch": [(o) => c.election("e").latch(o), campaign],
    "election.observe": [(o) => first(c.election("e").observe(o)), "signal"],
    "group()": [(o) => c.group("g", o), "acl"],
    "group.join": [(o) => c.group("g").join(o), `${wait} id data`],
    "group.members": [(o) => c.group("g").members(o), wait],
    "group.watch": [(o) => first(c.group("g").watch(o)), "signal"],
    "service()": [(o) => c.service("s", o), "acl"],
    "service.register": [(o) => c.service("s").register(o), `${wait} id address port sslPort meta weight enabled`],
    "service.instances": [(o) => c.service("s").instances(o), wait],
    "service.watch": [(o) => first(c.service("s").watch(o)), "signal"],
    "service.provider": [(o) => c.service("s").provider(o), `${wait} strategy filter down`],
    "service.provider: down": [(o) => c.service("s").provider({ down: o }), "errors forMs"],
    "config()": [(o) => c.config("c", schema, o), "acl"],
    "config.open": [(o) => c.config("c", schema).open(o), `${wait} fallback onInvalid`],
    "config.read": [(o) => c.config("c", schema).read(o), wait],
    "config.set": [(o) => c.config("c", schema).set(1 as never, o), wait],
    "config.update": [(o) => c.config("c", schema).update((value) => value as never, o), wait],
    "tree.open": [(o) => c.tree("/t").open(o), wait],
    "partition()": [(o) => c.partition("p", o), "acl items assign"],
    "partition.join": [(o) => partition.join(o), `${acquire} id settleMs yieldWithinMs`],
    "partition.run": [(o) => partition.run(body, o), `${acquire} id settleMs yieldWithinMs`],
    "partition.members": [(o) => partition.members(o), wait],
    "barrier()": [(o) => c.barrier("b", o), "acl"],
    "barrier.set": [(o) => c.barrier("b").set(o), wait],
    "barrier.remove": [(o) => c.barrier("b").remove(o), wait],
    "barrier.isSet": [(o) => c.barrier("b").isSet(o), wait],
    "barrier.wait": [(o) => c.barrier("b").wait(o), wait],
    "doubleBarrier()": [(o) => c.doubleBarrier("b", o), "acl members"],
    "doubleBarrier.enter": [(o) => c.doubleBarrier("b", { members: 2 }).enter(o), acquire],
    "counter()": [(o) => c.counter("c", o), "acl"],
    "counter.get": [(o) => c.counter("c").get(o), wait],
    "counter.add": [(o) => c.counter("c").add(1n, o), wait],
    "counter.set": [(o) => c.counter("c").set(1n, o), wait],
    "counter.compareAndSet": [(o) => c.counter("c").compareAndSet(1n, 2n, o), wait],
    "counter.observe": [(o) => first(c.counter("c").observe(o)), "signal"],
    "sequence()": [(o) => c.sequence("s", o), "acl"],
    "sequence.next": [(o) => c.sequence("s").next(o), wait],
    "queue()": [(o) => c.queue("q", o), "acl codec"],
    "queue.put": [(o) => c.queue("q").put(1, o), `${wait} priority delayUntil`],
    "queue.consume": [(o) => first(c.queue("q").consume(o)), "signal onUnsure"],
    "queue.take": [(o) => c.queue("q").take(o), acquire],
    "queue.tryTake": [(o) => c.queue("q").tryTake(o), acquire],
    "queue.size": [(o) => c.queue("q").size(o), wait],
    "queue.peek": [(o) => c.queue("q").peek(o), wait],
    "transaction()": [(o) => c.transaction(o), "acl"],
    "transaction.commit": [(o) => c.transaction().create("/t").commit(o), wait],
  };
}

function calls(client: ZooKeeperClient): Record<string, readonly [call: Call, names: string]> {
  const call = "signal timeoutMs session";
  return {
    "client.create": [(o) => client.create("/a", "", o), `${call} mode ttlMs acl`],
    "client.createWithStat": [(o) => client.createWithStat("/a", "", o), `${call} mode ttlMs acl`],
    "client.delete": [(o) => client.delete("/a", o), `${call} version`],
    "client.exists": [(o) => client.exists("/a", o), `${call} watch`],
    "client.getData": [(o) => client.getData("/a", o), `${call} watch`],
    "client.setData": [(o) => client.setData("/a", "", o), `${call} version`],
    "client.getChildren": [(o) => client.getChildren("/a", o), `${call} watch`],
    "client.getChildrenWithStat": [(o) => client.getChildrenWithStat("/a", o), `${call} watch`],
    "client.getAllChildrenNumber": [(o) => client.getAllChildrenNumber("/a", o), call],
    "client.getEphemerals": [(o) => client.getEphemerals("/a", o), call],
    "client.getAcl": [(o) => client.getAcl("/a", o), call],
    "client.setAcl": [(o) => client.setAcl("/a", [], o), `${call} version`],
    "client.sync": [(o) => client.sync("/a", o), call],
    "client.multi": [(o) => client.multi([op.check("/a")], o), call],
    "op.create": [(o) => client.multi([op.create("/a", "", o)]), "mode ttlMs acl withStat"],
    "client.multiRead": [(o) => client.multiRead([], o), call],
    "client.addWatch": [(o) => client.addWatch("/a", o), `${call} recursive bufferMax`],
    "client.removeWatches": [(o) => client.removeWatches("/a", "any", o), `${call} watcher`],
    "client.checkWatches": [(o) => client.checkWatches("/a", "any", o), call],
    "client.addAuth": [(o) => client.addAuth("digest", "a:b", o), call],
    "client.whoAmI": [(o) => client.whoAmI(o), call],
    "client.ping": [(o) => client.ping(o), call],
    "client.getConfig": [(o) => client.getConfig(o), `${call} watch`],
    "client.reconfig": [(o) => client.reconfig(o), `${call} joining leaving members fromVersion`],
    "client.connected": [(o) => client.connected(o), "signal timeoutMs"],
  };
}

async function failureOf(call: Call, options: unknown): Promise<Error> {
  try {
    await call(options as Given);
  } catch (error) {
    return error as Error;
  }
  throw new assert.AssertionError({ message: `${JSON.stringify(options)} was taken` });
}

function assertRefused(error: Error, code: CoordinationError["code"], expected: RegExp): void {
  assert.ok(error instanceof CoordinationError, `${error.name}: ${error.message}`);
  assert.deepEqual([error.code, error.outcome], [code, "not-applied"], error.message);
  assert.match(error.message, expected);
}

async function checkMethod(call: Call, names: readonly string[], code: CoordinationError["code"]): Promise<void> {
  for (const options of [null, 5, "soon", true, () => {}]) {
    assertRefused(await failureOf(call, options), code, /options are an object \([a-zA-Z, ]+\), not /);
  }
  for (const name of names) {
    for (const misspelt of [name.slice(1), `${name}s`, name.toUpperCase()]) {
      if (names.includes(misspelt) || misspelt === name) continue;
      const given = { [misspelt]: 1 };
      assertRefused(await failureOf(call, given), code, new RegExp(`"${misspelt}": (did you mean \\w+\\?|there are )`));
    }
  }
  const error = await failureOf(call, { nothingLikeIt: 1 });
  assertRefused(error, code, new RegExp(`there is no option "nothingLikeIt": there are .*${names.at(-1)}`));
}

test("every recipe refuses options that there are not, in each of its methods, and names the nearest", async () => {
  const world = new World();
  const c = new Coordination(new ZooKeeperEngine(world.client(), world.ports));
  for (const [name, [call, names]] of Object.entries(recipes(c))) {
    await checkMethod(call, names.split(" "), "rejected").catch((error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error });
    });
  }
  assert.deepEqual(
    world.peers.flatMap(({ opcodes }) => opcodes),
    [],
    "nothing was asked of a server",
  );
  await world.end();
});

test("every call of the client does the same", async () => {
  const world = new World();
  const client = await world.connected();
  for (const [name, [call, names]] of Object.entries(calls(client))) {
    await checkMethod(call, names.split(" "), "rejected").catch((error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error });
    });
  }
  const error = await failureOf((o) => client.getData("/a", o), { wach: () => {} });
  assert.ok(error instanceof ZooKeeperError && error.reason === "bad-arguments");
  assert.equal(error.message, 'getData "/a": there is no option "wach": did you mean watch?');
  assert.deepEqual(world.serving.peer.opcodes, [], "nothing was asked of the server");
  await world.end();
});

const memberThatIsNone = {
  acceptorOf: () => ({ accept: () => null }),
  isConnected: () => false,
  member: { id: 1, status: { hasQuorum: true, configuration: { members: [] } } },
};
const ways: Readonly<Record<string, readonly [call: Call, names: string]>> = {
  connect: [
    (o) => connect("zookeeper://127.0.0.1:1", o),
    "sessionTimeoutMs requestTimeoutMs connectTimeoutMs waitForServers signal auth sasl tls acl logger onListenerError",
  ],
  "member.connect": [
    (o) => connectToMember(memberThatIsNone, o),
    "sessionTimeoutMs connectTimeoutMs signal auth acl logger root",
  ],
  connectZooKeeper: [
    (o) => connectZooKeeper("127.0.0.1:1", o),
    "sessionTimeoutMs connectTimeoutMs signal onLoss readOnly resume tls logger",
  ],
  openZooKeeper: [(o) => openZooKeeper("127.0.0.1:1", o), "sessionTimeoutMs onLoss readOnly resume tls logger"],
  "new ZooKeeperClient": [
    (o) => new ZooKeeperClient("a", o, new World().ports),
    "sessionTimeoutMs onLoss readOnly resume auth sasl logger",
  ],
};
for (const [name, [call, names]] of Object.entries(ways)) {
  test(`${name} refuses options that there are not, before it connects`, () =>
    checkMethod(call, names.split(" "), "configuration"));
}

test("a value of the wrong kind is named with what it is to be; where it may be a secret, only its kind", async () => {
  const c = new Coordination(new ZooKeeperEngine(new World().client(), new World().ports));
  const cases: readonly (readonly [call: Call, options: unknown, expected: RegExp])[] = [
    [(o) => c.lock("x").acquire(o), { timeoutMs: "5" }, /^lock "x": timeoutMs is a number from 0, not "5"$/],
    [(o) => c.lock("x").acquire(o), { timeoutMs: Number.NaN }, /timeoutMs is a number from 0, not NaN$/],
    [(o) => c.lock("x").acquire(o), { signal: new AbortController() }, /signal is an AbortSignal, not an object$/],
    [(o) => c.lock("x").acquire(o), { onUnsure: "stop" }, /onUnsure is one of "abort", "until-deadline", not "stop"$/],
    [(o) => c.semaphore("x", o), undefined, /^semaphore "x": options are an object \(.*permits.*\), not undefined$/],
    [(o) => c.semaphore("x", o), {}, /^semaphore "x": permits is a whole number from 1, not undefined$/],
    [(o) => c.doubleBarrier("x", o), {}, /^double barrier "x": members is a whole number from 1, not undefined$/],
    [(o) => c.partition("x", o), undefined, /^partition "x": options are an object/],
    [(o) => c.partition("x", o), { items: "a" }, /^partition "x": items is a list, not "a"$/],
    [(o) => c.election("x", o), { form: "mutex" }, /form is one of "latch", "selector", not "mutex"$/],
    [(o) => c.election("x").latch(o), { id: 7 }, /id is text, not 7$/],
    [(o) => c.queue("x", o), { codec: {} }, /codec is an object with encode and decode, not an object$/],
    [(o) => c.service("x").register(o), undefined, /^service "x": options are an object/],
    [(o) => c.multiLock(o), "ab", /^multi-lock: the names are a list$/],
    [
      (o) => connect("zookeeper://h", o),
      { auth: "digest:bob:secret" },
      /auth is a list of \{ scheme, auth \}, not a string$/,
    ],
    [
      (o) => connect("zookeeper://h", o),
      { auth: [{ scheme: "digest", auht: "secret" }] },
      /auth is a list .*, not a list$/,
    ],
    [(o) => connect("zookeeper://h", o), { sasl: "bob:secret" }, /sasl is \{ username, password \}, not a string$/],
    [
      (o) => connect("zookeeper://h", o),
      { logger: console.log },
      /logger is an object with info, warn and error, not a function$/,
    ],
    [(o) => connect("zookeeper://h", o), { sessionTimeoutMs: "10" }, /sessionTimeoutMs is a number from 1/],
    [(o) => connect(o), undefined, /connect string: expected host:port/],
  ];
  for (const [call, options, expected] of cases) {
    const error = await failureOf(call, options);
    assert.ok(error instanceof CoordinationError, `${error.name}: ${error.message}`);
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /secret/);
  }
});

test("what is undefined is as not given, whatever its name", async () => {
  const world = new World();
  const client = await world.connected({ onLoss: undefined, logger: undefined });
  const reading = client.exists("/a", { watch: undefined, timeoutMs: undefined, ...({ wach: undefined } as object) });
  await world.clock.run(10);
  assert.ok(await reading);
  await world.end();
});
