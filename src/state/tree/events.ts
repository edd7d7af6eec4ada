// The events of the tree, for listeners on this member.

import { EventHub } from "../event-hub.ts";
import type { Acl, NodeEvent, TreeEvents, TreeOutcome } from "./types.ts";

export class TreeEventHub extends EventHub<TreeEvents> implements TreeEvents {
  onNode(event: NodeEvent, path: string, zxid: number, acl: readonly Acl[]): void {
    for (const listener of this.listeners) listener.onNode?.(event, path, zxid, acl);
  }

  onReconfigured(zxid: number, outcome: TreeOutcome & { kind: "updated" | "rejected" }): void {
    for (const listener of this.listeners) listener.onReconfigured?.(zxid, outcome);
  }
}
