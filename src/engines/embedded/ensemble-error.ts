// Why a member of this process gave no session: it has no quorum, and these members are missing.

import { CoordinationError } from "../../base/errors.ts";
import { formatPeerEndpoint } from "../../base/member.ts";
import { memberDescribed } from "../../state/membership/description.ts";

/** A running member, as far as it knows its ensemble. */
export interface MemberOfEnsemble {
  readonly member: {
    readonly id: number;
    readonly status: {
      readonly hasQuorum: boolean;
      readonly configuration: {
        readonly members: readonly { readonly id: number; readonly role: string; readonly description: string }[];
      };
    };
  };
  isConnected(id: number): boolean;
}

/** Null: it has a quorum, or the error is another. */
export function ensembleError(error: unknown, running: MemberOfEnsemble, timeoutMs: number): CoordinationError | null {
  if (!(error instanceof CoordinationError) || error.code !== "deadline") return null;
  const { member } = running;
  if (member.status.hasQuorum) return null;
  const { members } = member.status.configuration;
  const voters = members.filter(({ role }) => role === "voter");
  const missing = voters.filter(({ id }) => id !== member.id && !running.isConnected(id));
  const which =
    missing.length === 0
      ? "all of them are reached, and none leads yet"
      : `not reached: ${missing.map(named).join(", ")}`;
  const why = `member ${member.id}, in this process, is one of ${voters.length}; ${which}`;
  const message = `not connected: no quorum within ${timeoutMs} ms (connectTimeoutMs): ${why}`;
  return new CoordinationError("no-quorum", "not-applied", message, { cause: error });
}

function named({ id, description }: { readonly id: number; readonly description: string }): string {
  const places = memberDescribed(id, description).peers.map(formatPeerEndpoint);
  return places.length === 0 ? `member ${id}` : `member ${id} (${places.join(" or ")})`;
}
