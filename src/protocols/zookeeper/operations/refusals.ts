// Writes that are refused before they are proposed, because they exceed the state's limits and would only fill the log. `apply`
// checks the same again, so a member without this check only makes its log longer.

import { exceedsLimits } from "../../../state/tree/acl.ts";
import type { MultiOperation } from "../../../state/tree/commands.ts";
import { exceedsReconfigLimits, type MembershipRequest } from "../../../state/tree/ensemble.ts";
import { exceedsQuotaText } from "../../../state/tree/quotas.ts";
import type { Acl, Rejection } from "../../../state/tree/types.ts";
import type { Outcome } from "../outcome.ts";

/** The outcome that the command would have had. */
export class Refusal {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    this.outcome = outcome;
  }
}

export function refusedCreate(path: string, data: Uint8Array | null, acl: readonly Acl[]): Refusal | null {
  return refusal(createRejection(path, data, acl));
}

export function refusedSetData(path: string, data: Uint8Array | null): Refusal | null {
  return refusal(quotaRejection(path, data));
}

export function refusedSetAcl(acl: readonly Acl[]): Refusal | null {
  return refusal(exceedsLimits(acl) ? "invalid-acl" : null);
}

export function refusedReconfig(request: MembershipRequest): Refusal | null {
  return refusal(exceedsReconfigLimits(request) ? "bad-arguments" : null);
}

/** One part that can never be makes the whole fail at it. */
export function refusedMulti(operations: readonly MultiOperation[]): Refusal | null {
  for (const [failed, operation] of operations.entries()) {
    const code = rejectionOf(operation);
    if (code !== null) return new Refusal({ kind: "multi-rejected", failed, code, count: operations.length });
  }
  return null;
}

function rejectionOf(operation: MultiOperation): Rejection | null {
  if (operation.kind === "create") return createRejection(operation.path, operation.data, operation.acl);
  return operation.kind === "set-data" ? quotaRejection(operation.path, operation.data) : null;
}

function createRejection(path: string, data: Uint8Array | null, acl: readonly Acl[]): Rejection | null {
  return exceedsLimits(acl) ? "invalid-acl" : quotaRejection(path, data);
}

function quotaRejection(path: string, data: Uint8Array | null): Rejection | null {
  return data !== null && exceedsQuotaText(path, data.length) ? "bad-arguments" : null;
}

function refusal(code: Rejection | null): Refusal | null {
  return code === null ? null : new Refusal({ kind: "rejected", code });
}
