// The invariants of the membership and of the feature level, looked at wherever an entry is applied for the first time.

import type { Configuration, MemberId } from "../../consensus/raft/types.ts";
import type { Machine } from "../../state/machine.ts";
import { areSameMembers, membersDescribed } from "../../state/membership/description.ts";
import { MembershipModel } from "../../state/membership/model.ts";
import type { PendingChange } from "../../state/model.ts";

/** The highest feature level that a member's program understands. */
export type ProgramLevelOf = (id: MemberId) => number;

export class MembershipInvariants {
  #level = 0;
  #version = 0;
  #shown = "";
  #pending: PendingChange | null = null;
  #lastPending = 0;

  /** What is wrong after an entry, as the name of an invariant and what breaks it; null: nothing. */
  violation(
    machine: Machine,
    configuration: Configuration | null,
    programLevelOf: ProgramLevelOf,
  ): readonly [invariant: string, what: string] | null {
    return (
      this.#checkLevel(machine, configuration, programLevelOf) ??
      this.#checkMembers(machine, configuration) ??
      this.#checkVersion(machine) ??
      this.#checkPending(machine)
    );
  }

  #checkLevel(
    { level }: Machine,
    configuration: Configuration | null,
    programLevelOf: ProgramLevelOf,
  ): readonly [string, string] | null {
    const before = this.#level;
    this.#level = level;
    if (level < before) return ["a level for all", `feature level ${level} after ${before}`];
    const older = (configuration?.members ?? []).filter(({ id }) => programLevelOf(id) < level);
    if (level === before || older.length === 0) return null;
    const ids = older.map(({ id }) => id).join();
    return ["a level for all", `feature level ${level}, which members ${ids} do not understand`];
  }

  /** The membership holds whom the last complete configuration names and others reach. */
  #checkMembers(machine: Machine, configuration: Configuration | null): readonly [string, string] | null {
    if (configuration === null || configuration.outgoing.length > 0) return null;
    const { members } = machine.model(MembershipModel);
    const configured = membersDescribed(configuration.members).filter(({ peers }) => peers.length > 0);
    if (areSameMembers(members, configured)) return null;
    const listOf = (some: readonly { readonly id: number }[]): string => some.map(({ id }) => id).join();
    return ["the membership is the log's", `members ${listOf(members)}, and the log has ${listOf(configured)}`];
  }

  /** Whoever knows a version knows whom it showed. */
  #checkVersion(machine: Machine): readonly [string, string] | null {
    const { version, shown } = machine.model(MembershipModel);
    const before = this.#version;
    const text = JSON.stringify(shown);
    const isFirst = this.#shown === "" || this.#shown === "[]";
    const isOther = text !== this.#shown;
    this.#version = version;
    this.#shown = text;
    if (version < before || version > machine.sequence) {
      return ["versions of the membership", `version ${version} after ${before}, at sequence ${machine.sequence}`];
    }
    if (!isOther || isFirst || version > before) return null;
    return ["versions of the membership", `other members are shown under version ${version}`];
  }

  /** A change is taken up once, by a command, ends once, and is in force or given up then. */
  #checkPending(machine: Machine): readonly [string, string] | null {
    const { pending } = machine.model(MembershipModel);
    const before = this.#pending;
    this.#pending = pending;
    if (pending === null || pending.id === before?.id) return null;
    const last = this.#lastPending;
    this.#lastPending = pending.id;
    if (before !== null) return ["one change at a time", `change ${pending.id} replaces change ${before.id}`];
    if (pending.id > last) return null;
    return ["one change at a time", `change ${pending.id} is pending after change ${last}`];
  }
}
