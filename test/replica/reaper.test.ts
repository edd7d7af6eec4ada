// Nodes whose time has run out, and containers that emptied: they go at the next sweep, whatever else a member does.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Reaper, type ReaperOptions } from "../../src/replica/duties/reaper.ts";
import type { Reapable } from "../../src/state/tree/commands.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { World } from "../state/world.ts";
import { scenario } from "./story.ts";

const CONTAINER = 4;
const TTL = 5;
const TTL_MS = 10;

scenario(
  "a TTL of 10 ms, with a sweep each millisecond, is over 20 ms later, wherever in the member's ticks it began",
  { replica: { reaper: { intervalMs: 1, neverUsedMs: 0, maxPerMinute: 10_000 } } },
  async ({ ensemble, create, until }) => {
    const leader = ensemble.leader()!;
    const { tree } = leader.replica!.machine.model(TreeModel);
    create(leader, "/ttl");
    const late: string[] = [];
    for (let phase = 0; phase < 60; phase++) {
      const path = `/ttl/${phase}`;
      const made = create(leader, path, TTL, TTL_MS);
      await until(() => made.outcome === "created");
      await ensemble.time.runUntil(() => false, 2 * TTL_MS);
      if (tree.node(path) !== undefined) late.push(path);
      await ensemble.time.runUntil(() => false, 1 + (phase % 7));
    }
    assert.deepEqual(late, []);
  },
);

describe("a sweep", () => {
  const options = (given: Partial<ReaperOptions> = {}): ReaperOptions => ({
    intervalMs: 1000,
    neverUsedMs: 0,
    maxPerMinute: 10_000,
    ...given,
  });

  function sweep(world: World, reaper: Reaper, now: number): readonly Reapable[] {
    reaper.begin(() => world.time);
    return reaper.takeDue(now);
  }

  function withTtls(count: number, path = "/t"): World {
    const world = World.withSession();
    world.policy = { extendedTypes: true };
    for (let i = 0; i < count; i++) world.create(`${path}${i}`, { mode: TTL, ttl: TTL_MS });
    return world;
  }

  const pathsOf = (due: readonly Reapable[]) => due.map(({ path }) => path).sort();

  test("takes no more than the pace allows, and goes on from there", () => {
    const world = withTtls(30);
    world.time += TTL_MS + 1;
    const reaper = new Reaper(world.machine, options({ maxPerMinute: 600 })); // ten a second
    const seen = new Set<string>();
    for (let second = 0; second < 3; second++) {
      const due = sweep(world, reaper, second * 1000);
      assert.equal(due.length, 10);
      for (const { path } of due) seen.add(path);
    }
    assert.equal(seen.size, 30, "none twice");
  });

  test("of an interval shorter than the pace still takes what is due at once: what was not used is saved up", () => {
    const world = withTtls(5);
    const reaper = new Reaper(world.machine, options({ intervalMs: 1 }));
    assert.deepEqual(sweep(world, reaper, 0), []);
    world.time += TTL_MS + 1;
    assert.equal(sweep(world, reaper, 11).length, 5);
  });

  test("is not kept from TTL nodes by containers, however many are due", () => {
    const world = withTtls(1, "/ttl");
    for (let i = 0; i < 50; i++) {
      world.create(`/c${i}`, { mode: CONTAINER });
      world.create(`/c${i}/x`);
      world.delete(`/c${i}/x`);
    }
    world.time += TTL_MS + 1;
    const reaper = new Reaper(world.machine, options({ maxPerMinute: 120 })); // two a second
    assert.ok(pathsOf(sweep(world, reaper, 0)).includes("/ttl0"));
  });

  test("of many nodes is done in parts, with commands in between, and misses none", () => {
    const world = withTtls(50_000);
    const reaper = new Reaper(world.machine, options({ maxPerMinute: 10_000_000 }));
    world.time += TTL_MS + 1;
    reaper.begin(() => world.time);
    const found = new Set<string>();
    for (let part = 0; reaper.isSweeping; part++) {
      assert.ok(part < 10, "it ends");
      const due = reaper.takeDue(part);
      assert.ok(due.length <= 20_000, `${due.length} in one part`);
      for (const candidate of due) {
        found.add(candidate.path);
        if (found.size % 100 === 0) world.reap(candidate);
      }
      world.create(`/during-${part}`, { mode: TTL, ttl: 1 });
    }
    assert.ok(found.size >= 50_000);
  });

  test("goes by the time that is stamped into batches, which never goes back", () => {
    const world = withTtls(1);
    world.time += TTL_MS + 1;
    world.set("/", "");
    const reaper = new Reaper(world.machine, options());
    reaper.begin(() => world.time - 3_600_000); // another leader, whose clock is an hour behind
    assert.equal(reaper.takeDue(0).length, 1);
  });
});
