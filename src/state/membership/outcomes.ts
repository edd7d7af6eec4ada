// What the membership says to those who change it.

import type { Done, Rejected } from "../outcomes.ts";

/** Why a change was not taken up, or was given up; decided alike on every member. */
export type MembershipRejection =
  | "bad-arguments"
  | "bad-version"
  | "change-in-progress"
  /** All members together: a snapshot could not carry them. */
  | "descriptions-too-long"
  | "feature-level"
  | "member-exists"
  | "new-configuration-no-quorum"
  | "no-member"
  | "no-voters"
  /** Another member listens there. */
  | "place-taken"
  /** A member that stands alone, and has no place where others reach it, is no ensemble that can change. */
  | "standalone";

export type MembershipOutcome =
  /** The change was taken up; how it ends is told as an event, by this number. */
  { readonly kind: "changing"; readonly id: number } | Done | Rejected<MembershipRejection>;
