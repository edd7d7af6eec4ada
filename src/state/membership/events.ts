// The events of the membership, for listeners on this member.

import { EventHub } from "../event-hub.ts";
import type { ChangeEnd } from "../model.ts";

/** Called in the middle of `apply`, before the outcome of the command that caused it. Must not throw, nor call back. */
export interface MembershipEvents {
  /** The change that was taken up at `id` is in force, or was given up. */
  onChangeEnded(id: number, end: ChangeEnd): void;
}

export class MembershipEventHub extends EventHub<MembershipEvents> implements MembershipEvents {
  onChangeEnded(id: number, end: ChangeEnd): void {
    for (const listener of this.listeners) listener.onChangeEnded?.(id, end);
  }
}
