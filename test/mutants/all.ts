// Every planted bug, by room.

import { EMBEDDING } from "./embedding.ts";
import { MEMBERSHIP } from "./membership.ts";
import type { Mutant } from "./mutant.ts";
import { PEERS } from "./peers.ts";
import { RAFT_ELECTIONS } from "./raft-elections.ts";
import { RAFT_LOST_DISKS } from "./raft-lost-disks.ts";
import { RAFT_MEMBERSHIP } from "./raft-membership.ts";
import { RAFT_RARE_ORDERS } from "./raft-rare-orders.ts";
import { RAFT_READS } from "./raft-reads.ts";
import { RAFT_REPLICATION } from "./raft-replication.ts";
import { RAFT_SNAPSHOTS } from "./raft-snapshots.ts";
import { RECIPES } from "./recipes.ts";
import { REPLICA_BATCHES } from "./replica-batches.ts";
import { REPLICA_LEASES } from "./replica-leases.ts";
import { REPLICA_MEMBERSHIP } from "./replica-membership.ts";
import { REPLICA_RARE_ORDERS } from "./replica-rare-orders.ts";
import { STATE } from "./state.ts";
import { STORAGE } from "./storage.ts";
import { ZOOKEEPER } from "./zookeeper.ts";

export const MUTANTS: readonly Mutant[] = [
  ...RAFT_ELECTIONS,
  ...RAFT_REPLICATION,
  ...RAFT_READS,
  ...RAFT_MEMBERSHIP,
  ...RAFT_LOST_DISKS,
  ...RAFT_SNAPSHOTS,
  ...RAFT_RARE_ORDERS,
  ...REPLICA_BATCHES,
  ...REPLICA_LEASES,
  ...REPLICA_MEMBERSHIP,
  ...REPLICA_RARE_ORDERS,
  ...STATE,
  ...MEMBERSHIP,
  ...STORAGE,
  ...PEERS,
  ...ZOOKEEPER,
  ...RECIPES,
  ...EMBEDDING,
];
