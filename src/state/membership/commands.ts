// The commands of the membership, as bytes: written once by the member that proposes them, read by `apply` alone. They are
// carried out from feature level 1 on.
//
//   model u8 (3) · operation u8 · fields

import { assert } from "../../base/assert.ts";
import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { Member } from "../../base/member.ts";
import { readMemberId, writeMemberId } from "../../base/member-id.ts";
import { describe, memberDescribed } from "./description.ts";

export const MEMBERSHIP_MODEL = 3;
export const MEMBERSHIP_LEVEL = 1;

/** The operation byte. */
export const MEMBERSHIP_OPERATION = { change: 1, giveUp: 2 } as const;

/** What a change does, one step after the other. A member that is named must be there, or must not be, as the step says. */
export type ChangeStep =
  /** A member that is not there yet. */
  | { readonly kind: "add"; readonly member: Member }
  /** Another description for a member that is there. */
  | { readonly kind: "describe"; readonly member: Member }
  | { readonly kind: "remove"; readonly id: number }
  /** A member that is there is to have a vote. */
  | { readonly kind: "promote"; readonly id: number }
  /** A member, there or not: as ZooKeeper's `joining`. */
  | { readonly kind: "put"; readonly member: Member }
  /** Nobody is left: the whole new membership follows. */
  | { readonly kind: "clear" };

export interface MembershipChange {
  /** The version that this builds on (`MembershipModel.version`); null: any. */
  readonly version: number | null;
  /** At most 255. */
  readonly steps: readonly ChangeStep[];
}

export const STEP_KINDS = ["add", "describe", "remove", "promote", "put", "clear"] as const;
const STEPS_MAX = 255;

/** Outcome: `changing`; the end is told as an event, with the number of this command. Or `rejected`. */
export function encodeChange(writer: ByteWriter, { version, steps }: MembershipChange): void {
  assert(steps.length <= STEPS_MAX, `a change of ${steps.length} steps`);
  writer.uint8(MEMBERSHIP_MODEL);
  writer.uint8(MEMBERSHIP_OPERATION.change);
  writer.boolean(version !== null);
  writer.int64(version ?? 0);
  writer.uint8(steps.length);
  for (const step of steps) {
    writer.uint8(STEP_KINDS.indexOf(step.kind));
    if (step.kind === "remove" || step.kind === "promote") writeMemberId(writer, step.id);
    else if (step.kind !== "clear") writeMember(writer, step.member);
  }
}

export function readChange(reader: ByteReader): MembershipChange {
  const hasVersion = reader.boolean();
  const version = reader.natural();
  const steps: ChangeStep[] = [];
  for (let left = reader.uint8(); left > 0; left--) steps.push(readStep(reader));
  return { version: hasVersion ? version : null, steps };
}

function readStep(reader: ByteReader): ChangeStep {
  const kind = STEP_KINDS[reader.uint8()];
  switch (kind) {
    case "remove":
    case "promote":
      return { kind, id: readMemberId(reader) };
    case "add":
    case "describe":
    case "put":
      return { kind, member: readMember(reader) };
    case "clear":
      return { kind };
    default:
      assert(false, "a step of a kind that `endOfMembershipCommand` has let pass");
  }
}

/** The leader's: the voters of the change that was taken up at `id` do not answer. Outcome: `done`. */
export function encodeGiveUp(writer: ByteWriter, id: number): void {
  writer.uint8(MEMBERSHIP_MODEL);
  writer.uint8(MEMBERSHIP_OPERATION.giveUp);
  writer.int64(id);
}

/** Its number, and its description as a text of two bytes' length. */
export function writeMember(writer: ByteWriter, member: Member): void {
  const description = describe(member, MEMBERSHIP_LEVEL);
  writeMemberId(writer, member.id);
  writer.uint16(description.length);
  writer.text(description);
}

export function readMember(reader: ByteReader): Member {
  const id = readMemberId(reader);
  return memberDescribed(id, reader.text(reader.uint16()));
}
