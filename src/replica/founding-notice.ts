// The notice to the operator while a member waits for the other voters of its file: which are missing, why, and the remedy.

import type { FoundingProgress, Standing } from "../consensus/raft/founding.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import { serverLines } from "./duties/membership.ts";

/** Members are rarely started at the same instant. */
const FIRST_AFTER_MS = 2000;
const AGAIN_AFTER_MS = 30_000;

export class FoundingNotice {
  #since: number | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;
  #told = "";

  /** A line for the log, where one is due. `progress` null: nothing is waited for. */
  due(progress: FoundingProgress | null, now: number): string | null {
    if (progress === null || progress.missing.size === 0) {
      this.#since = null;
      return null;
    }
    this.#since ??= now;
    const text = foundingText(progress);
    const wait = text === this.#told ? AGAIN_AFTER_MS : FIRST_AFTER_MS;
    if (now - this.#since < FIRST_AFTER_MS || now - this.#toldAt < wait) return null;
    this.#told = text;
    this.#toldAt = now;
    return text;
  }
}

function foundingText({ voters, bringsLog, missing }: FoundingProgress): string {
  const state = bringsLog
    ? "this member's log is of an ensemble of its own, and its file lists more voters: it does not lead before they are one ensemble"
    : "this member is empty and belongs to no ensemble yet";
  const list = serverLines(voters.map((id) => ({ id })));
  return `${state}. All voters of the file have to be there for that (${list}): ${reasons(missing, bringsLog).join("; ")}`;
}

function reasons(missing: FoundingProgress["missing"], bringsLog: boolean): string[] {
  const byStanding = new Map<Standing | "silent", MemberId[]>();
  for (const [id, standing] of missing) byStanding.set(standing, [...(byStanding.get(standing) ?? []), id]);
  return [...byStanding].map(([standing, ids]) => `${nameAll(ids)} ${remedy(standing, ids, bringsLog)}`);
}

function nameAll(ids: readonly MemberId[]): string {
  return `member${ids.length > 1 ? "s" : ""} ${ids.join(" and ")}`;
}

function remedy(standing: Standing | "silent", ids: readonly MemberId[], bringsLog: boolean): string {
  const [does, has, lists] = ids.length > 1 ? ["do", "have", "list"] : ["does", "has", "lists"];
  switch (standing) {
    case "silent":
      return (
        `${does} not answer (where it refuses this member, another line says why): start what is missing. If it never held data of this ensemble, the others may begin without it: ` +
        `start this member with --found-without ${ids.join(",")}, and read in docs/operations.md what that risks`
      );
    case "other-voters":
      return `${lists} other voters: give all members the same server.N lines`;
    case "lost-data":
      return (
        `${has} set damaged data aside, in directories named damaged-… below the data directory: if nothing in them is needed, ` +
        "move them away and start it again"
      );
    case "other-log":
      return bringsLog
        ? `${has} data of another ensemble, and two logs cannot become one: decide which data count, and start the other with an empty data directory`
        : `${has} data of an ensemble already: this member joins it when that ensemble lists it, by reconfig or in its members' files`;
    case "blank":
    case "same-log":
      return "take part";
  }
}
