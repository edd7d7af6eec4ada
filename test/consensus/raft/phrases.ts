// Messages, entries and configurations in words, as the scripts show them.

import type { Configuration, Entry, MemberRecord, Message } from "../../../src/consensus/index.ts";
import { textOf } from "./oracle.ts";

export function phraseConfiguration({ members, outgoing }: Configuration): string {
  const name = ({ id, role, incarnation }: MemberRecord): string =>
    `${id}${role === "learner" ? " (learner)" : ""}${incarnation === 0 ? " (unnamed)" : ""}`;
  const joint = outgoing.length === 0 ? "" : ` leaving ${outgoing.map(({ id }) => id).join(", ")}`;
  return members.map(name).join(", ") + joint;
}

export function phraseEntries(entries: readonly Entry[]): string {
  if (entries.length === 0) return "nothing";
  return entries
    .map(({ index, term, kind, payload }) => `${index}@${term} ${kind === "commands" ? textOf(payload) : kind}`)
    .join(", ");
}

export function phrase(message: Message): string {
  const { term } = message;
  switch (message.kind) {
    case "request-vote": {
      const { pre, last, transfer, founding, incarnation } = message;
      const manner = `${pre ? "pre-" : ""}vote${transfer ? " (transfer)" : ""}${founding === null ? "" : " (first)"}`;
      return `asks for a ${manner} in term ${term} with ${last.index}@${last.term}, of incarnation ${incarnation}`;
    }
    case "vote": {
      const { pre, granted, standing } = message;
      return `${granted ? "grants" : "refuses"} a ${pre ? "pre-" : ""}vote in term ${term}${standing === null ? "" : `, ${standing}`}`;
    }
    case "append": {
      const { previous, entries, commitIndex, round } = message;
      const what = phraseEntries(entries);
      return `appends in term ${term} after ${previous.index}@${previous.term}: ${what}; commit ${commitIndex}, round ${round}`;
    }
    case "append-reply": {
      const { matched, index, conflictTerm, round } = message;
      const what = matched ? `holds ${index}` : `lacks it, try ${index}@${conflictTerm}`;
      return `${what} in term ${term}, round ${round}`;
    }
    case "snapshot": {
      const { snapshot, offset, data, done } = message;
      const what = `snapshot ${snapshot.index}@${snapshot.term} from ${offset}, ${data.length} bytes`;
      return `sends ${what}${done ? ", the end" : ""} in term ${term}`;
    }
    case "snapshot-reply":
      return `has ${message.done ? "all" : message.offset} of snapshot ${message.index} in term ${term}`;
    case "follow-request":
      return `asks to follow, in term ${term}`;
    case "timeout-now":
      return `hands over term ${term}`;
    case "read-request":
      return `asks to read in term ${term}`;
    case "read-reply":
      return message.index === null
        ? `lets nobody read in term ${term}`
        : `lets it read at ${message.index} in term ${term}`;
  }
}
