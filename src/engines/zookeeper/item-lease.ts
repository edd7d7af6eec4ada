// The lease of a queue's item: a place in the wait queue of the consumers, then a lock on an item.

import { CoordinationError } from "../../base/errors.ts";
import { MultiError, op, type ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { bytesOf, textOf } from "../../recipes/bytes.ts";
import type { ContenderState, ItemLease, OnRefused, QueueItem } from "../../recipes/engine.ts";
import { multiWithAncestors } from "./ancestors.ts";
import { LOOK_AGAIN_MS_MAX } from "./limits.ts";
import { guardNode, type NodeContext, uuid } from "./nodes.ts";
import { compareItems, type ItemName, itemsOf, locksOf, parseItem, unwrapItems } from "./queue-items.ts";
import { ReadWatch } from "./read-watch.ts";
import { RetriedRemoval } from "./retried-removal.ts";
import { isRefusal, isUnknown, RetryDelays, retry, withUnknownOutcome } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";
import { WaitQueueContender } from "./wait-queue.ts";

export class NodeItemLease implements ItemLease {
  item: QueueItem | null = null;
  readonly #context: NodeContext;
  readonly #session: ZooKeeperSession;
  readonly #path: string;
  readonly #waitQueue: WaitQueueContender;
  /** The data of its lock, by which the lock is recognised after a lost reply. */
  readonly #owner: Uint8Array;
  #readWatch: ReadWatch | null = null;
  #taking: Promise<unknown> = Promise.resolve();
  /** Its lock: the item's name, and the transaction that created it. Null: it has none. */
  #lock: { readonly name: string; readonly token: bigint } | null = null;
  /** The item whose lock is its own, or may be after a lost reply. */
  #locked: string | null = null;
  readonly #unlocking: RetriedRemoval;
  #hasTried = false;
  #isCompleting = false;
  /** The completion was sent, and its result is not known. */
  #mayBeCompleted = false;
  #isLeft = false;

  constructor(context: NodeContext, session: ZooKeeperSession, path: string) {
    this.#context = context;
    this.#session = session;
    this.#path = path;
    this.#owner = bytesOf(uuid(context));
    const options = { path: `${path}/consumers`, kind: "lock-", data: new Uint8Array(0) };
    this.#waitQueue = new WaitQueueContender(context, session, options);
    this.#unlocking = new RetriedRemoval(
      context,
      () => `${locksOf(path)}/${this.#locked}`,
      () => this.#unlockWhenKnown(),
    );
  }

  get #client(): ZooKeeperClient {
    return this.#context.client;
  }

  // ------------------------------------------------------------------------------------------------- waiting and taking

  async poll(): Promise<ContenderState> {
    if (!this.#hasTried) {
      this.#hasTried = true;
      if (await this.#takeAtOnce()) return this.#granted();
      if (this.#isLeft) return { kind: "gone" };
    }
    const standing = await this.#waitQueue.poll();
    if (standing.kind !== "granted") return standing;
    for (;;) {
      this.#readWatch?.unwatch();
      const readWatch = new ReadWatch(this.#client, this.#session.session);
      this.#readWatch = readWatch;
      const { ready, nextAt } = await this.#available(readWatch);
      if (ready.length === 0 && !this.#isLeft) {
        this.#wakeAt(readWatch, nextAt);
        return { kind: "waiting", ahead: 0, changed: readWatch.changed };
      }
      readWatch.unwatch();
      for (const item of ready) {
        if (!(await this.#tryToTake(item))) continue; // a consumer that did not wait was faster
        void this.#waitQueue.release(); // lets the next consumer go on; retried until it is done
        return this.#granted();
      }
      if (this.#isLeft) return { kind: "gone" };
    }
  }

  /**
   * Where nobody waits it takes an item at once, without a place in the wait queue: that saves two writes of four. If another is
   * faster it enters the queue. Behind a `sync`, so that it sees every item that was put before.
   */
  async #takeAtOnce(): Promise<boolean> {
    const { session } = this.#session;
    const [, waiting, { ready }] = await Promise.all([
      retry(this.#context, () => this.#client.sync(this.#path, { session })),
      this.#names(`${this.#path}/consumers`),
      this.#available(),
    ]);
    const [first] = ready;
    return waiting.length === 0 && first !== undefined && (await this.#tryToTake(first));
  }

  async #tryToTake(item: ItemName): Promise<boolean> {
    if (this.#isLeft) return false;
    const taking = this.#take(item);
    this.#taking = taking.catch(() => {}); // the release waits for it
    return await taking;
  }

  #granted(): ContenderState {
    return this.#lock === null ? { kind: "gone" } : { kind: "granted", token: this.#lock.token };
  }

  /** The items that are due and not leased, in their order; and when the next will be due. */
  async #available(readWatch?: ReadWatch): Promise<{ ready: readonly ItemName[]; nextAt: number }> {
    const [names, locks] = await Promise.all([
      this.#names(itemsOf(this.#path), readWatch),
      this.#names(locksOf(this.#path), readWatch),
    ]);
    const leased = new Set(locks);
    const free = names
      .filter((name) => !leased.has(name))
      .map(parseItem)
      .filter((item) => item !== null);
    const now = this.#context.runtime.wall();
    const isDue = ({ dueAt }: ItemName) => dueAt === null || dueAt <= now;
    const nextAt = free.reduce((at, item) => (isDue(item) ? at : Math.min(at, item.dueAt!)), Number.POSITIVE_INFINITY);
    return { ready: free.filter(isDue).sort(compareItems), nextAt };
  }

  #wakeAt(readWatch: ReadWatch, date: number): void {
    if (date === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(1, date - this.#context.runtime.wall()), LOOK_AGAIN_MS_MAX);
    readWatch.onUnwatch(this.#context.runtime.after(delay, readWatch.watcher));
  }

  async #names(path: string, readWatch?: ReadWatch): Promise<readonly string[]> {
    const options = { session: this.#session.session, watch: readWatch?.watcher };
    for (;;) {
      try {
        const names = await retry(this.#context, () => this.#client.getChildren(path, options));
        readWatch?.note(path, "children");
        return names;
      } catch (error) {
        if (!isRefusal(error, "no-node")) throw error;
      }
      if (readWatch === undefined) return [];
      // It does not exist yet: the watch tells when it does.
      const stat = await retry(this.#context, () => this.#client.exists(path, options));
      readWatch.note(path, "data");
      if (stat === null) return [];
    }
  }

  /** False: another has it, or it is completed. */
  async #take(item: ItemName): Promise<boolean> {
    const { name, priority, dueAt } = item;
    this.#locked = name;
    const token = await this.#makeLock(item);
    if (token === null) {
      this.#locked = null;
      return false;
    }
    const { session } = this.#session;
    try {
      const path = `${itemsOf(this.#path)}/${name}`;
      const { data } = await retry(this.#context, () => this.#client.getData(path, { session }));
      this.#lock = { name, token };
      this.item = { id: name, priority, dueAt, data: unwrapItems(data ?? new Uint8Array(0)) };
      return true;
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
      await this.#unlock(); // a program that uses no locks took it
      return false;
    }
  }

  /** Returns the lock's token; null: another has a lock, or the item is gone. Created only while the item exists, so none is left behind. */
  async #makeLock({ name }: ItemName): Promise<bigint | null> {
    const { session } = this.#session;
    const lockPath = `${locksOf(this.#path)}/${name}`;
    const acl = this.#context.aclOf(lockPath);
    const lock = op.create(lockPath, this.#owner, { mode: "ephemeral", withStat: true, acl });
    const taking = [op.check(`${itemsOf(this.#path)}/${name}`), lock];
    const delays = new RetryDelays(this.#context);
    for (;;) {
      try {
        const [, made] = await multiWithAncestors(this.#context, taking, { session });
        const stat = made?.op === "create" ? made.stat : null;
        return stat?.czxid ?? (await this.#ownLock(lockPath)); // old ZooKeepers return no stat from a transaction
      } catch (error) {
        if (isRefusal(error, "node-exists")) return this.#ownLock(lockPath);
        if (isRefusal(error, "no-node") && error instanceof MultiError && error.failedIndex === 0) return null;
        await delays.after(error); // if it was created, the next try finds it
      }
    }
  }

  /** The token of its lock; null: it has none. Behind a `sync`, because a server that lags may not show the lock yet. */
  async #ownLock(lockPath: string): Promise<bigint | null> {
    const { session } = this.#session;
    return retry(this.#context, async () => {
      try {
        const syncing = this.#client.sync(lockPath, { session });
        const [{ data, stat }] = await Promise.all([this.#client.getData(lockPath, { session }), syncing]);
        return textOf(data ?? new Uint8Array(0)) === textOf(this.#owner) ? stat.czxid : null;
      } catch (error) {
        if (isRefusal(error, "no-node")) return null;
        throw error;
      }
    });
  }

  // ------------------------------------------------------------------------------------------------------- with the lease

  async complete(): Promise<void> {
    const lock = this.#lock;
    if (lock === null) throw removedError();
    this.#isCompleting = true;
    try {
      await this.#remove(lock.name);
    } catch (error) {
      this.#isCompleting = false;
      throw error;
    }
    this.#lock = null;
    void this.release();
  }

  /** Removes item and lock in one transaction. */
  async #remove(name: string): Promise<void> {
    const { session } = this.#session;
    const removal = [op.delete(`${locksOf(this.#path)}/${name}`), op.delete(`${itemsOf(this.#path)}/${name}`)];
    const delays = new RetryDelays(this.#context);
    for (;;) {
      try {
        await this.#client.multi(removal, { session });
        this.#locked = null;
        return;
      } catch (error) {
        if (isRefusal(error, "no-node")) {
          // Removed by this one, whose answer was lost; or by somebody else.
          const isGone =
            (error as MultiError).failedIndex === 1 || (this.#mayBeCompleted && !(await this.#isThere(name)));
          if (isGone) return;
          throw removedError(error);
        }
        this.#mayBeCompleted ||= isUnknown(error);
        try {
          await delays.after(error);
        } catch {
          throw this.#mayBeCompleted ? withUnknownOutcome(error) : error;
        }
      }
    }
  }

  /** Behind a `sync`, because a server that lags may still show the item. If this fails, the removal stays unknown. */
  #isThere(name: string): Promise<boolean> {
    const { session } = this.#session;
    const path = `${itemsOf(this.#path)}/${name}`;
    const answer = retry(this.#context, async () => {
      const [, stat] = await Promise.all([
        this.#client.sync(path, { session }),
        this.#client.exists(path, { session }),
      ]);
      return stat !== null;
    });
    return answer.catch((error) => {
      throw withUnknownOutcome(error);
    });
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    const lock = this.#lock;
    if (lock === null) return () => {};
    const isOwn = ({ czxid }: { readonly czxid: bigint }) => czxid === lock.token;
    return guardNode(this.#context, this.#session, `${locksOf(this.#path)}/${lock.name}`, isOwn, () => {
      if (!this.#isCompleting) onGone("deleted");
    });
  }

  async release(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#readWatch?.unwatch();
    this.#readWatch = null;
    await Promise.all([this.#waitQueue.release(onRefused), this.#unlocking.run(onRefused)]);
  }

  async #unlockWhenKnown(): Promise<void> {
    await this.#taking;
    await this.#unlock();
  }

  /**
   * Removes its lock, unless the lock is another's by now. Each try asks again: somebody may have removed the lock, or this did
   * and the answer was lost, and another has created it since.
   */
  async #unlock(): Promise<void> {
    if (this.#locked === null) return;
    const lockPath = `${locksOf(this.#path)}/${this.#locked}`;
    const { session } = this.#session;
    try {
      await retry(this.#context, async () => {
        if ((await this.#ownLock(lockPath)) !== null) await this.#client.delete(lockPath, { session });
      });
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    this.#locked = null;
    this.#lock = null;
  }
}

function removedError(cause?: unknown): CoordinationError {
  const why = "its lease was removed by somebody, and others may work on it: the item was not completed";
  return new CoordinationError("rejected", "not-applied", why, { cause });
}
