// Hands leadership over, before a leader stops or because its disk is full.

import type { MemberId } from "../consensus/raft/types.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";

export class Handover {
  readonly #self: MemberId;
  readonly #loop: ConsensusLoop;

  constructor(self: MemberId, loop: ConsensusLoop) {
    this.#self = self;
    this.#loop = loop;
  }

  /** To a member, or to the voter that is furthest along. Returns whom it was asked of; null: nobody can be asked. */
  begin(to: MemberId | null = null): MemberId | null {
    const successor = to === null ? this.#successor() : this.#isSuccessor(to) ? to : null;
    if (this.#loop.raft.role !== "leader" || successor === null) return null;
    this.#loop.submit({ kind: "transfer", to: successor });
    return successor;
  }

  /** This member leads no more, so another is being elected; or nobody can be asked to lead. */
  get isOver(): boolean {
    return this.#loop.raft.role !== "leader" || this.#successor() === null;
  }

  /** The voter that is furthest along. */
  #successor(): MemberId | null {
    const { configuration, progress } = this.#loop.raft;
    let best: { id: MemberId; matchIndex: number } | null = null;
    for (const { id } of configuration.members) {
      if (!this.#isSuccessor(id)) continue;
      const { matchIndex } = progress.get(id)!;
      if (best === null || matchIndex > best.matchIndex) best = { id, matchIndex };
    }
    return best?.id ?? null;
  }

  /** Another voter that is heard from, and counts. */
  #isSuccessor(id: MemberId): boolean {
    const { configuration, progress } = this.#loop.raft;
    const seen = progress.get(id);
    const isVoter = configuration.members.some((member) => member.id === id && member.role === "voter");
    return id !== this.#self && isVoter && seen?.active === true && seen.joined;
  }
}
