// Nodes whose ancestors may be missing. Missing ancestors are created as containers, as Curator does, which the servers remove when
// they are empty; and in one transaction with the node that needs them. So there is never a container that was not used, which
// the servers would not remove. Only missing ones are created, from the deepest upwards: this program may have no right to create
// anything above them.

import {
  type CallOptions,
  type CreateMode,
  MultiError,
  type MultiOperation,
  type MultiResult,
  op,
  type Stat,
} from "../../protocols/zookeeper/client/index.ts";
import { parentOf } from "./layout.ts";
import type { NodeContext } from "./nodes.ts";
import { isRefusal } from "./retry.ts";

/** For each operation by its position: the missing ancestors that are created before it, from the top. */
type Missing = Map<number, readonly string[]>;

/**
 * All operations or none, with the missing ancestors of what they create. Fails as `multi` does. A MultiError counts the operations
 * as given, and names the ancestor where an ancestor was refused.
 */
export async function multiWithAncestors(
  context: NodeContext,
  operations: readonly MultiOperation[],
  options: CallOptions,
  missing: Missing = new Map(),
): Promise<readonly MultiResult<MultiOperation>[]> {
  for (;;) {
    const steps = operations.flatMap((operation, of) => [
      ...(missing.get(of) ?? []).map((path) => ({ of, ancestor: path, operation: container(context, path) })),
      { of, ancestor: null, operation },
    ]);
    try {
      const list = steps.map(({ operation }) => operation);
      const results: readonly MultiResult<MultiOperation>[] = await context.client.multi(list, options);
      return results.filter((_, i) => steps[i]!.ancestor === null);
    } catch (error) {
      if (!(error instanceof MultiError)) throw error;
      const { of, ancestor, operation } = steps[error.failedIndex]!;
      const above = missing.get(of) ?? [];
      const parent = parentOf(operation.path);
      if (operation.op === "create" && error.reason === "no-node" && parent !== "") {
        missing.set(of, [parent, ...above]);
      } else if (ancestor !== null && error.reason === "node-exists") {
        // Another program has created it meanwhile, and with it everything above.
        missing.set(of, above.slice(above.indexOf(ancestor) + 1));
      } else {
        throw new MultiError(error.errorCode, of, error.path, error.message);
      }
    }
  }
}

function container(context: NodeContext, path: string): MultiOperation {
  return op.create(path, "", { mode: "container", acl: context.aclOf(path) });
}

/**
 * Creates a node and its missing ancestors. Returns its path, and its stat where the servers tell it (old ZooKeepers do not for a
 * node that was created with its ancestors). Fails as `create` does.
 */
export async function createWithAncestors(
  context: NodeContext,
  path: string,
  data: Uint8Array | string,
  options: CallOptions & { readonly mode?: NodeMode | undefined } = {},
): Promise<{ readonly path: string; readonly stat: Stat | null }> {
  const acl = context.aclOf(path);
  const { mode = "persistent", session, signal, timeoutMs } = options; // written out, not spread: every lock's node is created here
  try {
    return await context.client.createWithStat(path, data, { mode, acl, session, signal, timeoutMs });
  } catch (error) {
    if (!isRefusal(error, "no-node") || parentOf(path) === "") throw error;
  }
  const creation = op.create(path, data, { mode, acl, withStat: true });
  const [made] = await multiWithAncestors(
    context,
    [creation],
    { session, signal, timeoutMs },
    new Map([[0, [parentOf(path)]]]),
  );
  if (made?.op !== "create") throw new TypeError("a creation was answered with something else");
  return { path: made.path, stat: made.stat };
}

type NodeMode = Exclude<CreateMode, "persistent-with-ttl" | "persistent-sequential-with-ttl">;
