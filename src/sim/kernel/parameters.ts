// The parameters of one seed: how many members, how fast everything is, and which faults there are. Each seed leaves most kinds of
// faults out, so that unusual combinations of the others occur (swarm testing, Groce et al. 2012).

import type { Random } from "../../base/random.ts";
import type { ConnectionOptions } from "./client-network.ts";
import type { NetworkOptions } from "./network.ts";
import { SEND_MANNERS, type SendManner } from "./send-buffer.ts";

export type Fault =
  | "kill"
  | "lose-power"
  | "restart"
  | "wipe"
  | "flip-bit"
  | "pause"
  | "stop-politely"
  | "partition"
  | "one-way"
  | "intersecting"
  | "flap"
  | "clog"
  | "reset"
  | "depose"
  | "heal"
  | "network-quality"
  | "stall-disk"
  | "slow-disk"
  | "sync-error"
  | "fill-disk"
  | "free-disk"
  | "jump-clock"
  | "reconfigure"
  | "grow-by-file"
  | "upgrade"
  | "go-back"
  | "snapshot"
  | "throttle"
  | "interrupt-transfer"
  | "cut-client"
  | "pause-client"
  | "hang-up"
  | "vanish";

export interface SimulationParameters {
  readonly members: number;
  /** Founders that are started later than the others. Until then there is no ensemble. */
  readonly lateFounders: number;
  readonly spares: number;
  /** Whether there is one member, whose file makes it stand alone. */
  readonly isStandalone: boolean;
  /** The numbers of members that the files list during the faults, one after the other. */
  readonly growsTo: readonly number[];
  /** Machines that run the version before this one at first: the last of them. */
  readonly olderPrograms: number;
  /** Raft's tick. All other times of the run are in proportion to it. */
  readonly tickMs: number;
  readonly tickTimeMs: number;
  readonly faultPhaseMs: number;
  readonly faultEveryMs: number;
  /** How often all faults pause; in each pause a leader has to be elected. */
  readonly faultPauses: number;
  readonly network: NetworkOptions;
  /** Whether frames between members are silently lost, doubled and swapped, which TCP never does. What relies on TCP is not checked then. */
  readonly isUnruly: boolean;
  readonly clients: ConnectionOptions;
  /** Clocks run between 1 / rate and rate. */
  readonly clockRateMax: number;
  readonly snapshotCommands: number;
  readonly snapshotSliceBytes: number;
  readonly retainSnapshots: number;
  readonly segmentBytes: number;
  readonly raft: {
    readonly appendBytesMax: number;
    readonly inflightBytesMax: number;
    readonly inflightAppendsMax: number;
    readonly tailBytesMax: number;
    readonly snapshotChunkBytes: number;
  };
  readonly weights: Readonly<Record<Fault, number>>;
}

const EVERYTHING: readonly SendManner[] = ["everything"];
const GROWTH_MAX: readonly number[] = [3, 5];

export function drawParameters(random: Random): SimulationParameters {
  const scale = [1, 2, 5, 10][random.below(4)]!;
  const growsByFile = random.chance(0.15);
  const members = growsByFile ? [1, 1, 3][random.below(3)]! : [1, 3, 3, 3, 3, 3, 5, 5][random.below(8)]!;
  const growsTo = growsByFile ? GROWTH_MAX.filter((size) => size > members) : [];
  const tickTimeMs = 1000 * scale;
  const isUnruly = random.chance(0.2);
  const olderPrograms = random.chance(0.4) ? 1 + random.below(members) : 0;
  return {
    members,
    olderPrograms,
    lateFounders: !growsByFile && random.chance(0.2) ? random.below(members) : 0,
    spares: growsByFile ? Math.max(...growsTo) - members : members > 1 && random.chance(0.4) ? 1 + random.below(2) : 0,
    isStandalone: growsByFile && members === 1,
    growsTo,
    tickMs: 40 * scale,
    tickTimeMs,
    faultPhaseMs: tickTimeMs * (10 + random.below(40)),
    faultEveryMs: tickTimeMs * (0.3 + random.below(30) / 10),
    faultPauses: random.chance(0.4) ? 1 + random.below(2) : 0,
    network: drawNetwork(random, scale, isUnruly),
    isUnruly,
    clients: {
      delayMinMs: 0.1 * scale,
      delayMaxMs: (0.2 + random.below(50) / 10) * scale,
      splitProbability: random.chance(0.3) ? 0.2 : 0,
      sendManners: random.chance(0.5) ? EVERYTHING : SEND_MANNERS,
    },
    clockRateMax: random.chance(0.5) ? 1 : 1 + random.below(8) / 100,
    snapshotCommands: 10 + random.below(200),
    snapshotSliceBytes: [100, 1000, 10_000, 128 * 1024][random.below(4)]!,
    retainSnapshots: 1 + random.below(3),
    segmentBytes: [16, 32, 64, 256][random.below(4)]! * 1024,
    raft: {
      appendBytesMax: 200 + random.below(16 * 1024),
      inflightBytesMax: 2000 + random.below(64 * 1024),
      inflightAppendsMax: 1 + random.below(64),
      tailBytesMax: random.below(32 * 1024),
      snapshotChunkBytes: 200 + random.below(8 * 1024),
    },
    weights: drawWeights(random, growsByFile, olderPrograms > 0),
  };
}

/** The network's delays and losses, which a fault may draw anew. */
export function drawNetwork(random: Random, scale: number, isUnruly: boolean): NetworkOptions {
  const sometimes = (probability: number, upTo: number): number =>
    random.chance(probability) ? (upTo * random.below(1000)) / 1000 : 0;
  return {
    delayMinMs: 0.1 * scale,
    delayMaxMs: (0.2 + sometimes(0.7, 20)) * scale,
    spikeProbability: sometimes(0.3, 0.05),
    spikeMs: 500 * scale,
    breakProbability: sometimes(0.3, 0.02),
    lossProbability: isUnruly ? sometimes(0.5, 0.1) : 0,
    duplicateProbability: isUnruly ? sometimes(0.5, 0.1) : 0,
    reorderProbability: isUnruly ? sometimes(0.5, 0.1) : 0,
  };
}

function drawWeights(random: Random, growsByFile: boolean, hasOlderPrograms: boolean): Record<Fault, number> {
  const sometimes = (probability: number, upTo: number): number =>
    random.chance(probability) ? 1 + random.below(upTo) : 0;
  return {
    kill: sometimes(0.5, 8),
    "lose-power": sometimes(0.5, 8),
    restart: 8 + random.below(12),
    wipe: sometimes(0.3, 3),
    "flip-bit": sometimes(0.3, 3),
    pause: sometimes(0.4, 6),
    "stop-politely": sometimes(0.4, 4),
    partition: sometimes(0.5, 6),
    "one-way": sometimes(0.3, 5),
    intersecting: sometimes(0.3, 4),
    flap: sometimes(0.2, 3),
    clog: sometimes(0.3, 5),
    reset: sometimes(0.4, 6),
    depose: sometimes(0.4, 5),
    heal: 4 + random.below(10),
    "network-quality": sometimes(0.4, 3),
    "stall-disk": sometimes(0.4, 4),
    "slow-disk": sometimes(0.3, 3),
    "sync-error": sometimes(0.2, 2),
    "fill-disk": sometimes(0.2, 3),
    "free-disk": 4 + random.below(4),
    "jump-clock": sometimes(0.3, 3),
    // After the first reconfiguration files do not count.
    reconfigure: growsByFile ? sometimes(0.1, 1) : sometimes(0.4, 5),
    "grow-by-file": growsByFile ? 2 + random.below(6) : 0,
    upgrade: hasOlderPrograms ? 2 + random.below(6) : 0,
    "go-back": hasOlderPrograms ? sometimes(0.4, 4) : 0,
    snapshot: sometimes(0.3, 4),
    throttle: sometimes(0.3, 4),
    "interrupt-transfer": sometimes(0.3, 8),
    "cut-client": sometimes(0.4, 6),
    "pause-client": sometimes(0.3, 4),
    "hang-up": sometimes(0.5, 8),
    vanish: sometimes(0.2, 2),
  };
}
