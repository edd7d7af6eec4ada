// The parameters of one seed of the Raft tests' world: how many members, how slow everything is, and which faults there are.

import type { Random } from "../../../src/base/random.ts";
import type { RaftOptions } from "../../../src/consensus/index.ts";

/** Drawn anew for each seed, so that each seed is another kind of bad day. */
export interface WorldOptions {
  readonly founders: number;
  readonly universe: number;
  readonly tick: number;
  readonly tickJitter: number;
  readonly delayMax: number;
  readonly loss: number;
  readonly copies: number;
  readonly longDelays: number;
  readonly diskDelayMax: number;
  readonly diskStalls: number;
  readonly faultEvery: number;
  readonly proposeEvery: number;
  readonly readEvery: number;
  readonly snapshotEntries: number;
  readonly keptEntries: number;
  readonly weights: Readonly<Record<Fault, number>>;
}

export type Fault =
  | "crash"
  | "restart"
  | "wipe"
  | "partition"
  | "one-way"
  | "heal"
  | "reset-connection"
  | "transfer"
  | "change-members"
  | "stall";

export function drawOptions(random: Random): WorldOptions {
  const sometimes = (probability: number, upTo: number): number =>
    random.chance(probability) ? random.below(upTo + 1) : 0;
  const founders = [1, 2, 3, 3, 3, 3, 4, 5, 5][random.below(9)]!;
  return {
    founders,
    universe: founders + random.below(3),
    tick: 10,
    tickJitter: random.below(4),
    delayMax: 1 + random.below(12),
    loss: sometimes(0.5, 20) / 100,
    copies: sometimes(0.5, 20) / 100,
    longDelays: sometimes(0.3, 10) / 100,
    diskDelayMax: 1 + random.below(10),
    diskStalls: sometimes(0.3, 5) / 100,
    faultEvery: 30 + random.below(200),
    proposeEvery: 3 + random.below(30),
    readEvery: 5 + random.below(40),
    snapshotEntries: 5 + random.below(60),
    keptEntries: random.below(20),
    weights: {
      crash: random.below(10),
      restart: 6 + random.below(10),
      wipe: sometimes(0.6, 6),
      partition: random.below(8),
      "one-way": random.below(6),
      heal: 4 + random.below(10),
      "reset-connection": random.below(8),
      transfer: random.below(6),
      "change-members": sometimes(0.6, 8),
      stall: random.below(4),
    },
  };
}

export function drawRaftOptions(random: Random): Omit<RaftOptions, "id" | "incarnation"> {
  return {
    electionTicks: 10,
    heartbeatTicks: 2 + random.below(3),
    appendBytesMax: 100 + random.below(400),
    inflightBytesMax: 300 + random.below(1000),
    inflightAppendsMax: 1 + random.below(8),
    uncommittedBytesMax: 1000 + random.below(2000),
    tailBytesMax: random.below(1000),
    thoroughChecks: true,
    snapshotChunkBytes: 30 + random.below(100),
  };
}
