// What a member answers its operators, on a replica whose leaders are given.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenedStorage } from "../../src/replica/ports.ts";
import type { Replica } from "../../src/replica/replica.ts";
import { aboutMember } from "../../src/server/about-member.ts";
import type { ServerConfiguration } from "../../src/server/configuration/configuration.ts";
import { operationsOf } from "../../src/server/operations.ts";

/** Member 1, which leads until it is asked; then these lead, each for one look. */
function transferOf(leaders: readonly (number | null)[], electionTimeoutMs: number) {
  let looks = -1;
  const replica = {
    id: 1,
    transferLeadership: (to: number | null) => {
      looks = 0;
      return to ?? 2;
    },
    get status() {
      if (looks < 0) return { role: "leader", leader: 1 };
      const leader = leaders[Math.min(looks++, leaders.length - 1)]!;
      return { role: leader === 1 ? "leader" : "follower", leader };
    },
  } as unknown as Replica;
  const storage = {} as OpenedStorage;
  return operationsOf({ replica, storage, token: "", isRemoteAllowed: false, electionTimeoutMs }).transferLeadership;
}

test("a transfer to a member is done when that one leads, and not when another does", async () => {
  assert.deepEqual(await transferOf([1, null, 3, 2], 10_000)(2), { leader: 2 });
  await assert.rejects(transferOf([1, null, 3], 50)(2), {
    code: "rejected",
    outcome: "not-applied",
    message: /member 3 leads now, and not member 2/,
  });
});

test("a transfer to anybody is done when anybody else leads", async () => {
  assert.deepEqual(await transferOf([1, null, 3], 10_000)(null), { leader: 3 });
});

test("a transfer that ends without a leader may have been done; one that left the leader in place was not", async () => {
  await assert.rejects(transferOf([null], 20)(2), { code: "deadline", outcome: "unknown" });
  await assert.rejects(transferOf([1], 20)(2), { code: "deadline", outcome: "not-applied" });
});

test("a snapshot that a door reads out is held until it was read, or given up", async () => {
  const held: string[] = [];
  const replica = {
    takeSnapshotNow: async () => ({ index: 7, sequence: 9 }),
    holdSnapshot: (index: number) => {
      held.push(`held ${index}`);
      return () => void held.push("let go");
    },
  } as unknown as Replica;
  const snapshots = {
    sizeOf: () => 2,
    async *stream() {
      yield Uint8Array.of(1);
      held.push("read");
      yield Uint8Array.of(2);
    },
  };
  const storage = { snapshots, log: {} } as unknown as OpenedStorage;
  const { takeSnapshot } = aboutMember({} as ServerConfiguration, replica, storage).storage;
  const whole = await takeSnapshot!();
  for await (const _ of whole.chunks);
  assert.deepEqual(held.splice(0), ["held 7", "read", "let go"]);
  for await (const _ of (await takeSnapshot!()).chunks) break;
  assert.deepEqual(held.splice(0), ["held 7", "let go"]);
  await takeSnapshot!();
  assert.deepEqual(held, [], "nothing stays held for one that is never read");
});
