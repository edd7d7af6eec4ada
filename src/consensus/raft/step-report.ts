// What a step changed, as effects: everything to be saved in one request, and after it what is committed.

import type { RaftParts, RoleState } from "./role-state.ts";
import type { Configuration, MemberId, Role } from "./types.ts";

export class StepReport {
  readonly #parts: RaftParts;
  readonly #state: RoleState;
  #commitIndex: number;
  #role: Role;
  #term: number;
  #leaderId: MemberId | null;
  #configuration: Configuration;

  /** `appliedIndex`: what the state holds at the start; later commits are told of. */
  constructor(parts: RaftParts, state: RoleState, appliedIndex: number) {
    this.#parts = parts;
    this.#state = state;
    this.#commitIndex = appliedIndex;
    this.#role = state.role;
    this.#term = state.term;
    this.#leaderId = state.leaderId;
    this.#configuration = parts.log.configuration;
  }

  /** The state was restored from a snapshot of this index: no commit up to there is told of. */
  skipCommitsUpTo(index: number): void {
    this.#commitIndex = Math.max(this.#commitIndex, index);
  }

  /** Returns whether another configuration is in force. */
  tell(): boolean {
    const { log, effects, hardState } = this.#parts;
    const { configuration, commitIndex } = log;
    const isOther = configuration !== this.#configuration;
    if (isOther) {
      this.#configuration = configuration;
      effects.push({ kind: "configuration-changed", configuration });
    }
    this.#tellRole();
    hardState.save(log);
    if (commitIndex > this.#commitIndex) {
      this.#commitIndex = commitIndex;
      effects.push({ kind: "commit", index: commitIndex });
    }
    return isOther;
  }

  #tellRole(): void {
    const { role, term, leaderId: leader } = this.#state;
    if (role === this.#role && term === this.#term && leader === this.#leaderId) return;
    this.#role = role;
    this.#term = term;
    this.#leaderId = leader;
    this.#parts.effects.push({ kind: "role-changed", role, term, leader });
  }
}
