// The errors of calls: each a CoordinationError, with the operation's outcome.

import { CoordinationError, type OperationOutcome } from "../../../base/errors.ts";
import { ERROR } from "../errors.ts";

/** Names of ZooKeeper's error codes. */
const REASONS = {
  "system-error": ERROR.systemError,
  "runtime-inconsistency": ERROR.runtimeInconsistency,
  "data-inconsistency": -3,
  "connection-loss": ERROR.connectionLoss,
  "marshalling-error": ERROR.marshallingError,
  unimplemented: ERROR.unimplemented,
  "operation-timeout": ERROR.operationTimeout,
  "bad-arguments": ERROR.badArguments,
  "unknown-session": -12,
  "new-config-no-quorum": ERROR.newConfigNoQuorum,
  "reconfig-in-progress": ERROR.reconfigInProgress,
  "api-error": -100,
  "no-node": ERROR.noNode,
  "no-auth": ERROR.noAuth,
  "bad-version": ERROR.badVersion,
  "no-children-for-ephemerals": ERROR.noChildrenForEphemerals,
  "node-exists": ERROR.nodeExists,
  "not-empty": ERROR.notEmpty,
  "session-expired": ERROR.sessionExpired,
  "invalid-callback": -113,
  "invalid-acl": ERROR.invalidAcl,
  "auth-failed": ERROR.authFailed,
  "session-moved": ERROR.sessionMoved,
  "not-read-only": ERROR.notReadOnly,
  "ephemeral-on-local-session": -120,
  "no-watcher": ERROR.noWatcher,
  "request-timeout": -122,
  "reconfig-disabled": ERROR.reconfigDisabled,
  "sasl-required": ERROR.sessionClosedRequireSaslAuth,
  "quota-exceeded": ERROR.quotaExceeded,
  throttled: ERROR.throttledOp,
} as const;

/** Why a server refused a request; `other`: a code that is not in the list above. */
export type ZooKeeperReason = keyof typeof REASONS | "other";

const BY_CODE: ReadonlyMap<number, ZooKeeperReason> = new Map(
  Object.entries(REASONS).map(([reason, code]) => [code, reason as ZooKeeperReason]),
);

export function reasonOf(errorCode: number): ZooKeeperReason {
  return BY_CODE.get(errorCode) ?? "other";
}

/** ZooKeeper's number; null for `other`, which stands for many. */
export function errorCodeOf(reason: ZooKeeperReason): number | null {
  return reason === "other" ? null : REASONS[reason];
}

/** With these codes the server itself does not know the outcome of a write. */
const LEAVES_UNKNOWN: ReadonlySet<ZooKeeperReason> = new Set([
  "system-error",
  "runtime-inconsistency",
  "data-inconsistency",
  "connection-loss",
  "operation-timeout",
  "request-timeout",
  "other",
]);

/** The server's answer is an error, or would certainly be one (an impossible path): `code` is "rejected". */
export class ZooKeeperError extends CoordinationError {
  override readonly name: string = "ZooKeeperError";
  readonly reason: ZooKeeperReason;
  /** ZooKeeper's number for it, `KeeperException.Code`. */
  readonly errorCode: number;
  /** The path that was asked for; null where there is none. */
  readonly path: string | null;

  constructor(errorCode: number, path: string | null, outcome: OperationOutcome, message: string) {
    super("rejected", outcome, message);
    this.reason = reasonOf(errorCode);
    this.errorCode = errorCode;
    this.path = path;
  }
}

/** Nothing of the transaction was applied, because one operation failed. */
export class MultiError extends ZooKeeperError {
  override readonly name = "MultiError";
  /** The position of the operation that failed. */
  readonly failedIndex: number;

  constructor(errorCode: number, failedIndex: number, path: string | null, message: string) {
    super(errorCode, path, "not-applied", message);
    this.failedIndex = failedIndex;
  }
}

/**
 * Why a session is over. `expired`: the server said so. `deadline`: the servers were silent for the session's timeout, and may have
 * expired it. `auth-failed`: a server refused a proof of identity. `closed`: by this client.
 */
export type LossCause = "expired" | "deadline" | "auth-failed" | "closed";

/** The reason of a session's `signal`. */
export class SessionLostError extends CoordinationError {
  override readonly name = "SessionLostError";
  readonly lossCause: LossCause;
  readonly sessionId: bigint;

  constructor(lossCause: LossCause, sessionId: bigint, detail: string) {
    super(lossCause === "closed" ? "closed" : "session-expired", "unknown", `${showSession(sessionId)} ${detail}`);
    this.lossCause = lossCause;
    this.sessionId = sessionId;
  }
}

function showSession(id: bigint): string {
  return `session ${showSessionId(id)}`;
}

export function showSessionId(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}

/** The error of a server's code. `isWrite`: the operation could change something. */
export function errorOf(errorCode: number, what: string, path: string | null, isWrite: boolean): ZooKeeperError {
  const reason = reasonOf(errorCode);
  const outcome = isWrite && LEAVES_UNKNOWN.has(reason) ? "unknown" : "not-applied";
  const where = path === null ? "" : ` ${path}`;
  return new ZooKeeperError(errorCode, path, outcome, `${what}${where}: ${reason} (${errorCode})`);
}

/** An error that every server would give, so that none is asked. */
export function badArguments(what: string, path: string | null, why: string): ZooKeeperError {
  const where = path === null ? "" : ` ${JSON.stringify(path)}`;
  return new ZooKeeperError(ERROR.badArguments, path, "not-applied", `${what}${where}: ${why}`);
}
