// node-zookeeper-client against the ensemble. Arguments: connect string, scenario, the folder where the client is
// installed.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const [servers, scenario, folder] = process.argv.slice(2);
const zookeeper = createRequire(`${folder}/`)("node-zookeeper-client");
const { ACL, CreateMode, Event, Exception, Id, Permission } = zookeeper;
const stage = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const patienceMs = 20_000;

async function law(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(error);
    console.log(`failed ${name}\t${String(error?.message ?? error).replaceAll("\n", " ")}`);
  }
}

async function eventually(meaning, claim) {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (await claim()) return;
    await sleep(20);
  }
  assert.fail(`never came true: ${meaning}`);
}

async function wish(what) {
  console.log(`please ${what}`);
  const { value } = await stage.next();
  assert.equal(value, "done");
}

/** The client's callbacks as promises; of several results, an array. */
function promised(client) {
  const call =
    (method) =>
    (...args) =>
      new Promise((resolve, reject) => {
        client[method](...args, (error, ...results) =>
          error ? reject(error) : resolve(results.length < 2 ? results[0] : results),
        );
      });
  const methods = ["create", "remove", "exists", "getData", "setData", "getChildren", "getACL", "setACL", "mkdirp"];
  return { client, ...Object.fromEntries(methods.map((method) => [method, call(method)])) };
}

async function connect() {
  const client = zookeeper.createClient(servers, { sessionTimeout: 10_000, spinDelay: 50, retries: 0 });
  const connected = new Promise((resolve) => client.once("connected", resolve));
  client.connect();
  await Promise.race([connected, sleep(patienceMs).then(() => assert.fail("does not connect"))]);
  return promised(client);
}

async function rejected(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.getCode?.(), code, `expected ${code}, got ${error}`);
    return true;
  });
}

/** Repeats what may be repeated for as long as the connection is being found anew. */
async function again(operation) {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (error.getCode?.() !== Exception.CONNECTION_LOSS) throw error;
      await sleep(20);
    }
  }
}

const scenarios = {
  async interface() {
    await law("create, read, write and delete answer with the right data, versions and errors", async () => {
      const zk = await connect();
      assert.equal(await zk.create("/node", Buffer.from("one")), "/node");
      await rejected(Exception.NODE_EXISTS, zk.create("/node", null));
      await rejected(Exception.NO_NODE, zk.create("/absent/child", null));
      const written = await zk.setData("/node", Buffer.from("two"), 0);
      assert.equal(written.version, 1);
      await rejected(Exception.BAD_VERSION, zk.setData("/node", Buffer.from("x"), 0));
      const [data, stat] = await zk.getData("/node", null);
      assert.equal(data.toString(), "two");
      assert.equal(stat.dataLength, 3);
      const first = await zk.create("/node/n-", null, CreateMode.PERSISTENT_SEQUENTIAL);
      assert.equal(first, "/node/n-0000000000");
      await rejected(Exception.NOT_EMPTY, zk.remove("/node"));
      await zk.remove(first);
      const second = await zk.create("/node/n-", null, CreateMode.EPHEMERAL_SEQUENTIAL);
      assert.equal(second, "/node/n-0000000001");
      const [children, parent] = await zk.getChildren("/node", null);
      assert.deepEqual(children, ["n-0000000001"]);
      assert.equal(parent.numChildren, 1);
      const [none] = await zk.getData(second, null);
      assert.equal(none, undefined, "null data stays null");
      await zk.remove(second);
      await zk.remove("/node", 1);
      assert.equal(await zk.exists("/node", null), null);
      await zk.mkdirp("/deep/er/still");
      assert.notEqual(await zk.exists("/deep/er/still", null), null);
      zk.client.close();
    });

    await law("watches of existence, data and children fire once each", async () => {
      const zk = await connect();
      const events = [];
      const watch = (event) => events.push(`${event.getName()} ${event.getPath()}`);
      const seen = (event) => eventually(event, () => events.at(-1) === event);
      await zk.exists("/watched", watch);
      await zk.create("/watched", null);
      await seen("NODE_CREATED /watched");
      await zk.getData("/watched", watch);
      await zk.setData("/watched", Buffer.from("1"), -1);
      await seen("NODE_DATA_CHANGED /watched");
      await zk.setData("/watched", Buffer.from("2"), -1);
      await zk.getChildren("/watched", watch);
      await zk.create("/watched/child", null, CreateMode.EPHEMERAL);
      await seen("NODE_CHILDREN_CHANGED /watched");
      await zk.remove("/watched/child");
      await zk.getData("/watched", watch);
      await zk.remove("/watched");
      await seen("NODE_DELETED /watched");
      assert.equal(events.length, 4, events.join());
      assert.equal(Event.NODE_DELETED, 2);
      zk.client.close();
    });

    await law("a transaction is all or nothing", async () => {
      const zk = await connect();
      const commit = (transaction) =>
        new Promise((resolve) => transaction.commit((error, results) => resolve({ error, results })));
      const good = zk.client.transaction().create("/multi", Buffer.from("1")).setData("/multi", Buffer.from("2"), 0);
      const done = await commit(good.check("/multi", 1));
      assert.equal(done.error, null);
      assert.equal(done.results[0].path, "/multi");
      assert.equal(done.results[1].stat.version, 1);
      const bad = zk.client.transaction().setData("/multi", Buffer.from("3"), -1).check("/multi", 9).remove("/multi");
      const failed = await commit(bad);
      assert.equal(failed.error.getCode(), Exception.BAD_VERSION);
      assert.deepEqual(
        failed.results.map((result) => result.err),
        [0, Exception.BAD_VERSION, Exception.RUNTIME_INCONSISTENCY],
      );
      assert.equal((await zk.getData("/multi", null))[0].toString(), "2");
      zk.client.close();
    });

    await law("digest ACLs keep strangers out and let the owner in", async () => {
      const [owner, stranger] = [await connect(), await connect()];
      owner.client.addAuthInfo("digest", Buffer.from("ana:secret"));
      await owner.create("/private", Buffer.from("mine"), ACL.CREATOR_ALL_ACL);
      // This client cannot sync: the stranger's member may learn of the node a little later.
      await eventually("the stranger is refused", async () => {
        const error = await stranger.getData("/private", null).catch((error) => error);
        assert.notEqual(Array.isArray(error), true, "a stranger reads");
        return error.getCode() === Exception.NO_AUTH;
      });
      const [acls] = await owner.getACL("/private");
      assert.equal(acls[0].id.scheme, "digest");
      await owner.setACL("/private", [new ACL(Permission.READ, Id.ANYONE_ID_UNSAFE)], 0);
      await eventually("now all may read", async () => {
        const read = await stranger.getData("/private", null).catch(() => undefined);
        return read?.[0].toString() === "mine";
      });
      owner.client.close();
      stranger.client.close();
    });
  },

  async failover() {
    await law("a watch and an ephemeral outlive the leader, and no acknowledged write is lost", async () => {
      const [watcher, writer] = [await connect(), await connect()];
      await watcher.create("/alive", null, CreateMode.EPHEMERAL);
      const events = [];
      await watcher.exists("/later", (event) => events.push(event.getName()));
      await writer.create("/written", Buffer.from("0"));
      for (let i = 1; i <= 300; i++) {
        if (i === 100) await wish("kill-leader");
        try {
          await again(() => writer.setData("/written", Buffer.from(String(i)), i - 1));
        } catch (error) {
          // Settled by reading: the write whose reply was lost took effect.
          if (error.getCode?.() !== Exception.BAD_VERSION) throw error;
          const [data] = await again(() => writer.getData("/written", null));
          assert.equal(data.toString(), String(i));
        }
      }
      await again(() => writer.create("/later", null)).catch((error) => {
        assert.equal(error.getCode?.(), Exception.NODE_EXISTS);
      });
      await eventually("the watch fires", () => events.includes("NODE_CREATED"));
      await wish("restore");
      const [data, stat] = await again(() => writer.getData("/written", null));
      assert.equal(data.toString(), "300");
      assert.equal(stat.version, 300);
      await eventually("seen", async () => (await again(() => writer.exists("/alive", null))) !== null);
      const alive = await again(() => writer.exists("/alive", null));
      assert.deepEqual(alive.ephemeralOwner, watcher.client.getSessionId());
      watcher.client.close();
      await eventually("closing removes it", async () => (await again(() => writer.exists("/alive", null))) === null);
      writer.client.close();
    });
  },
};

await scenarios[scenario]();
console.log("end");
process.exit(0);
