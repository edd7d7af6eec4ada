// The catalogue of all errors that a person can meet: every code with its meaning, its cause and its remedy. `docs/errors.md` is made
// from it.

import type { ErrorExplanation } from "../base/error-explanations.ts";
import { COORDINATION_ERRORS } from "../base/error-explanations.ts";
import { SESSION_LOSS_CAUSES, ZOOKEEPER_REASONS } from "../protocols/zookeeper/client/error-explanations.ts";
import { errorCodeOf } from "../protocols/zookeeper/client/errors.ts";
import { HANDLE_LOSS_CAUSES, TRANSACTION_FAILURES } from "../recipes/error-explanations.ts";
import { EXIT_STATUSES } from "./exit.ts";

/** Errors whose codes stand in the same field. */
export interface ErrorGroup {
  /** The field that holds the code, or what the number is. */
  readonly title: string;
  /** Where the code stands, in a sentence. */
  readonly where: string;
  readonly errors: readonly ErrorEntry[];
}

export interface ErrorEntry extends ErrorExplanation {
  /** As the field holds it: `"no-quorum"`. An exit status as text: `"69"`. */
  readonly code: string;
  /** ZooKeeper's number for it (`KeeperException.Code`); null for what has none. */
  readonly zookeeperCode: number | null;
}

export const ERROR_CATALOGUE: readonly ErrorGroup[] = [
  {
    title: "CoordinationError.code",
    where: "Every error of the library is a `CoordinationError`. `code` says what happened.",
    errors: entriesOf(COORDINATION_ERRORS),
  },
  {
    title: "LockLostError.lossCause",
    where: "The reason of a handle's `signal` is a `LockLostError` when the handle was lost. `lossCause` says why.",
    errors: entriesOf(HANDLE_LOSS_CAUSES),
  },
  {
    title: "TransactionError.failure",
    where:
      "A transaction that was not applied fails with a `TransactionError`. `step` says which step failed, `failure` why.",
    errors: entriesOf(TRANSACTION_FAILURES),
  },
  {
    title: "SessionLostError.lossCause",
    where: "The reason of a session's `signal` in the ZooKeeper client is a `SessionLostError`.",
    errors: entriesOf(SESSION_LOSS_CAUSES),
  },
  {
    title: "ZooKeeperError.reason",
    where:
      "A server's refusal is a `ZooKeeperError`, whose `code` is \"rejected\". `reason` names it, `errorCode` has ZooKeeper's number.",
    errors: entriesOf(ZOOKEEPER_REASONS, errorCodeOf),
  },
  {
    title: "Exit status",
    where:
      "The exit status of `cabildo` and its commands. `lock` and `elect` end with the status of the command that they ran.",
    errors: entriesOf(EXIT_STATUSES),
  },
];

/** All entries of a code: as a field holds it, in any case, or ZooKeeper's number. One code may stand in several fields. */
export function entriesWithCode(text: string): readonly (ErrorEntry & { readonly group: ErrorGroup })[] {
  const wanted = text.trim().toLowerCase();
  return ERROR_CATALOGUE.flatMap((group) =>
    group.errors
      .filter(({ code, zookeeperCode }) => code === wanted || String(zookeeperCode) === wanted)
      .map((entry) => ({ ...entry, group })),
  );
}

function entriesOf<Code extends string>(
  explanations: Readonly<Record<Code, ErrorExplanation>>,
  numberOf: (code: Code) => number | null = () => null,
): readonly ErrorEntry[] {
  const codes = Object.keys(explanations) as Code[];
  return codes.map((code) => ({ ...explanations[code], code, zookeeperCode: numberOf(code) }));
}
