// Where recipes may make nodes, and who may touch what they made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACL, type Acl, type Coordination, PERMISSION, type ZooKeeperEngine } from "../../src/index.ts";
import { type Stat, ZooKeeperError } from "../../src/protocols/zookeeper/client/index.ts";
import { ScenarioCluster, type ZooKeeperStage } from "../../src/testing/index.ts";

type C = Coordination<ZooKeeperEngine>;

const anyText = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const;
const ANA = [{ scheme: "digest", auth: "ana:secret" }];
const BEN = [{ scheme: "digest", auth: "ben:secret" }];

/** Each recipe, with something of it there while `during` runs. */
const recipes: Readonly<
  Record<string, (c: C, name: string, acl: readonly Acl[] | undefined, during: During) => Promise<void>>
> = {
  async lock(c, name, acl, during) {
    await c.lock(name, { acl }).run(during);
  },
  async multiLock(c, name, acl, during) {
    await c.multiLock([`${name}-1`, `${name}-2`], { acl }).run(during);
  },
  async rwLock(c, name, acl, during) {
    await c.rwLock(name, { acl }).runRead(during);
  },
  async semaphore(c, name, acl, during) {
    await c.semaphore(name, { permits: 2, acl }).run(during);
  },
  async election(c, name, acl, during) {
    for await (const term of c.election(name, { acl }).campaign({ id: "a" })) {
      await term.publish("here");
      await during();
      break;
    }
  },
  async group(c, name, acl, during) {
    const member = await c.group(name, { acl }).join({ id: "m" });
    await during();
    await member.leave();
  },
  async service(c, name, acl, during) {
    const instance = await c.service(name, { acl }).register({ address: "here" });
    await during();
    await instance.leave();
  },
  async config(c, name, acl, during) {
    await c.config(name, anyText, { acl }).set("on");
    await during();
  },
  async partition(c, name, acl, during) {
    const membership = await c.partition(name, { items: ["x"], acl }).join({ settleMs: 10 });
    for await (const _ of membership) break;
    await during();
    await membership[Symbol.asyncDispose]();
  },
  async barrier(c, name, acl, during) {
    await c.barrier(name, { acl }).set();
    await during();
    await c.barrier(name, { acl }).remove();
  },
  async doubleBarrier(c, name, acl, during) {
    const inside = await c.doubleBarrier(name, { members: 1, acl }).enter();
    await during();
    await inside.leave();
  },
  async counter(c, name, acl, during) {
    await c.counter(name, { acl }).add();
    await during();
  },
  async sequence(c, name, acl, during) {
    await c.sequence(name, { acl }).next();
    await during();
  },
  async queue(c, name, acl, during) {
    await c.queue(name, { acl }).put("work");
    const job = await c.queue(name, { acl }).take();
    await during();
    await job.ack();
  },
  async transaction(c, name, acl, during) {
    await c
      .transaction({ acl })
      .create(`${name.startsWith("/") ? name : `/values/${name}`}/row`)
      .commit();
    await during();
  },
};

type During = () => Promise<void>;

for (const [recipe, use] of Object.entries(recipes)) {
  test(`${recipe}: works below a place in which one may create, though nothing above it lets one`, async () => {
    await played(async (stage) => {
      const admin = await stage.program({ auth: ANA });
      const { client } = admin.c.engine;
      const mine = [...ACL.creator, { perms: PERMISSION.read, scheme: "world", id: "anyone" }];
      await client.create("/stage-1", "", { acl: mine });
      await client.create("/stage-1/team", "", { acl: mine });
      await client.create("/stage-1/team/mine");
      await client.setAcl("/", ACL.readable);
      const { c } = await stage.program();
      await use(c, "/team/mine/x", undefined, async () => {});
      await assert.rejects(
        use(c, "/team/x", undefined, async () => {}),
        { code: "rejected" },
      );
    });
  });

  test(`${recipe}: what it makes carries the connection's access list, so that another can neither read, change nor delete it`, async () => {
    await played(async (stage) => {
      const ana = await stage.program({ auth: ANA, acl: ACL.creator });
      const ben = await stage.program({ auth: BEN });
      await use(ana.c, "x", undefined, async () => {
        const nodes = await below(ana.c, "/stage-1");
        assert.ok(nodes.length > 1);
        for (const { path, acl } of nodes) {
          assert.deepEqual(
            acl.map(({ scheme, perms }) => [scheme, perms]),
            [["digest", PERMISSION.all]],
            path,
          );
        }
        for (const { path } of nodes.slice(1)) {
          await refused(ben.c.engine.client.delete(path));
          await refused(ben.c.engine.client.getData(path));
          await refused(ben.c.engine.client.setData(path, "x"));
        }
      });
    });
  });

  test(`${recipe}: its own access list is that of what it makes; its folder stays open to others`, async () => {
    await played(async (stage) => {
      const ana = await stage.program({ auth: ANA });
      const ben = await stage.program({ auth: BEN });
      await use(ana.c, "x", ACL.creator, async () => {
        const nodes = await below(ana.c, "/stage-1");
        const isOpen = ({ acl }: Node) => acl.some(({ scheme }) => scheme === "world");
        const open = nodes.filter(isOpen).map(({ path }) => path);
        if (recipe !== "transaction") assert.equal(open.length, 2, `the root, and the recipe's folder: ${open.join()}`);
        assert.ok(nodes.some((node) => !isOpen(node)));
      });
      if (recipe !== "transaction") await use(ben.c, "y", undefined, async () => {});
    });
  });
}

test("those of one identity share what they lock, and a ready double barrier counts them all", async () => {
  await played(async (stage) => {
    const [a, b] = [
      await stage.program({ auth: ANA, acl: ACL.creator }),
      await stage.program({ auth: ANA, acl: ACL.creator }),
    ];
    const held = await a.c.lock("x").acquire();
    assert.equal(await b.c.lock("x").tryAcquire(), null);
    const waiting = b.c.lock("x").acquire();
    await held.release();
    await (await waiting).release();
    const both = [a, b].map(({ c }) => c.doubleBarrier("d", { members: 2 }).enter({ timeoutMs: 5000 }));
    await Promise.all((await Promise.all(both)).map((inside) => inside.leave({ timeoutMs: 5000 })));
  });
});

test("who may not write the nodes of the others cannot open a double barrier, and goes out again", async () => {
  await played(async (stage) => {
    const ana = await stage.program({ auth: ANA });
    const ben = await stage.program({ auth: BEN });
    const { client } = ben.c.engine;
    await client.create("/stage-1");
    await client.create("/stage-1/d");
    const giveUp = new AbortController();
    const first = ana.c.doubleBarrier("/d", { members: 2, acl: ACL.creator }).enter({ signal: giveUp.signal });
    const gaveUp = assert.rejects(first, { code: "aborted" });
    await stage.sleep(1000);
    assert.equal((await client.getChildren("/stage-1/d")).length, 1, "the first waits");
    await refused(ben.c.doubleBarrier("/d", { members: 2 }).enter());
    await stage.sleep(1000);
    assert.equal((await client.getChildren("/stage-1/d")).length, 1, "the first waits still");
    giveUp.abort();
    await gaveUp;
  });
});

test("an access list that is none is refused before anything is asked", async () => {
  await played(async (stage) => {
    const { c } = await stage.program();
    for (const acl of [[], "open", [{ perms: "all", scheme: "world", id: "anyone" }], [null]] as never[]) {
      assert.throws(() => c.lock("x", { acl }), { code: "rejected", message: /^lock "x": acl is a list of/ });
    }
  });
});

interface Node {
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}

/** The place, and all that is below it. */
async function below({ engine: { client } }: C, path: string): Promise<Node[]> {
  const { acl, stat } = await client.getAcl(path);
  const names = await client.getChildren(path);
  const all = await Promise.all(names.map((name) => below({ engine: { client } } as C, `${path}/${name}`)));
  return [{ path, acl, stat }, ...all.flat()];
}

async function refused(asked: Promise<unknown>): Promise<void> {
  await assert.rejects(asked, (error) => error instanceof ZooKeeperError && error.reason === "no-auth");
}

async function played(play: (stage: ZooKeeperStage) => Promise<void>): Promise<void> {
  const cluster = await ScenarioCluster.start({ members: 1 });
  await cluster.play(async () => {
    await using stage = cluster.stage();
    await play(stage);
  });
}
