// An item of a queue that one consumer works on: a place in the line of those who want one, then a lock on the item.

import { CoordinationError } from "../../base/errors.ts";
import { type MultiError, op, type ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { bytesOf, textOf } from "../../recipes/bytes.ts";
import type { Lease, QueueItem, Runtime, Standing } from "../../recipes/engine.ts";
import { LineContender } from "./line.ts";
import { guardNode, makeParents, type Place, uuid } from "./nodes.ts";
import { isOver, isPassing, isRefusal, persistently } from "./persistently.ts";
import { compareItems, type ItemName, itemsOf, locksOf, parseItem, unwrapItems } from "./queue-items.ts";
import type { ZooKeeperSession } from "./session.ts";
import { WakeUp } from "./wake-up.ts";

/** Of a date that is far off the clock is asked anew once in a while: it may have been set. */
const LOOK_AGAIN_MS_MAX = 600_000;

export class NodeLease implements Lease {
  item: QueueItem | null = null;
  readonly #place: Place;
  readonly #runtime: Runtime;
  readonly #session: ZooKeeperSession;
  readonly #path: string;
  readonly #line: LineContender;
  /** What its lock holds: by this it is known after a lost reply. */
  readonly #owner: Uint8Array;
  #wakeUp: WakeUp | null = null;
  #taking: Promise<unknown> = Promise.resolve();
  /** Its lock: the item's name and the transaction that made it. Null: it has none, or none any more. */
  #lock: { readonly name: string; readonly token: bigint } | null = null;
  #hasTried = false;
  #isCompleting = false;
  #isLeft = false;
  #leaving: Promise<void> | null = null;

  constructor(place: Place, runtime: Runtime, session: ZooKeeperSession, path: string) {
    this.#place = place;
    this.#runtime = runtime;
    this.#session = session;
    this.#path = path;
    this.#owner = bytesOf(uuid(place));
    const options = { path: `${path}/consumers`, kind: "lock-", data: new Uint8Array(0) };
    this.#line = new LineContender(place, session, options);
  }

  get #client(): ZooKeeperClient {
    return this.#place.client;
  }

  // ------------------------------------------------------------------------------------------------- waiting and taking

  async look(): Promise<Standing> {
    if (!this.#hasTried) {
      this.#hasTried = true;
      if (await this.#takeAtOnce()) return this.#granted();
      if (this.#isLeft) return { kind: "gone" };
    }
    const standing = await this.#line.look();
    if (standing.kind !== "granted") return standing;
    for (;;) {
      this.#wakeUp?.forget();
      const wakeUp = new WakeUp(this.#client, this.#session);
      this.#wakeUp = wakeUp;
      const { ready, nextAt } = await this.#available(wakeUp);
      if (ready.length === 0 && !this.#isLeft) {
        this.#wakeAt(wakeUp, nextAt);
        return { kind: "waiting", ahead: 0, changed: wakeUp.changed };
      }
      wakeUp.forget();
      for (const item of ready) {
        if (!(await this.#tryToTake(item))) continue; // another, who stood in no line, was faster
        // The next in line may go on. Nothing hangs on when; `leave` sees to it that it is done.
        this.#line.leave().catch(() => {});
        return this.#granted();
      }
      if (this.#isLeft) return { kind: "gone" };
    }
  }

  /**
   * Where nobody waits there is no line to stand in: that saves two writes of four. Whoever loses here goes to stand in it.
   * Behind a `sync`, so that what was put before is in its place.
   */
  async #takeAtOnce(): Promise<boolean> {
    const { session } = this.#session;
    const [, line, { ready }] = await Promise.all([
      persistently(() => this.#client.sync(this.#path, { session })),
      this.#names(`${this.#path}/consumers`),
      this.#available(),
    ]);
    const [first] = ready;
    return line.length === 0 && first !== undefined && (await this.#tryToTake(first));
  }

  async #tryToTake(item: ItemName): Promise<boolean> {
    if (this.#isLeft) return false;
    const taking = this.#take(item);
    this.#taking = taking.catch(() => {}); // who leaves waits for it
    return await taking;
  }

  #granted(): Standing {
    return this.#lock === null ? { kind: "gone" } : { kind: "granted", token: this.#lock.token };
  }

  /** Those that are due and nobody's, in their order; and when the next will be due. */
  async #available(wakeUp?: WakeUp): Promise<{ ready: readonly ItemName[]; nextAt: number }> {
    const [names, locks] = await Promise.all([
      this.#names(itemsOf(this.#path), wakeUp),
      this.#names(locksOf(this.#path), wakeUp),
    ]);
    const leased = new Set(locks);
    const free = names
      .filter((name) => !leased.has(name))
      .map(parseItem)
      .filter((item) => item !== null);
    const now = this.#runtime.wall();
    const isDue = ({ dueAt }: ItemName) => dueAt === null || dueAt <= now;
    const nextAt = free.reduce((at, item) => (isDue(item) ? at : Math.min(at, item.dueAt!)), Number.POSITIVE_INFINITY);
    return { ready: free.filter(isDue).sort(compareItems), nextAt };
  }

  #wakeAt(wakeUp: WakeUp, date: number): void {
    if (date === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(1, date - this.#runtime.wall()), LOOK_AGAIN_MS_MAX);
    wakeUp.onForget(this.#runtime.after(delay, wakeUp.watcher));
  }

  async #names(path: string, wakeUp?: WakeUp): Promise<readonly string[]> {
    const options = { session: this.#session.session, watch: wakeUp?.watcher };
    for (;;) {
      try {
        const names = await persistently(() => this.#client.getChildren(path, options));
        wakeUp?.note(path, "children");
        return names;
      } catch (error) {
        if (!isRefusal(error, "no-node")) throw error;
      }
      if (wakeUp === undefined) return [];
      // Not there yet: told when it is.
      const stat = await persistently(() => this.#client.exists(path, options));
      wakeUp.note(path, "data");
      if (stat === null) return [];
    }
  }

  /** False: it is another's, or completed. */
  async #take(item: ItemName): Promise<boolean> {
    const token = await this.#makeLock(item);
    if (token === null) return false;
    const { name, priority, dueAt } = item;
    this.#lock = { name, token };
    const { session } = this.#session;
    try {
      const { data } = await persistently(() => this.#client.getData(`${itemsOf(this.#path)}/${name}`, { session }));
      this.item = { id: name, priority, dueAt, data: unwrapItems(data ?? new Uint8Array(0)) };
      return true;
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
      // Somebody who asks for no lock took it.
      this.#lock = null;
      await this.#release(`${locksOf(this.#path)}/${name}`);
      return false;
    }
  }

  /** Gives its token; null: there is another's, or no item any more. Made only with the item, so that none is left behind. */
  async #makeLock({ name }: ItemName): Promise<bigint | null> {
    const { session } = this.#session;
    const lockPath = `${locksOf(this.#path)}/${name}`;
    const lock = op.create(lockPath, this.#owner, { mode: "ephemeral", withStat: true });
    for (;;) {
      try {
        const [, made] = await this.#client.multi([op.check(`${itemsOf(this.#path)}/${name}`), lock], { session });
        return made.stat!.czxid;
      } catch (error) {
        if (isRefusal(error, "node-exists")) return this.#ownLock(lockPath);
        if (isPassing(error)) continue; // if it was made, the next try says so
        if (!isRefusal(error, "no-node")) throw error;
        if ((error as MultiError).failedIndex !== 1) return null;
        await makeParents(this.#place, locksOf(this.#path), this.#session);
      }
    }
  }

  /** The token of its lock; null: it has none there. Behind a `sync`, so that a server that lags does not deny it. */
  async #ownLock(lockPath: string): Promise<bigint | null> {
    const { session } = this.#session;
    return persistently(async () => {
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

  // ------------------------------------------------------------------------------------------------------- when it is had

  async complete(): Promise<void> {
    const lock = this.#lock;
    if (lock === null) throw removedError();
    this.#isCompleting = true;
    try {
      if (await this.#remove(lock.name)) this.#lock = null;
    } catch (error) {
      this.#isCompleting = false;
      throw error;
    }
    await this.leave();
  }

  /** Item and lock, as one. False: the item was gone, and the lock may not be. */
  async #remove(name: string): Promise<boolean> {
    const { session } = this.#session;
    const removal = [op.delete(`${locksOf(this.#path)}/${name}`), op.delete(`${itemsOf(this.#path)}/${name}`)];
    let isUnknown = false;
    for (;;) {
      try {
        await this.#client.multi(removal, { session });
        return true;
      } catch (error) {
        if (!(error instanceof CoordinationError)) throw error;
        if (isRefusal(error, "no-node")) {
          // By this, where an answer was lost; or somebody else took the item out.
          if (isUnknown || (error as MultiError).failedIndex === 1) return false;
          throw removedError(error);
        }
        isUnknown ||= error.outcome === "unknown";
        if (isPassing(error)) continue;
        throw isUnknown ? new CoordinationError(error.code, "unknown", error.message, { cause: error }) : error;
      }
    }
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    const lock = this.#lock;
    if (lock === null) return () => {};
    const isOwn = ({ czxid }: { readonly czxid: bigint }) => czxid === lock.token;
    return guardNode(this.#client, this.#session, `${locksOf(this.#path)}/${lock.name}`, isOwn, () => {
      if (!this.#isCompleting) onGone("deleted");
    });
  }

  leave(): Promise<void> {
    this.#isLeft = true;
    this.#wakeUp?.forget();
    this.#wakeUp = null;
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    const line = this.#line.leave();
    await this.#taking;
    const lock = this.#lock;
    this.#lock = null;
    try {
      if (lock !== null) await this.#release(`${locksOf(this.#path)}/${lock.name}`);
    } finally {
      await line;
    }
  }

  /** Unless it is another's by now: somebody may have removed it, and it was made again. */
  async #release(lockPath: string): Promise<void> {
    const { session } = this.#session;
    try {
      if ((await this.#ownLock(lockPath)) === null) return;
      await persistently(() => this.#client.delete(lockPath, { session }));
    } catch (error) {
      if (!isOver(error) && !isRefusal(error, "no-node")) throw error;
    }
  }
}

function removedError(cause?: unknown): CoordinationError {
  const why = "its lease was removed by somebody, and others may work on it: the item was not completed";
  return new CoordinationError("rejected", "not-applied", why, { cause });
}
