// A queue in the layout of Curator's DistributedQueue with a path for locks: `items` has a node for each item, `locks` an ephemeral
// node of the same name for each leased item. Beside them is a wait queue, `consumers`: its first takes the next item and leaves it,
// so that an item wakes one consumer and not all.
//
// The lock alone keeps an item from being leased twice. The wait queue only spares the other consumers the attempt.

import type { ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { ItemLease, ItemView, NewItem, QueueItem, WorkQueue, WriteLimits } from "../../recipes/engine.ts";
import { createWithAncestors } from "./ancestors.ts";
import { NodeItemLease } from "./item-lease.ts";
import type { NodeContext } from "./nodes.ts";
import { compareItems, itemsOf, locksOf, parseItem, prefixOf, unwrapItems, wrapItem } from "./queue-items.ts";
import { isRefusal, RetryDelays } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";

export class NodeQueue implements WorkQueue {
  readonly #context: NodeContext;
  readonly #path: string;
  readonly #sessionOf: (session: unknown) => ZooKeeperSession;

  constructor(context: NodeContext, path: string, sessionOf: (session: unknown) => ZooKeeperSession) {
    this.#context = context;
    this.#path = path;
    this.#sessionOf = sessionOf;
  }

  get #client(): ZooKeeperClient {
    return this.#context.client;
  }

  async put(item: NewItem, limits: WriteLimits = {}): Promise<string> {
    const directory = itemsOf(this.#path);
    const options = { ...limits, mode: "persistent-sequential" } as const;
    const data = wrapItem(item.data);
    const { path } = await createWithAncestors(this.#context, `${directory}/${prefixOf(item)}`, data, options);
    return path.slice(directory.length + 1);
  }

  contend(session: unknown): ItemLease {
    return new NodeItemLease(this.#context, this.#sessionOf(session), this.#path);
  }

  async items(): Promise<readonly ItemView[]> {
    const [, names, locks] = await this.#asked(() =>
      Promise.all([
        this.#client.sync(this.#path), // first, because the servers answer in order
        namesIn(this.#client, itemsOf(this.#path)),
        namesIn(this.#client, locksOf(this.#path)),
      ]),
    );
    const leased = new Set(locks);
    const now = this.#context.runtime.wall();
    const items = names.map(parseItem).filter((item) => item !== null);
    return items.sort(compareItems).map(({ name, priority, dueAt }) => {
      return { id: name, priority, dueAt, isReady: !leased.has(name) && (dueAt ?? now) <= now };
    });
  }

  async read(id: string): Promise<QueueItem | null> {
    const order = parseItem(id);
    if (order === null) return null;
    try {
      const { data } = await this.#asked(() => this.#client.getData(`${itemsOf(this.#path)}/${id}`));
      return { id, priority: order.priority, dueAt: order.dueAt, data: unwrapItems(data ?? new Uint8Array(0)) };
    } catch (error) {
      if (isRefusal(error, "no-node")) return null;
      throw error;
    }
  }

  /** Asks in the current session, or the next one, until there is an answer or the client is closed. */
  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    const delays = new RetryDelays(this.#context);
    for (;;) {
      await this.#client.connected();
      try {
        return await ask();
      } catch (error) {
        await delays.after(error);
      }
    }
  }
}

async function namesIn(client: ZooKeeperClient, path: string): Promise<readonly string[]> {
  try {
    return await client.getChildren(path);
  } catch (error) {
    if (isRefusal(error, "no-node")) return [];
    throw error;
  }
}
