// What a majority of the voters has reached, as the leader knows it: log positions, rounds of contact, ticks. In a joint
// configuration both halves need a majority (Raft §6).

import { reachedByMajority } from "../quorum.ts";
import type { Followers } from "./followers.ts";
import type { RaftLog } from "./log.ts";
import type { Progress } from "./progress.ts";
import type { MemberRecord, RaftOptions } from "./types.ts";

export class VoterQuorum {
  readonly #options: RaftOptions;
  readonly #log: RaftLog;
  readonly #followers: Followers;
  readonly #values: number[] = [];

  constructor(options: RaftOptions, log: RaftLog, followers: Followers) {
    this.#options = options;
    this.#log = log;
    this.#followers = followers;
  }

  /**
   * The largest value that majorities of both halves of the configuration reach. Only the incarnation that the
   * configuration names counts: what a lost disk acknowledged, its successor does not hold. `own`: the leader's value.
   */
  reached(reading: (peer: Progress) => number, own: number): number {
    const { members, outgoing } = this.#log.configuration;
    const incoming = this.#reachedBy(members, reading, own);
    return outgoing.length === 0 ? incoming : Math.min(incoming, this.#reachedBy(outgoing, reading, own));
  }

  #reachedBy(members: readonly MemberRecord[], reading: (peer: Progress) => number, own: number): number {
    const values = this.#values;
    values.length = 0;
    for (const { id, role, incarnation } of members) {
      if (role !== "voter") continue;
      if (id === this.#options.id) {
        values.push(incarnation === this.#options.incarnation ? own : 0);
      } else {
        const peer = this.#followers.get(id);
        const counts = peer !== undefined && incarnation !== 0 && peer.incarnation === incarnation;
        values.push(counts ? reading(peer) : 0);
      }
    }
    return reachedByMajority(values);
  }
}
