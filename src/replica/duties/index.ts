// The list of the leader's duties, in the order in which they are asked. A new duty is added here; a model that is not
// of this package brings its own in the replica's options.

import type { Logger } from "../../base/logger.ts";
import type { Machine } from "../../state/machine.ts";
import type { LeaseTracker } from "../lease-tracker.ts";
import type { ReplicaStats } from "../replica-stats.ts";
import type { LeaderDuty } from "./duty.ts";
import { FeatureLevelDuty } from "./feature-level.ts";
import { LeaseExpiry } from "./lease-expiry.ts";
import type { ReaperOptions } from "./reaper.ts";
import { Reaping } from "./reaping.ts";
import { ReconfigurationDuty, type ReconfigurationOptions } from "./reconfiguration.ts";

export interface DutyParts {
  readonly machine: Machine;
  readonly leases: LeaseTracker;
  readonly stats: ReplicaStats;
  readonly logger: Logger;
  readonly reaper: ReaperOptions;
  readonly reconfiguration: ReconfigurationOptions;
}

export function standardDuties(parts: DutyParts): readonly LeaderDuty[] {
  const { machine, leases, stats, logger, reaper, reconfiguration } = parts;
  return [
    new LeaseExpiry(leases, stats),
    new Reaping(machine, reaper),
    new ReconfigurationDuty(machine, reconfiguration, logger),
    new FeatureLevelDuty(machine, logger),
  ];
}
