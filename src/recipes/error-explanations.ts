// Explanations of the causes inside the recipes' errors: why a handle was lost, and why a transaction was not applied.

import type { ErrorExplanation } from "../base/error-explanations.ts";
import type { LossCause, StepFailure } from "./errors.ts";

/** `LockLostError.lossCause`. */
export const HANDLE_LOSS_CAUSES: Readonly<Record<LossCause, ErrorExplanation>> = {
  "session-expired": {
    meaning: "The servers ended the session that held it.",
    cause: "The servers heard nothing from this process for the session timeout, or an operator ended the session.",
    remedy: "Stop the work and acquire again. If it happens often, allow a longer `sessionTimeoutMs`.",
  },
  deadline: {
    meaning: "The session may have ended by this process's own clock, so another may hold it now.",
    cause: "No server answered a ping in time, or the event loop of this process was blocked. The message says which.",
    remedy: "Stop the work and acquire again. Move work that blocks the event loop into a worker thread.",
  },
  unsure: {
    meaning: 'The connection was lost, and the holder asked to stop at once in that case (`onUnsure: "abort"`).',
    cause: "The server stopped or the network failed. The session may still live.",
    remedy: "Acquire again. Leave `onUnsure` at its default if a short loss of the connection need not stop the work.",
  },
  deleted: {
    meaning: "Somebody removed its node on the servers.",
    cause: "An operator or another program deleted the node, or its directory.",
    remedy: "Stop the work and acquire again. An access list (`acl`) keeps strangers from deleting nodes.",
  },
  revoked: {
    meaning: "The engine took it away while the session lives.",
    cause: "An engine of your own revoked it. The engines of this package never do.",
    remedy: "Stop the work and acquire again.",
  },
  closed: {
    meaning: "This program closed the connection while it held the handle.",
    cause: "`c.close()` was called, or a block with `await using` ended.",
    remedy: "Release handles before you close the connection.",
  },
};

/** `TransactionError.failure`. */
export const TRANSACTION_FAILURES: Readonly<Record<StepFailure, ErrorExplanation>> = {
  exists: {
    meaning: "A step creates something that is there already.",
    cause: "Another program created it first.",
    remedy: "Read it, and decide again.",
  },
  missing: {
    meaning: "A step changes or removes something that is not there.",
    cause: "It was never created, or another program removed it.",
    remedy: "Read again, and decide again.",
  },
  changed: {
    meaning: "A step expects a version that is not the current one.",
    cause: "Another program changed the value since it was read.",
    remedy: "Read the new version, and decide again.",
  },
  "not-empty": {
    meaning: "A step removes something that has children.",
    cause: "Something was created below it.",
    remedy: "Remove the children first.",
  },
  lost: {
    meaning: "The handle that guards the transaction is not held any more.",
    cause: "Its session ended, or its node was removed.",
    remedy: "Acquire the handle again, read again, and decide again.",
  },
};
