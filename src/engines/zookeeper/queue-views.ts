// Who is in a wait queue, for those who look at it: who holds, and who waits, in order.

import type { ContenderView, PermitQueueView, PermitView, QueueView } from "../../recipes/engine.ts";
import { NODES_AT_A_TIME } from "./limits.ts";
import type { NodeContext } from "./nodes.ts";
import { isRefusal, retry } from "./retry.ts";
import { showSessionId } from "./session.ts";
import { isEphemeral } from "./wait-queue.ts";
import { inQueueOrder, type WaitQueueKind, type WaitQueueNode } from "./wait-queue-names.ts";

interface Seen {
  readonly node: WaitQueueNode;
  readonly view: ContenderView;
}

/** The queue in a directory. Readers hold together; a writer, or one without a mark, holds alone. */
export async function queueView(
  context: NodeContext,
  path: string,
  kind: WaitQueueKind,
  signal?: AbortSignal,
): Promise<QueueView> {
  await context.client.sync(path, { signal }).catch(() => {}); // what is seen is as new as can be
  const names = await retry(context, () => context.client.getChildren(path, { signal })).catch((error) => {
    if (isRefusal(error, "no-node")) return [];
    throw error;
  });
  const queue = inQueueOrder(names, kind);
  const seen: Seen[] = [];
  for (let at = 0; at < queue.length; at += NODES_AT_A_TIME) {
    const part = await Promise.all(
      queue.slice(at, at + NODES_AT_A_TIME).map((node) => viewOf(context, path, node, signal)),
    );
    seen.push(...part.filter((each) => each !== null));
  }
  const holding = countHolders(seen.map(({ node }) => node));
  const views = seen.map(({ view }) => view);
  return { holders: views.slice(0, holding), waiting: views.slice(holding) };
}

/**
 * A semaphore's queue: its lock and its leases. Only the lock's holder adds leases, and it is the first that waits. What its session added
 * after it had come is its own, and not held yet. A grant of the same session in the meantime is taken for a part of that.
 */
export async function permitQueueView(context: NodeContext, path: string): Promise<PermitQueueView> {
  const lock = await queueView(context, `${path}/locks`, "exclusive");
  const leases = await queueView(context, `${path}/leases`, "lease");
  const [first, ...others] = [...lock.holders, ...lock.waiting];
  const isPromised = ({ session, token }: ContenderView) =>
    first !== undefined && session === first.session && token > first.token;
  const all = [...leases.holders, ...leases.waiting];
  const promised = all.filter(isPromised).length;
  const waiting = first === undefined ? [] : [{ ...first, permits: promised === 0 ? null : promised }];
  return {
    holders: bySession(all.filter((lease) => !isPromised(lease))),
    waiting: [...waiting, ...others.map((view) => ({ ...view, permits: null }))],
  };
}

/** One view for all leases of a session: as old as the oldest, with the token of the youngest. */
function bySession(leases: readonly ContenderView[]): readonly PermitView[] {
  const views = new Map<string, PermitView & { readonly permits: number }>();
  for (const lease of leases) {
    const before = views.get(lease.session);
    const view =
      before === undefined ? { ...lease, permits: 1 } : { ...before, token: lease.token, permits: before.permits + 1 };
    views.set(lease.session, view);
  }
  return [...views.values()];
}

function countHolders(nodes: readonly WaitQueueNode[]): number {
  const [first] = nodes;
  if (first === undefined) return 0;
  // A reader with the writer's own number is one that this writer let in.
  const end = first.isReader
    ? nodes.findIndex(({ isReader }) => !isReader)
    : nodes.findIndex(({ sequence }) => sequence !== first.sequence);
  return end === -1 ? nodes.length : end;
}

/** Null: it has gone meanwhile, or no session owns it: it holds nothing, and nobody waits for it. */
async function viewOf(
  context: NodeContext,
  path: string,
  node: WaitQueueNode,
  signal: AbortSignal | undefined,
): Promise<Seen | null> {
  try {
    const { data, stat } = await retry(context, () => context.client.getData(`${path}/${node.name}`, { signal }));
    if (!isEphemeral(stat)) return null;
    const view = {
      token: stat.czxid,
      data: data ?? new Uint8Array(0),
      session: showSessionId(stat.ephemeralOwner),
      enteredAt: Number(stat.ctime),
      isReader: node.isReader,
    };
    return { node, view };
  } catch (error) {
    if (isRefusal(error, "no-node")) return null;
    throw error;
  }
}
