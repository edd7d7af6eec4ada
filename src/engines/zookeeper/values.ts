// A value: the data of one node.

import { CoordinationError } from "../../base/errors.ts";
import { op, type Session, type Stat, type ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { ReadOptions, Value, Versioned, WatchedRead, WriteLimits } from "../../recipes/engine.ts";
import { createWithAncestors } from "./ancestors.ts";
import type { NodeContext } from "./nodes.ts";
import type { ReadWatch } from "./read-watch.ts";
import { isRefusal, RetryDelays } from "./retry.ts";
import { watchedRead } from "./watched-read.ts";

/**
 * ZooKeeper compares a node's count of changes, not which node it is. A node that was deleted, created again and changed equally often
 * counts as the same. Programs that delete values which others replace must know that.
 */
export class NodeValue implements Value {
  readonly #context: NodeContext;
  readonly #client: ZooKeeperClient;
  readonly #path: string;

  constructor(context: NodeContext, path: string) {
    this.#context = context;
    this.#client = context.client;
    this.#path = path;
  }

  read(options: ReadOptions = {}): Promise<WatchedRead<Versioned | null>> {
    const client = this.#client;
    const read = async (session: Session, readWatch: ReadWatch) => {
      for (;;) {
        try {
          const { data, stat } = await client.getData(this.#path, {
            session,
            signal: options.signal,
            watch: readWatch.watcher,
          });
          readWatch.note(this.#path, "data");
          return versioned(data, stat);
        } catch (error) {
          if (!isRefusal(error, "no-node")) throw error;
        }
        const stat = await client.exists(this.#path, { session, signal: options.signal, watch: readWatch.watcher });
        readWatch.note(this.#path, "data");
        if (stat === null) return null;
      }
    };
    return watchedRead(this.#context, read, options);
  }

  async current(isFresh: boolean, signal?: AbortSignal): Promise<Versioned | null> {
    const delays = new RetryDelays(this.#context);
    for (;;) {
      const session = await this.#client.connected({ signal });
      try {
        // Sent together: the servers answer in order.
        const syncing = isFresh ? this.#client.sync(this.#path, { session, signal }) : null;
        const [{ data, stat }] = await Promise.all([this.#client.getData(this.#path, { session, signal }), syncing]);
        return versioned(data, stat);
      } catch (error) {
        if (isRefusal(error, "no-node")) return null;
        const isLost = error instanceof CoordinationError && error.code === "session-expired";
        if (!isLost) await delays.after(error);
      }
    }
  }

  async create(data: Uint8Array, limits: WriteLimits = {}): Promise<boolean> {
    try {
      await createWithAncestors(this.#context, this.#path, data, limits);
      return true;
    } catch (error) {
      if (isRefusal(error, "node-exists")) return false;
      throw error;
    }
  }

  async replace(version: string, data: Uint8Array, limits: WriteLimits = {}): Promise<boolean> {
    const count = this.#countOf(version);
    if (count === null) return await this.#replaceUncounted(version, data, limits);
    return await applied(this.#client.setData(this.#path, data, { ...limits, version: count }));
  }

  /**
   * ZooKeeper counts a node's changes in 32 signed bits. After 4,294,967,295 changes the version is −1, which in a request means any
   * version (Cabildo skips it, as ZooKeeper will). So the change is one transaction with the creation of a node below, whose name
   * is that of this very state: only one program can create it.
   */
  async #replaceUncounted(version: string, data: Uint8Array, limits: WriteLimits): Promise<boolean> {
    try {
      const change = [
        op.create(this.#passed(version), "", { acl: this.#context.aclOf(this.#path) }),
        op.setData(this.#path, data),
      ];
      return await applied(this.#client.multi(change, limits));
    } catch (error) {
      if (isRefusal(error, "node-exists")) return false;
      throw error;
    }
  }

  async delete(version: string | null, limits: WriteLimits = {}): Promise<boolean> {
    const compared = version === null ? null : this.#countOf(version);
    const count = compared ?? ANY_COUNT;
    const removal = op.delete(this.#path, count);
    const passed = version === null || compared !== null ? null : this.#passed(version);
    try {
      if (passed === null) return await applied(this.#client.delete(this.#path, { ...limits, version: count }));
      return await applied(this.#client.multi([op.create(passed), op.delete(passed), removal], limits));
    } catch (error) {
      if (isRefusal(error, "node-exists")) return false;
      if (!isRefusal(error, "not-empty")) throw error;
    }
    // It has once been in version −1.
    const names = await this.#client.getChildren(this.#path, limits);
    const below = names.filter((name) => name.startsWith(PASSED)).map((name) => op.delete(`${this.#path}/${name}`));
    return applied(this.#client.multi([...below, removal], limits));
  }

  #countOf(version: string): number | null {
    const count = countOf(version);
    if (count !== undefined) return count;
    const why = `${JSON.stringify(version)} is no version: it is text, as it was read with the value`;
    throw new CoordinationError("rejected", "not-applied", `node ${this.#path}: ${why}`);
  }

  #passed(version: string): string {
    return `${this.#path}/${PASSED}${version.slice(ANY.length)}`;
  }
}

/** Begins the names of the nodes that mark states in version −1. */
const PASSED = "passed-";
/** Begins a version that cannot be compared by its count alone. */
const ANY = "-1 ";

const ANY_COUNT = -1;

/** Null: it cannot be compared by its count alone. Undefined: it is no version. Empty text would count as 0, and −1 as any. */
export function countOf(version: string): number | null | undefined {
  if (VERSION_UNCOUNTED.test(version)) return null;
  const count = VERSION.test(version) ? Number(version) : ANY_COUNT;
  return count === ANY_COUNT || count !== (count | 0) ? undefined : count;
}

const VERSION = /^(0|-?[1-9]\d*)$/;
const VERSION_UNCOUNTED = new RegExp(`^${ANY}\\d+$`);

export function versionOf({ version, mzxid }: Stat): string {
  return version === -1 ? `${ANY}${mzxid}` : String(version);
}

function versioned(data: Uint8Array | null, stat: Stat): Versioned {
  return { data: data ?? new Uint8Array(0), revision: stat.mzxid, version: versionOf(stat) };
}

async function applied(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isRefusal(error, "bad-version") || isRefusal(error, "no-node")) return false;
    throw error;
  }
}
