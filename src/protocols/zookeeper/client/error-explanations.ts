// What each reason of a ZooKeeperError means, and why a session was lost.

import type { ErrorExplanation } from "../../../base/error-explanations.ts";
import type { LossCause, ZooKeeperReason } from "./errors.ts";

const READ_FIRST = "A write may have been applied: read what the server holds before you repeat it.";
const NEVER_BY_CABILDO = "Cabildo never answers so; a ZooKeeper may.";

/** `ZooKeeperError.reason`. */
export const ZOOKEEPER_REASONS: Readonly<Record<ZooKeeperReason, ErrorExplanation>> = {
  "system-error": {
    meaning: "The server had trouble of its own.",
    cause:
      "On Cabildo: the disk of the member is full, and the write was not applied. ZooKeeper says no more than this.",
    remedy:
      "Read the log of the server. This client reports the outcome of a write as `unknown`, because it cannot tell the servers apart.",
  },
  "runtime-inconsistency": {
    meaning: "In the results of a failed `multi`: this operation comes after the one that failed, and was not tried.",
    cause: "An earlier operation of the same `multi` failed.",
    remedy: "Look at the operation that failed (`failedIndex`).",
  },
  "data-inconsistency": {
    meaning: "The server found its own data inconsistent.",
    cause: NEVER_BY_CABILDO,
    remedy: "Read the log of the server.",
  },
  "connection-loss": {
    meaning: "A server says that it lost the connection to another one.",
    cause: NEVER_BY_CABILDO,
    remedy: READ_FIRST,
  },
  "marshalling-error": {
    meaning: "The server could not read the request, or the request or its answer is too long.",
    cause: "A value or a list of children longer than `jute.maxbuffer` allows, or a malformed request.",
    remedy: "Write less at once, or raise `jute.maxbuffer` on all members and `requestBytesMax` here.",
  },
  unimplemented: {
    meaning: "The server does not know the operation, or may not use it yet.",
    cause:
      "An older server, an ensemble in the middle of an upgrade, or a reconfiguration of a member that stands alone.",
    remedy: "Upgrade all members. The ensemble's feature level rises by itself once every member runs the new version.",
  },
  "operation-timeout": {
    meaning: "The server did not finish the operation in its own time limit.",
    cause: NEVER_BY_CABILDO,
    remedy: READ_FIRST,
  },
  "bad-arguments": {
    meaning: "The path, the mode, the version or another argument is impossible.",
    cause:
      "For example a path without a slash at its beginning, a time to live of 0, or `removeWatches` with an unknown kind.",
    remedy: "Correct the argument that the message names.",
  },
  "unknown-session": {
    meaning: "The server does not know the session that the request names.",
    cause: NEVER_BY_CABILDO,
    remedy: "Begin a new session.",
  },
  "new-config-no-quorum": {
    meaning: "A reconfiguration was refused, because too few of its voters could form a quorum.",
    cause: "The members that were added are not running, or do not catch up with the log.",
    remedy: "Start the new members, see in their logs that they reach the others, and ask again.",
  },
  "reconfig-in-progress": {
    meaning: "Another reconfiguration is under way.",
    cause: "One change of the members is carried out at a time.",
    remedy: "Wait until it is done, and ask again.",
  },
  "api-error": {
    meaning: "The server reports a misuse of its interface.",
    cause: NEVER_BY_CABILDO,
    remedy: "Read the log of the server.",
  },
  "no-node": {
    meaning: "There is no node of that path. For `create`: its parent is missing.",
    cause: "It was never created, or it was deleted.",
    remedy: "Create it, or its parent, first. `exists` tells without an error.",
  },
  "no-auth": {
    meaning: "The access list of the node does not allow this session to do that.",
    cause:
      "The client did not prove an identity that the list admits. To delete a node, the right belongs to its parent.",
    remedy: "Connect with the right `auth`, `sasl` or certificate, or change the access list.",
  },
  "bad-version": {
    meaning: "The node has another version than the request names.",
    cause: "Another client changed the node since it was read.",
    remedy: "Read the node, decide again, and write with its new version.",
  },
  "no-children-for-ephemerals": {
    meaning: "An ephemeral node cannot have children.",
    cause: "`create` named a path below an ephemeral node.",
    remedy: "Create the node below a persistent one.",
  },
  "node-exists": {
    meaning: "A node of that path is there already.",
    cause: "Another client created it first, or an earlier `create` of this client was applied and its answer lost.",
    remedy: "Read it. `stat.ephemeralOwner` says which session owns an ephemeral node.",
  },
  "not-empty": {
    meaning: "A node with children cannot be deleted.",
    cause: "Nodes stand below it.",
    remedy: "Delete the children first. `cabildo rm --recursive` does both.",
  },
  "session-expired": {
    meaning: "The session of this request has ended.",
    cause: "The servers heard nothing from the client for the session timeout, or the session was closed.",
    remedy: 'Begin a new session. This client does that by itself unless `onLoss` is "stop".',
  },
  "invalid-callback": {
    meaning: "The server reports an impossible callback.",
    cause: NEVER_BY_CABILDO,
    remedy: "Read the log of the server.",
  },
  "invalid-acl": {
    meaning: "The access list is empty, or has an entry that cannot be.",
    cause: "An unknown scheme, an `id` in the wrong form, or the scheme `auth` from a client that proved no identity.",
    remedy: "Correct the list.",
  },
  "auth-failed": {
    meaning: "The server did not accept the proof of identity.",
    cause: "A wrong password, an unknown user, or a scheme that the server does not offer.",
    remedy: "Correct the credential, and connect again.",
  },
  "session-moved": {
    meaning: "The session is attached to another server now.",
    cause: "The client connected to another server, and a late request arrived at the first one.",
    remedy: "Nothing: the client goes on by its newer connection.",
  },
  "not-read-only": {
    meaning: "The server has no quorum and only answers reads.",
    cause: "The client asked for a write on a read-only connection.",
    remedy: "Wait until the client is connected to a server with a quorum (`session.isReadOnly` is false).",
  },
  "ephemeral-on-local-session": {
    meaning: "A local session cannot own ephemeral nodes.",
    cause: NEVER_BY_CABILDO,
    remedy: "Turn `localSessionsUpgradingEnabled` on, on the ZooKeeper.",
  },
  "no-watcher": {
    meaning: "There is no such watch to remove.",
    cause: "It was told already, or removed, or never set.",
    remedy: "Nothing.",
  },
  "request-timeout": {
    meaning: "The server let the request wait too long.",
    cause: NEVER_BY_CABILDO,
    remedy: READ_FIRST,
  },
  "reconfig-disabled": {
    meaning: "The server does not allow clients to change its members.",
    cause: "`reconfigEnabled` is not set to true.",
    remedy: "Set `reconfigEnabled=true` on all members, if clients should be allowed to.",
  },
  "sasl-required": {
    meaning: "The server serves only clients that prove their identity, by SASL or by another scheme that it requires.",
    cause:
      "`sessionRequireClientSASLAuth` or `enforce.auth.enabled` is set on the server, and the client gave no such proof.",
    remedy: "Connect with `sasl`, or with the credentials of a scheme that `enforce.auth.schemes` names.",
  },
  "quota-exceeded": {
    meaning: "The write would go beyond a quota of the node or of a node above it.",
    cause: "The quota on the number of nodes or of bytes is reached, and `enforceQuota` is set.",
    remedy: "Delete what is not needed, or raise the quota.",
  },
  throttled: {
    meaning: "The server has too many requests and refused this one.",
    cause: NEVER_BY_CABILDO,
    remedy: "Send fewer requests, and repeat this one later. It was not applied.",
  },
  other: {
    meaning: "The server answered with a code that this client does not know.",
    cause: "A server that is newer than this client.",
    remedy: `\`errorCode\` has the number. ${READ_FIRST}`,
  },
};

/** `SessionLostError.lossCause`. */
export const SESSION_LOSS_CAUSES: Readonly<Record<LossCause, ErrorExplanation>> = {
  expired: {
    meaning: "A server said that the session has expired.",
    cause: "The servers heard nothing from the client for the session timeout.",
    remedy: "Stop what depended on the session, and begin again in the new one.",
  },
  deadline: {
    meaning: "No server was heard for the session timeout, so the servers may have expired the session.",
    cause: "All servers are out of reach, or the event loop of this process was blocked. The message says which.",
    remedy: "Stop what depended on the session, and begin again in the new one.",
  },
  "auth-failed": {
    meaning: "A server refused a proof of identity, so the client gave up for good.",
    cause: "A wrong password or certificate, also one that was accepted before.",
    remedy: "Correct the credential, and make another client.",
  },
  closed: {
    meaning: "This client closed the session.",
    cause: "`close()` was called, or a block with `await using` ended.",
    remedy: "Nothing.",
  },
};
