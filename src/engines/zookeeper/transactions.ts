// Transactions, as ZooKeeper's multi.

import { CoordinationError } from "../../base/errors.ts";
import {
  MultiError,
  type MultiOperation,
  type MultiResult,
  op,
  type Stat,
} from "../../protocols/zookeeper/client/index.ts";
import type { StepResult, TransactionStep, WriteLimits } from "../../recipes/engine.ts";
import { type StepFailure, TransactionError } from "../../recipes/errors.ts";
import { multiWithAncestors } from "./ancestors.ts";
import { pathOf } from "./layout.ts";
import type { NodeContext } from "./nodes.ts";
import { PermitContender } from "./permits.ts";
import { countOf, versionOf } from "./values.ts";
import { WaitQueueContender } from "./wait-queue.ts";

export async function transact(
  context: NodeContext,
  root: string,
  steps: readonly TransactionStep[],
  limits: WriteLimits,
): Promise<readonly StepResult[]> {
  const operations = steps.map((step) => operationsOf(context, root, step));
  const list = operations.flat();
  const stepOf = operations.flatMap((each, step) => each.map(() => step));
  try {
    const results = await multiWithAncestors(context, list, limits);
    return await Promise.all(steps.map((_, step) => resultOf(context, results[stepOf.indexOf(step)]!, limits)));
  } catch (error) {
    if (!(error instanceof MultiError)) throw error;
    throw failureOf(error, steps, stepOf[error.failedIndex]!);
  }
}

function operationsOf(context: NodeContext, root: string, step: TransactionStep): readonly MultiOperation[] {
  if (step.kind === "guard") return guardOf(step);
  const path = pathOf(root, "transaction", step.place);
  switch (step.kind) {
    case "check":
      return [op.check(path, comparedCount(step.version))];
    case "create":
      return [op.create(path, step.data, { withStat: true, acl: context.aclOf(path) })];
    case "set":
      return [op.setData(path, step.data, comparedCount(step.version))];
    case "delete":
      return [op.delete(path, comparedCount(step.version))];
  }
}

/** A granted node's name is never given again: while the node exists, the grant is valid. */
function guardOf({ what, contender }: TransactionStep & { readonly kind: "guard" }): readonly MultiOperation[] {
  const isKnown = contender instanceof WaitQueueContender || contender instanceof PermitContender;
  const paths = isKnown ? contender.grantedBy : [];
  if (paths.length > 0) return paths.map((path) => op.check(path));
  const why = `guard: ${JSON.stringify(what)} cannot guard a transaction; locks, permits and leadership can`;
  throw new CoordinationError("rejected", "not-applied", `transaction: ${why}`);
}

function comparedCount(version: string | null): number {
  if (version === null) return -1;
  const count = countOf(version);
  if (typeof count === "number") return count;
  const why = `version ${JSON.stringify(version)} cannot be compared: read the value, write it once, and read it again`;
  throw new CoordinationError("rejected", "not-applied", `transaction: ${why}`);
}

/** Old ZooKeepers (3.8.0, as in Debian) do not return the stat of a node that a transaction created. Then it is read afterwards. */
async function resultOf(
  context: NodeContext,
  result: MultiResult<MultiOperation>,
  limits: WriteLimits,
): Promise<StepResult> {
  if (result.op !== "create") return "stat" in result ? seenOf(result.stat) : null;
  const stat = result.stat ?? (await readBack(context, result.path, limits));
  return stat === null ? null : { version: "0", revision: stat.czxid };
}

async function readBack({ client }: NodeContext, path: string, limits: WriteLimits): Promise<Stat | null> {
  try {
    return await client.exists(path, limits);
  } catch (error) {
    if (!(error instanceof CoordinationError)) throw error;
    const message = `transaction: all of it was applied, and what ${path} is now could not be read: ${error.message}`;
    throw new CoordinationError(error.code, "applied", message, { cause: error });
  }
}

function seenOf(stat: Stat): StepResult {
  return { version: versionOf(stat), revision: stat.mzxid };
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
  const subject = failed.kind === "guard" ? JSON.stringify(failed.what) : failed.place;
  const where = `transaction: nothing was applied: step ${step}, ${failed.kind}: ${subject}`;
  if (failure === undefined) {
    return new MultiError(error.errorCode, step, error.path, `${where} was refused by the servers: ${error.message}`);
  }
  const message = `${where} ${WORDS[failure]}`;
  return new TransactionError(step, failure, message, { cause: error });
}
