// Stories of whole ensembles in virtual time: real members over virtual networks and disks, told three times over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, toByteString } from "../../src/base/text.ts";
import { SimulatedEnsemble, type SimulatedEnsembleOptions } from "../../src/sim/kernel/ensemble.ts";
import type { SimulatedMember } from "../../src/sim/kernel/member.ts";
import { encodeOpenLease } from "../../src/state/leases/commands.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import {
  encodeCreate,
  encodeIdentities,
  encodeReconfig,
  encodeSetData,
  type ReconfigFields,
} from "../../src/state/tree/commands.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import type { Outcome } from "../state/world.ts";

const ANYONE = encodeIdentities([]);
const OWNER = encodeIdentities([], { extendedTypes: true });
const OPERATOR = encodeIdentities([], { skipAcl: true, reconfig: true });
const OPEN_ACL = [{ perms: 31, scheme: "world", id: "anyone" }];

/** What became of a command: pending until its waiter hears. */
export interface Attempt {
  readonly value: string;
  outcome: Outcome["kind"] | "pending" | "unknown" | "not-applied";
}

export interface Story {
  readonly ensemble: SimulatedEnsemble;
  set(member: SimulatedMember, path: string, value: string): Attempt;
  /** `ttl` in milliseconds makes it a TTL node. */
  create(member: SimulatedMember, path: string, mode?: number, ttl?: number): Attempt;
  /** Asks a member, as an operator would, for these to come and those to go. */
  reconfigure(member: SimulatedMember, change: Partial<ReconfigFields>): Attempt;
  /** Opens a session on a member; completes with its id. */
  open(member: SimulatedMember, timeoutMs: number): Promise<number>;
  until(condition: () => boolean, milliseconds?: number): Promise<void>;
  /** Starts a member and waits until it takes part. */
  start(member: SimulatedMember): Promise<void>;
}

export function scenario(
  title: string,
  options: Partial<SimulatedEnsembleOptions>,
  story: (s: Story) => Promise<void>,
): void {
  for (const seed of [1, 2, 3]) {
    test(`${title} (seed ${seed})`, async () => {
      const ensemble = new SimulatedEnsemble({ members: 3, seed, ...options });
      ensemble.start();
      const attempt = (value: string, member: SimulatedMember, encode: () => void): Attempt => {
        const made: Attempt = { value, outcome: "pending" };
        encode();
        member.replica!.commit(member.replica!.machine.model(TreeModel), {
          onOutcome: (outcome) => {
            assert.equal(made.outcome, "pending", "a waiter heard twice");
            made.outcome = outcome.kind;
          },
          onRefused: (error) => {
            assert.equal(made.outcome, "pending", "a waiter heard twice");
            made.outcome = error.outcome === "unknown" ? "unknown" : "not-applied";
          },
        });
        return made;
      };
      const until = async (condition: () => boolean, milliseconds = 20_000): Promise<void> => {
        const held = await ensemble.time.runUntil(condition, milliseconds);
        assert.ok(held, `not within ${milliseconds} virtual ms: ${condition}`);
      };
      await until(() => ensemble.isSettled());
      await story({
        ensemble,
        until,
        start: async (member) => {
          void member.start();
          await until(() => member.replica !== undefined);
        },
        open: async (member, timeoutMs) => {
          let opened = 0;
          encodeOpenLease(member.replica!.begin(), timeoutMs, "p".repeat(16));
          member.replica!.commit(member.replica!.machine.model(Leases), {
            onOutcome: (outcome) => {
              if (outcome.kind === "lease-opened") opened = outcome.id;
            },
            onRefused() {},
          });
          await until(() => opened !== 0);
          return opened;
        },
        set: (member, path, value) =>
          attempt(value, member, () =>
            encodeSetData(member.replica!.begin(), 0, ANYONE, path, bytesOf(toByteString(value)), -1),
          ),
        reconfigure: (member, change) =>
          attempt("reconfigured", member, () =>
            encodeReconfig(member.replica!.begin(), 0, OPERATOR, {
              joining: null,
              leaving: null,
              newMembers: null,
              version: -1,
              ...change,
            }),
          ),
        create: (member, path, mode = 0, ttl = -1) =>
          attempt(path, member, () =>
            encodeCreate(member.replica!.begin(), 0, OWNER, { path, data: null, acl: OPEN_ACL, mode, ttl }),
          ),
      });
      for (const { id, fatal } of ensemble.members) assert.equal(fatal, null, `member ${id} stopped: ${fatal?.stack}`);
    });
  }
}

/** Whoever else leads is killed, until this member does. */
export async function leadAgain(
  story: Pick<Story, "ensemble" | "until" | "start">,
  wanted: SimulatedMember,
): Promise<void> {
  const { ensemble, until, start } = story;
  for (let round = 0; ensemble.leader() !== wanted; round++) {
    assert.ok(round < 50, "it never led again");
    const leader = ensemble.leader()!;
    leader.kill();
    await until(() => ensemble.leader() !== undefined && ensemble.isSettled());
    await start(leader);
    await until(() => ensemble.isSettled());
  }
}

export function dataOf(member: SimulatedMember, path: string): string | null | undefined {
  const { tree } = member.replica!.machine.model(TreeModel);
  const node = tree.node(path);
  return node === undefined ? undefined : (node.data ?? null);
}

function hashes(ensemble: SimulatedEnsemble): string[] {
  return ensemble.members.filter((member) => member.isUp).map((member) => member.replica!.machine.hash());
}

export function assertEqualStates(ensemble: SimulatedEnsemble): void {
  assert.equal(new Set(hashes(ensemble)).size, 1, "members that applied the same log differ");
}
