// The outcomes of this door's commands: those of the tree, and of the table of leases (sessions).

import type { LeaseOutcome } from "../../state/leases/lease.ts";
import type { TreeOutcome } from "../../state/tree/types.ts";

export type Outcome = TreeOutcome | LeaseOutcome;
