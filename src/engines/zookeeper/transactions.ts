// Transactions, as ZooKeeper's multi.

import { CoordinationError } from "../../base/errors.ts";
import {
  MultiError,
  type MultiOperation,
  type MultiResult,
  op,
  type ZooKeeperClient,
} from "../../protocols/zookeeper/client/index.ts";
import type { StepResult, TransactionStep, WriteLimits } from "../../recipes/engine.ts";
import { type StepFailure, TransactionError } from "../../recipes/errors.ts";
import { parentOf, pathOf } from "./layout.ts";
import { LineContender } from "./line.ts";
import { makeParentsOnce } from "./nodes.ts";
import { PermitContender } from "./permits.ts";
import { ANY, versionOf } from "./values.ts";

export async function transact(
  client: ZooKeeperClient,
  root: string,
  steps: readonly TransactionStep[],
  limits: WriteLimits,
): Promise<readonly StepResult[]> {
  const operations = steps.map((step) => operationsOf(root, step));
  const list = operations.flat();
  const stepOf = operations.flatMap((each, step) => each.map(() => step));
  for (;;) {
    try {
      const results: readonly MultiResult<MultiOperation>[] = await client.multi(list, limits);
      return steps.map((_, step) => resultOf(results[stepOf.indexOf(step)]!));
    } catch (error) {
      if (!(error instanceof MultiError)) throw error;
      const failed = list[error.failedIndex]!;
      if (failed.op !== "create" || error.reason !== "no-node") {
        throw failureOf(error, steps, stepOf[error.failedIndex]!);
      }
      await makeParentsOnce(client, parentOf(failed.path), limits);
    }
  }
}

function operationsOf(root: string, step: TransactionStep): readonly MultiOperation[] {
  if (step.kind === "guard") return guardOf(step);
  const path = pathOf(root, "transaction", step.place);
  switch (step.kind) {
    case "check":
      return [op.check(path, countOf(step.version))];
    case "create":
      return [op.create(path, step.data, { withStat: true })];
    case "set":
      return [op.setData(path, step.data, countOf(step.version))];
    case "delete":
      return [op.delete(path, countOf(step.version))];
  }
}

/** Names of granted nodes are never given again: while one is there, it is granted. */
function guardOf({ what, contender }: TransactionStep & { readonly kind: "guard" }): readonly MultiOperation[] {
  const isKnown = contender instanceof LineContender || contender instanceof PermitContender;
  const paths = isKnown ? contender.grantedBy : [];
  if (paths.length > 0) return paths.map((path) => op.check(path));
  const why = `guard: ${JSON.stringify(what)} cannot guard a transaction; locks, permits and leadership can`;
  throw new CoordinationError("rejected", "not-applied", `transaction: ${why}`);
}

function countOf(version: string | null): number {
  if (version === null) return -1;
  const count = Number(version);
  if (!version.startsWith(ANY) && Number.isInteger(count) && count !== -1) return count;
  const why = `version ${JSON.stringify(version)} cannot be compared: read the value, write it once, and read it again`;
  throw new CoordinationError("rejected", "not-applied", `transaction: ${why}`);
}

function resultOf(result: MultiResult<MultiOperation>): StepResult {
  const stat = "stat" in result ? result.stat : null;
  return stat === null ? null : { version: versionOf(stat), revision: stat.mzxid };
}

const FAILURES: Readonly<Partial<Record<MultiError["reason"], StepFailure>>> = {
  "node-exists": "exists",
  "no-node": "missing",
  "bad-version": "changed",
  "not-empty": "not-empty",
};

const WORDS: Readonly<Record<StepFailure, string>> = {
  exists: "is there already",
  missing: "is not there",
  changed: "is in another version",
  "not-empty": "has something below it",
  lost: "is not held any more",
};

function failureOf(error: MultiError, steps: readonly TransactionStep[], step: number): CoordinationError {
  const failed = steps[step]!;
  const failure = failed.kind === "guard" && error.reason === "no-node" ? "lost" : FAILURES[error.reason];
  if (failure === undefined) return error;
  const subject = failed.kind === "guard" ? JSON.stringify(failed.what) : failed.place;
  const message = `transaction: nothing was applied: step ${step}, ${failed.kind}: ${subject} ${WORDS[failure]}`;
  return new TransactionError(step, failure, message, { cause: error });
}
