// What each code of a CoordinationError means, why it happens and what to do: for `docs/errors.md` and for people at a terminal.

import type { CoordinationErrorCode, OperationOutcome } from "./errors.ts";

/** A code without an explanation does not compile: each list of codes is a record over its union. */
export interface ErrorExplanation {
  /** What the code says, in one sentence. */
  readonly meaning: string;
  /** What usually brings it about. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

export interface CoordinationErrorExplanation extends ErrorExplanation {
  /** The outcomes that the error can have for an operation that changes something. */
  readonly outcomes: readonly OperationOutcome[];
}

export const COORDINATION_ERRORS: Readonly<Record<CoordinationErrorCode, CoordinationErrorExplanation>> = {
  aborted: {
    meaning: "The program gave up a call or a wait through its own AbortSignal.",
    cause: "The `signal` of the call aborted. Its reason is the error's `cause`.",
    remedy:
      "Nothing, if the program meant it. For a write, look at `outcome`: a request that was sent may have been applied.",
    outcomes: ["not-applied", "unknown"],
  },
  closed: {
    meaning: "The connection, the handle or the member was closed by this program, or the member ended.",
    cause:
      "`close()` or `release()` was called, a block with `await using` ended, or a member stopped while it served the call.",
    remedy:
      "Keep the connection open until its last call has its answer. On a member, read its log for the reason why it ended.",
    outcomes: ["not-applied", "applied", "unknown"],
  },
  configuration: {
    meaning: "A setting, an option or a URL has a value that cannot be, or what it names cannot be used.",
    cause:
      "A misspelt option, a bad connect string, a data directory in use, a taken port, a certificate that cannot be read.",
    remedy: "Correct what the message names. Nothing was started and nothing was sent.",
    outcomes: ["not-applied"],
  },
  "connection-lost": {
    meaning: "The connection to the server ended before the answer came.",
    cause: "The server stopped, the network failed, or the server closed the connection.",
    remedy: "Repeat what is `not-applied`. For a write that is `unknown`, read first what the servers hold.",
    outcomes: ["not-applied", "unknown"],
  },
  damaged: {
    meaning: "Stored bytes are not what was written, or cannot be read as what they should be.",
    cause:
      "A disk changed or lost bytes of the log or of a snapshot. For a queue: an item that its codec cannot decode.",
    remedy:
      "For a member: follow the message, which names the file and the remedy. For a queue: remove the item or correct the codec.",
    outcomes: ["not-applied"],
  },
  deadline: {
    meaning: "The time limit of a call or a wait has passed.",
    cause:
      "`timeoutMs`, `requestTimeoutMs` or `connectTimeoutMs` was too short for what was asked, or no server could be reached.",
    remedy:
      "The message says what was waited for. Check the servers with `cabildo status`; allow more time where it is needed.",
    outcomes: ["not-applied", "unknown"],
  },
  "no-quorum": {
    meaning: "The member cannot reach a majority of the voters, so it can neither write nor confirm what is newest.",
    cause: "More than half of the voters are stopped, or the network between the members is broken.",
    remedy: "Start the missing members or repair the network. `cabildo status` shows which members are missing.",
    outcomes: ["not-applied"],
  },
  "no-space": {
    meaning: "The disk of the member is full.",
    cause: "Logs, snapshots or other files fill the volume of the data directory.",
    remedy: "Make room. The member goes on by itself; it needs no restart.",
    outcomes: ["not-applied"],
  },
  overloaded: {
    meaning: "As much work waits already as is allowed.",
    cause: "The program sends requests faster than the servers answer, or a member is busy with the same work already.",
    remedy: "Wait for earlier answers before you ask again, or ask for less at once.",
    outcomes: ["not-applied"],
  },
  rejected: {
    meaning:
      "The servers refused the operation, or this program would not send it because every server would refuse it.",
    cause:
      "The operation does not fit the state (a node exists, a version differs), is not allowed, or its arguments are impossible.",
    remedy: "Read the message. A `ZooKeeperError` has a `reason` too, which this page explains.",
    outcomes: ["not-applied", "unknown"],
  },
  "session-expired": {
    meaning: "The session ended, or may have ended, with its ephemeral nodes, locks and watches.",
    cause:
      "No server was reached for the session timeout, the process stood still for so long, or an operator ended the session.",
    remedy: "Stop what depended on the session. Acquire it again in the new session, which begins by itself.",
    outcomes: ["not-applied", "unknown"],
  },
};
