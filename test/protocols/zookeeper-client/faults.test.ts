// Faults by chance, for as many seeds as asked: whatever happens to servers, connections, names, answers and the process
// itself, what the client says of its calls and of its session is true.
//
//   CABILDO_SEEDS=2000   how many (50 unless given)   CABILDO_SEED=7   only this one

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../../src/base/random.ts";
import { CoordinationError, type Session } from "../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { outcomeOf, World } from "./support/stage.ts";
import type { Behaviour } from "./support/virtual-servers.ts";

const only = process.env["CABILDO_SEED"];
const seeds =
  only === undefined ? Array.from({ length: Number(process.env["CABILDO_SEEDS"] ?? 50) }, (_, i) => i) : [Number(only)];
const steps = 120;
const callMs = 20_000;

const behaviours: readonly Behaviour[] = ["serve", "serve", "serve", "silent", "refuse", "deaf", "hang-up"];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)]!;
}

async function play(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const world = new World();
  const applied = new Map<string, number>();
  world.script((_peer, { opcode, path }) => {
    if (opcode === OPCODE.create) applied.set(path!, (applied.get(path!) ?? 0) + 1);
    return opcode === OPCODE.create && random.chance(0.1); // applied, and never answered
  });
  const sessions = new Map<bigint, { session: Session; ends: number }>();
  world.expireSilent((id) => {
    const known = sessions.get(id);
    assert.ok(known === undefined || known.session.expiresInMs() === 0, "expired while its holder thought it alive");
  });
  const client = world.client({ requestTimeoutMs: callMs, sessionTimeoutMs: 3000 + random.below(9000) });
  let lost = 0;
  client.onState((state) => {
    if (state.kind === "lost") lost += 1;
    if (state.kind !== "connected" || sessions.has(state.session.id)) return;
    const entry = { session: state.session, ends: 0 };
    sessions.set(state.session.id, entry);
    state.session.signal.addEventListener("abort", () => entry.ends++);
  });
  let readEveryMs: number | null = null;
  const calls: { path: string; outcome: ReturnType<typeof outcomeOf<string>>; dueAt: number }[] = [];

  const actions: (() => void | Promise<void>)[] = [
    () => {
      const ending = new AbortController();
      const timeoutMs = random.chance(0.2) ? 1 + random.below(500) : callMs;
      const path = `/${calls.length}`;
      const outcome = outcomeOf(client.create(path, "", { signal: ending.signal, timeoutMs }));
      calls.push({ path, outcome, dueAt: world.clock.now() + timeoutMs });
      if (random.chance(0.3)) world.clock.after(random.below(100), () => ending.abort());
    },
    () => world.peers.forEach((peer) => void (random.chance(0.5) && peer.hangUp(new Error("read ECONNRESET")))),
    () => {
      pick(random, world.servers).behaviour = pick(random, behaviours);
    },
    () => {
      for (const server of world.servers) server.behaviour = "serve";
    },
    () => {
      world.delayMs = pick(random, [0, 1, 10, 100, 700]);
    },
    () => {
      for (const peer of world.peers) if (peer.isOpen) peer.isHeld = random.chance(0.3);
    },
    () => world.peers.forEach((peer) => void (peer.isHeld && peer.release())),
    () => {
      world.isNameServiceDeaf = random.chance(0.3);
    },
    () => void (random.chance(0.2) && world.endSessions()),
    () => {
      for (const server of world.servers) server.isCutOff = random.chance(0.5);
      return world.clock.run(random.below(20_000)); // as long as it may take until somebody notices
    },
    () => {
      readEveryMs = pick(random, [null, 50, 400]);
    },
    () => world.clock.block(random.below(random.chance(0.1) ? 20_000 : 500)),
    () => world.clock.run(random.below(4000)),
  ];
  const read = () => {
    if (client.state.kind === "closed") return;
    if (readEveryMs !== null) outcomeOf(client.exists("/"));
    world.clock.after(readEveryMs ?? 1000, read);
  };
  read();
  for (let step = 0; step < steps; step++) {
    await (random.chance(0.4) ? actions[0]! : pick(random, actions))();
    await world.clock.run(random.below(60));
  }
  for (const server of world.servers) {
    server.behaviour = "serve";
    server.isCutOff = false;
  }
  world.isNameServiceDeaf = false;
  world.delayMs = 1;
  for (const peer of world.peers) peer.release();
  await world.clock.run(callMs + 30_000);
  assert.equal(client.state.kind, "connected", "it has found its way back");

  for (const { path, outcome } of calls) {
    assert.ok(outcome.isSettled, `${path} hangs`);
    const count = applied.get(path) ?? 0;
    assert.ok(count <= 1, `${path} was applied ${count} times`);
    if (outcome.error === undefined) assert.equal(count, 1, `${path} was said to be applied`);
    else if (!(outcome.error instanceof CoordinationError)) throw outcome.error;
    else if (outcome.error.outcome === "not-applied") assert.equal(count, 0, `${path}: ${outcome.error.message}`);
  }
  await world.end();
  const ended = [...sessions.values()];
  assert.deepEqual(
    ended.filter(({ ends }) => ends !== 1),
    [],
    "each session ends once",
  );
  assert.ok(lost >= ended.length - 1, "and each loss is told");
}

test(`what the client says is true, over ${seeds.length} seeds of faults`, async () => {
  for (const seed of seeds) {
    try {
      await play(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
});
