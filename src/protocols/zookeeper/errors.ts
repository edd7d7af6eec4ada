// ZooKeeper's error codes, and the one table from our words to them.

import type { CoordinationErrorCode } from "../../base/errors.ts";
import type { Rejection } from "../../state/tree/types.ts";

/** `KeeperException.Code` as it goes over the wire. */
export const ERROR = {
  ok: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  connectionLoss: -4,
  marshallingError: -5,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  newConfigNoQuorum: -13,
  reconfigInProgress: -14,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  notReadOnly: -119,
  noWatcher: -121,
  reconfigDisabled: -123,
  sessionClosedRequireSaslAuth: -124,
  quotaExceeded: -125,
  throttledOp: -127,
} as const;

export const REJECTION_TO_WIRE: Readonly<Record<Rejection, number>> = {
  "bad-arguments": ERROR.badArguments,
  "bad-version": ERROR.badVersion,
  "feature-level": ERROR.unimplemented,
  "invalid-acl": ERROR.invalidAcl,
  "new-configuration-no-quorum": ERROR.newConfigNoQuorum,
  "no-auth": ERROR.noAuth,
  "no-children-for-ephemerals": ERROR.noChildrenForEphemerals,
  "no-node": ERROR.noNode,
  "node-exists": ERROR.nodeExists,
  "not-empty": ERROR.notEmpty,
  "quota-exceeded": ERROR.quotaExceeded,
  "reconfig-disabled": ERROR.reconfigDisabled,
  "reconfig-in-progress": ERROR.reconfigInProgress,
  "runtime-inconsistency": ERROR.runtimeInconsistency,
  "session-expired": ERROR.sessionExpired,
  "session-moved": ERROR.sessionMoved,
  unimplemented: ERROR.unimplemented,
};

/**
 * What a client is told of a command that was not taken; null where its connection is closed instead, so that it tries
 * another member. ZooKeeper has no code for a full disk: "system error" is its word for trouble on the server's side, and
 * is only said of what certainly was not applied.
 */
export function refusalToWire(code: CoordinationErrorCode): number | null {
  if (code === "rejected") return ERROR.marshallingError; // it is too long to cross to other members
  return code === "no-space" ? ERROR.systemError : null;
}
