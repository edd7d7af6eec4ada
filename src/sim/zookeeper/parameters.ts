// The parameters of ZooKeeper's clients in one seed: how many there are, and what they do.

import type { Random } from "../../base/random.ts";
import type { SimulationParameters } from "../kernel/parameters.ts";
import type { ReadWriteOptions } from "./read-write-workload.ts";

export interface ZooKeeperParameters extends ReadWriteOptions {
  readonly readWriteClients: number;
  readonly lockClients: number;
  /** On the client library: they take turns with the lock clients, and read all the time. */
  readonly libraryClients: number;
  readonly sessionTimeoutMs: number;
  /** How much a client may leave unread before it is not served on. */
  readonly unsentBytesHigh: number;
}

export function drawZooKeeperParameters(
  { tickTimeMs }: Pick<SimulationParameters, "tickTimeMs">,
  random: Random,
): ZooKeeperParameters {
  return {
    readWriteClients: 1 + random.below(4),
    lockClients: random.chance(0.5) ? 1 + random.below(3) : 0,
    libraryClients: random.chance(0.4) ? 1 + random.below(3) : 0,
    sessionTimeoutMs: tickTimeMs * (2 + random.below(3)),
    thinkMs: tickTimeMs * (0.05 + random.below(50) / 100),
    pipeline: 1 + random.below(4),
    valueBytesMax: [10, 100, 1000, 8000][random.below(4)]!,
    keys: 1 + random.below(6),
    unsentBytesHigh: [100, 1000, 10_000, 1 << 20][random.below(4)]!,
  };
}
