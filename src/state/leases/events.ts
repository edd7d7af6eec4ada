// The events of the table of leases, for listeners on this member.

import { EventHub } from "../event-hub.ts";
import type { Owner } from "./lease.ts";

/** Called in the middle of `apply`, before the outcome of the command that caused it. Must not throw, nor call back. */
export interface LeaseEvents {
  /** A lease ended, and nothing is attached to it any more: closed by its client, or expired. */
  onLeaseEnded(id: number, cause: "closed" | "expired"): void;
  /** A lease was opened, or attached: its full time begins. From now on `owner` serves it; null: any member. */
  onLeaseMoved(id: number, owner: Owner | null): void;
}

export class LeaseEventHub extends EventHub<LeaseEvents> implements LeaseEvents {
  onLeaseEnded(id: number, cause: "closed" | "expired"): void {
    for (const listener of this.listeners) listener.onLeaseEnded?.(id, cause);
  }

  onLeaseMoved(id: number, owner: Owner | null): void {
    for (const listener of this.listeners) listener.onLeaseMoved?.(id, owner);
  }
}
