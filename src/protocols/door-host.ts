// What a door gets from its member. It reaches the outside world only through this.

import type { Clock } from "../base/clock.ts";
import type { Hashes } from "../base/hashes.ts";
import type { Logger } from "../base/logger.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import type { ClientCapacity } from "../transport/client-capacity.ts";

export interface DoorHost {
  readonly member: ReplicaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hashes: Hashes;
  /** The feature level of the ensemble now: below its protocol's a door answers reads and refuses writes. */
  readonly level: number;
  /** What all doors of the member share. */
  readonly capacity: ClientCapacity;
  /** What happens to this door, for operators: the member's feed of events. */
  readonly events: DoorEvents;
}

export interface DoorEvents {
  /** One sentence. Only the last few hundred of a door are kept, so what each client can cause does not belong here. */
  add(text: string): void;
}
