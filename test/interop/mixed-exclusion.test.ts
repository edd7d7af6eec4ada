// Programs in three languages on one path: Curator's recipes, kazoo's lock and ours exclude each other.

import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Coordination, connect, type ZooKeeperEngine } from "../../src/index.ts";
import { type Command, Program } from "../support/program.ts";
import { type Java, java } from "./java.ts";
import { type Kazoo, kazoo } from "./kazoo.ts";
import { prepareStage } from "./stage.ts";

const rounds = 15;
const folder = mkdtempSync(join(tmpdir(), "cabildo-mixed-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const stage = await prepareStage({ runtime: async () => ({ java: await java(), kazoo: await kazoo() }) });

interface Players {
  readonly servers: string;
  readonly path: string;
  /** Is there while somebody is inside. */
  readonly inside: string;
}

/** Foreign programs and two connections of ours, all at once. */
function together(
  law: string,
  foreign: (runtime: { java: Java; kazoo: Kazoo }, players: Players) => readonly Command[],
  ours: (c: Coordination<ZooKeeperEngine>, path: string, body: () => Promise<void>) => Promise<void>,
): void {
  stage.scenario(law, async ({ runtime, ensemble }) => {
    const name = law.replaceAll(/[^a-z]+/gi, "-");
    const players = { servers: ensemble.connectString, path: `/mixed/${name}`, inside: join(folder, name) };
    const programs = foreign(runtime, players).map((command) => new Program(command, []));
    const connections = [
      await connect(`zookeeper://${players.servers}`),
      await connect(`zookeeper://${players.servers}`),
    ];
    try {
      for (const program of programs) await program.line("ready");
      let arePlaying = true;
      // For as long as the others, and no longer alone than they let us be.
      const loops = Promise.all(
        connections.map(async (c) => {
          while (arePlaying) await ours(c, players.path, () => alone(players.inside));
        }),
      );
      const done = Promise.all(programs.map((program) => program.line("done"))).finally(() => {
        arePlaying = false;
      });
      await Promise.all([loops, done]);
      for (const program of programs) {
        assert.equal(await program.ended, 0, program.transcript());
        assert.equal(program.lines.filter((line) => line === "inside").length, rounds, program.transcript());
      }
    } finally {
      for (const c of connections) await c.close();
      for (const program of programs) await program[Symbol.asyncDispose]();
    }
  });
}

async function alone(inside: string): Promise<void> {
  closeSync(openSync(inside, "wx")); // throws where it exists
  await sleep(5);
  unlinkSync(inside);
}

const curator = ({ java }: { java: Java }, recipe: string, { servers, path, inside }: Players) =>
  java.program("SharedRecipes", servers, recipe, path, inside, String(rounds));

const lock = (c: Coordination<ZooKeeperEngine>, path: string, body: () => Promise<void>) => c.lock(path).run(body);

together("Curator's mutex and our lock", (runtime, players) => [curator(runtime, "mutex", players)], lock);

together(
  "kazoo's lock with extra lock patterns and our lock",
  ({ kazoo }, { servers, path, inside }) => [
    kazoo.program("shared.py", servers, "kazoo", path, inside, String(rounds)),
  ],
  lock,
);

// With names of its own kazoo sees Curator, but Curator does not see kazoo: there it has to take Curator's.
together(
  "Curator's mutex, kazoo's lock under Curator's names, and our lock",
  (runtime, players) => [
    curator(runtime, "mutex", players),
    runtime.kazoo.program("shared.py", players.servers, "curator", players.path, players.inside, String(rounds)),
  ],
  lock,
);

together(
  "Curator's write lock, and our writers that go on as readers",
  (runtime, players) => [curator(runtime, "write", players)],
  async (c, path, body) => {
    const writer = await c.rwLock(path).write();
    await sleep(2);
    const reader = await writer.downgrade();
    await body(); // a Curator writer must not come in; our other reader is a writer first
    await reader.release();
  },
);

together(
  "Curator's semaphore and ours",
  (runtime, players) => [curator(runtime, "semaphore", players)],
  (c, path, body) => c.semaphore(path, { permits: 1 }).run(body),
);

together(
  "Curator's leader latch and our election",
  (runtime, players) => [curator(runtime, "latch", players)],
  async (c, path, body) => {
    for await (const term of c.election(path).campaign({ id: "ours" })) {
      await body();
      term.assertHeld();
      break;
    }
  },
);

stage.scenario(
  "who holds our lock, who waits for it, and who leads, is told by Curator and kazoo too",
  async ({ runtime, ensemble }) => {
    const servers = ensemble.connectString;
    const [path, election] = ["/mixed/contenders", "/mixed/candidates"];
    await using one = await connect(`zookeeper://${servers}`, { label: "billing" });
    await using two = await connect(`zookeeper://${servers}`, { label: "shipping" });
    const held = await one.lock(path).acquire();
    const next = two.lock(path).acquire();
    while ((await one.lock(path).contenders()).length < 2) await sleep(20);
    await using latch = one.election(election).latch();
    await latch.wait({ timeoutMs: 20_000 });
    const told = async (command: Command, kind: string) => {
      await using program = new Program(command, []);
      assert.equal(await program.ended, 0, program.transcript());
      return program.lines.filter((line) => line.startsWith(kind)).map((line) => line.slice(kind.length + 1));
    };
    const [first, second] = [one.engine.identity!, two.engine.identity!];
    const { java, kazoo } = runtime;
    assert.deepEqual(await told(kazoo.program("shared.py", servers, "contenders", path, "-", "1"), "contender"), [
      first,
      second,
    ]);
    assert.deepEqual(await told(java.program("SharedRecipes", servers, "contenders", path, "-", "1"), "contender"), [
      first,
      second,
    ]);
    assert.deepEqual(
      await told(java.program("SharedRecipes", servers, "candidates", election, "-", "1"), "candidate"),
      [`${first} leads`],
    );
    await held.release();
    // And theirs by ours: kazoo's lock says what it was told to, Curator's says where it is.
    const mine = await next;
    await using waiting = new Program(
      kazoo.program("shared.py", servers, "kazoo", path, join(folder, "contenders"), "1"),
      [],
    );
    let seen = await one.lock(path).contenders();
    while (seen.length < 2) {
      await sleep(20);
      seen = await one.lock(path).contenders();
    }
    assert.deepEqual(
      seen.map(({ who, isHolder }) => [who, isHolder]),
      [
        [second, true],
        ["kazoo", false],
      ],
    );
    await mine.release();
    assert.equal(await waiting.ended, 0, waiting.transcript());
  },
);

const joined = (lines: readonly string[], line: string) => lines.filter((each) => each === line).length;

stage.scenario("Curator's atomic long and our counter: what all add is in it", async ({ runtime, ensemble }) => {
  const path = "/mixed/count";
  await using program = new Program(
    runtime.java.program("SharedRecipes", ensemble.connectString, "count", path, "-", String(rounds)),
    [],
  );
  await using c = await connect(`zookeeper://${ensemble.connectString}`);
  await program.line("ready");
  const sums = [];
  for (let i = 0; i < rounds; i++) sums.push(await c.counter(path).add());
  assert.equal(await program.ended, 0, program.transcript());
  assert.equal(new Set(sums).size, rounds);
  assert.equal(await c.counter(path).get(), BigInt(2 * rounds));
});

stage.scenario(
  "Curator's double barrier and ours: one of theirs and two of ours, round after round",
  async ({ runtime, ensemble }) => {
    const path = "/mixed/double-barrier";
    await using program = new Program(
      runtime.java.program("SharedRecipes", ensemble.connectString, "double-barrier", path, "-", String(rounds)),
      [],
    );
    await using c = await connect(`zookeeper://${ensemble.connectString}`);
    const barrier = c.doubleBarrier(path, { members: 3 });
    for (let round = 1; round <= rounds; round++) {
      const entering = Promise.all([barrier.enter({ timeoutMs: 30_000 }), barrier.enter({ timeoutMs: 30_000 })]);
      const inside = await entering;
      await Promise.all(inside.map((each) => each.leave({ timeoutMs: 30_000 })));
      assert.ok(joined(program.lines, "inside") >= round - 1, program.transcript());
    }
    assert.equal(await program.ended, 0, program.transcript());
  },
);

stage.scenario(
  "Curator's priority queue with locks and our queue: each item is done once, by either",
  async ({ runtime, ensemble }) => {
    const path = "/mixed/queue";
    await using program = new Program(
      runtime.java.program("SharedRecipes", ensemble.connectString, "queue", path, "-", String(rounds)),
      [],
    );
    await using c = await connect(`zookeeper://${ensemble.connectString}`);
    const stop = new AbortController();
    const ours: string[] = [];
    const queue = c.queue<string>(path);
    const consuming = (async () => {
      for await (const job of queue.consume({ signal: stop.signal })) {
        if (job.value === "from curator") assert.equal(job.priority, -5, "Curator's lowest comes first, ours last");
        ours.push(job.value);
        await job.ack();
        await sleep(10);
      }
    })();
    await program.line("ready");
    for (let i = 0; i < rounds; i++) {
      await queue.put("from us", { priority: i % 2 });
      await sleep(20);
    }
    assert.equal(await program.ended, 0, program.transcript());
    stop.abort();
    await consuming;
    for (const item of ["from us", "from curator"]) {
      const theirs = joined(program.lines, `did "${item}"`);
      assert.equal(theirs + ours.filter((each) => each === item).length, rounds, program.transcript());
    }
    assert.equal(await queue.size(), 0);
  },
);
