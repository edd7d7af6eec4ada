// Changes of the ensemble's members that operators ask for: proposed as one command, and answered when the change is in force.

import { CoordinationError } from "../base/errors.ts";
import { canonicalLine, formatServerLine, lineOfMember, memberOfLine, parseServerLine } from "../base/server-line.ts";
import type { MemberChange } from "../management/operator-pages.ts";
import type { Replica } from "../replica/replica.ts";
import { type ChangeStep, encodeChange } from "../state/membership/commands.ts";
import { MembershipModel } from "../state/membership/model.ts";
import type { MembershipOutcome, MembershipRejection } from "../state/membership/outcomes.ts";
import type { ChangeEnd } from "../state/model.ts";

/** Time for a leader that dies meanwhile to be followed by another. A new voter may catch up later: it joins as a learner. */
const CHANGE_WITHIN_MS = 45_000;

export interface MembersNow {
  readonly version: number;
  /** As in a file: `server.1=…`. */
  readonly members: readonly string[];
}

/** Rejects with a `CoordinationError` that says whether the change was made; "unknown" where it may still be under way. */
export async function changeMembers(replica: Replica, change: MemberChange): Promise<MembersNow> {
  const step = stepOf(change);
  requireOpen(replica);
  const membership = replica.machine.model(MembershipModel);
  const ends = new ChangeEnds();
  const stopListening = membership.events.add({ onChangeEnded: (id, end) => ends.note(id, end) });
  try {
    const end = await withinTime(propose(replica, membership, step).then((outcome) => ends.of(takenUp(outcome))));
    if (end.kind === "given-up") throw rejected(end.code as MembershipRejection);
    const { version, shown } = membership;
    return { version, members: shown.map((member) => `server.${member.id}=${formatServerLine(lineOfMember(member))}`) };
  } finally {
    stopListening();
  }
}

function stepOf(change: MemberChange): ChangeStep {
  if (change.kind !== "add") return change;
  const line = parseServerLine(change.server);
  if (typeof line === "string") {
    throw new CoordinationError("configuration", "not-applied", `server.${change.id} ${line}`);
  }
  return { kind: "add", member: memberOfLine(change.id, canonicalLine(line)) };
}

function requireOpen(replica: Replica): void {
  const admission = replica.admission();
  if (admission === "open") return;
  const code = admission === "busy" ? "overloaded" : admission === "stopping" ? "closed" : admission;
  throw new CoordinationError(code, "not-applied", `this member takes no commands now (${admission})`);
}

function propose(replica: Replica, membership: MembershipModel, step: ChangeStep): Promise<MembershipOutcome> {
  return new Promise((resolve, reject) => {
    encodeChange(replica.begin(), { version: null, steps: [step] });
    replica.commit(membership, { onOutcome: resolve, onRefused: reject });
  });
}

/** The number of a change that was taken up. */
function takenUp(outcome: MembershipOutcome): number {
  if (outcome.kind === "changing") return outcome.id;
  throw rejected(outcome.kind === "rejected" ? outcome.code : "bad-arguments");
}

/** Changes that ended, told before or after somebody waits for them. */
class ChangeEnds {
  readonly #ended = new Map<number, ChangeEnd>();
  #awaited: { readonly id: number; readonly resolve: (end: ChangeEnd) => void } | null = null;

  note(id: number, end: ChangeEnd): void {
    this.#ended.set(id, end);
    if (this.#awaited?.id === id) this.#awaited.resolve(end);
  }

  of(id: number): Promise<ChangeEnd> {
    return new Promise((resolve) => {
      const ended = this.#ended.get(id);
      if (ended !== undefined) resolve(ended);
      else this.#awaited = { id, resolve };
    });
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const why = `the change is not in force after ${CHANGE_WITHIN_MS / 1000} s, and may still come: \`cabildo member list\` shows`;
      reject(new CoordinationError("deadline", "unknown", why));
    }, CHANGE_WITHIN_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const WHY: Readonly<Record<MembershipRejection, string>> = {
  "bad-arguments": "no ensemble can have such a member",
  "bad-version": "the members have changed meanwhile: look at them, and ask again",
  "change-in-progress": "another change of the members is under way: wait until it has ended",
  "descriptions-too-long": "the notes and addresses of all members together would be longer than a snapshot can carry",
  "feature-level": "a member runs a version that is too old for this: upgrade all of them first",
  "member-exists": "there is a member of this number already",
  "new-configuration-no-quorum":
    "the voters that would be left, and are connected, are no majority: start those that are down first",
  "no-member": "there is no member of this number",
  "no-voters": "no voter would be left",
  "place-taken": "another member listens at one of these addresses",
  standalone: "this member stands alone by its file: list the members of an ensemble there, its own address among them",
};

function rejected(code: MembershipRejection): CoordinationError {
  return new CoordinationError("rejected", "not-applied", WHY[code] ?? code);
}
