// Handing leadership over, before a leader stops or because its disk is full.

import type { MemberId } from "../consensus/raft/types.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";

export class Handover {
  readonly #self: MemberId;
  readonly #loop: ConsensusLoop;

  constructor(self: MemberId, loop: ConsensusLoop) {
    this.#self = self;
    this.#loop = loop;
  }

  begin(): void {
    const successor = this.#successor();
    if (this.#loop.raft.role === "leader" && successor !== null) this.#loop.submit({ kind: "transfer", to: successor });
  }

  /** Another leads, or nobody can be asked to. */
  get isOver(): boolean {
    return this.#loop.raft.role !== "leader" || this.#successor() === null;
  }

  /** The voter that is furthest along. */
  #successor(): MemberId | null {
    const { configuration, progress } = this.#loop.raft;
    let best: { id: MemberId; matchIndex: number } | null = null;
    for (const { id, role } of configuration.members) {
      const seen = progress.get(id);
      if (id === this.#self || role !== "voter" || !seen?.active || !seen.joined) continue;
      if (best === null || seen.matchIndex > best.matchIndex) best = { id, matchIndex: seen.matchIndex };
    }
    return best?.id ?? null;
  }
}
