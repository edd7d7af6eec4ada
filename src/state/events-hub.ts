// The state tells its events once; here they reach everyone on this member who asked: protocols, and the replica.

import type { Acl, NodeEvent, Outcome, StateEvents } from "./types.ts";

export class StateEventsHub implements StateEvents {
  readonly #listeners: Partial<StateEvents>[] = [];

  /** Listeners hear in the order in which they were added. */
  add(listener: Partial<StateEvents>): void {
    this.#listeners.push(listener);
  }

  onNode(event: NodeEvent, path: string, revision: number, acl: readonly Acl[]): void {
    for (const listener of this.#listeners) listener.onNode?.(event, path, revision, acl);
  }

  onLeaseEnded(id: number, cause: "closed" | "expired"): void {
    for (const listener of this.#listeners) listener.onLeaseEnded?.(id, cause);
  }

  onLeaseMoved(id: number, member: number, run: number): void {
    for (const listener of this.#listeners) listener.onLeaseMoved?.(id, member, run);
  }

  onReconfigured(revision: number, outcome: Outcome & { kind: "updated" | "rejected" }): void {
    for (const listener of this.#listeners) listener.onReconfigured?.(revision, outcome);
  }

  onUnreadable(index: number, why: string): void {
    for (const listener of this.#listeners) listener.onUnreadable?.(index, why);
  }

  onRestored(): void {
    for (const listener of this.#listeners) listener.onRestored?.();
  }
}
