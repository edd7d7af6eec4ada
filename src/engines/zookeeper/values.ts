// A value: the data of one node.

import type { Session, Stat, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { Glance, LookOptions, Value, Versioned } from "../../recipes/engine.ts";
import { glance, type Watching } from "./glances.ts";
import { pathsDownTo } from "./layout.ts";
import { isRefusal, persistently } from "./persistently.ts";

/**
 * ZooKeeper compares a node's count of changes, and not which node it is: one that was deleted, created anew and changed as
 * often as before passes for the same. Who deletes values that others replace has to know that.
 */
export class NodeValue implements Value {
  readonly #client: ZooKeeperClient;
  readonly #path: string;

  constructor(client: ZooKeeperClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  read(options: LookOptions = {}): Promise<Glance<Versioned | null>> {
    const client = this.#client;
    const read = async (session: Session, watching: Watching) => {
      for (;;) {
        try {
          const { data, stat } = await client.getData(this.#path, { session, watch: watching.watcher });
          watching.note(this.#path, "data");
          return { data: data ?? new Uint8Array(0), revision: stat.mzxid, version: versionOf(stat) };
        } catch (error) {
          if (!isRefusal(error, "no-node")) throw error;
        }
        const stat = await client.exists(this.#path, { session, watch: watching.watcher });
        watching.note(this.#path, "data");
        if (stat === null) return null;
      }
    };
    return glance(client, read, options);
  }

  async create(data: Uint8Array): Promise<boolean> {
    for (;;) {
      try {
        await this.#client.create(this.#path, data);
        return true;
      } catch (error) {
        if (isRefusal(error, "node-exists")) return false;
        if (!isRefusal(error, "no-node")) throw error;
      }
      await this.#makeParents();
    }
  }

  async #makeParents(): Promise<void> {
    for (const path of pathsDownTo(this.#path).slice(0, -1)) {
      try {
        await persistently(() => this.#client.create(path, "", { mode: "container" }));
      } catch (error) {
        if (!isRefusal(error, "node-exists") && !isRefusal(error, "no-node")) throw error;
      }
    }
  }

  replace(version: string, data: Uint8Array): Promise<boolean> {
    return applied(this.#client.setData(this.#path, data, { version: Number(version) }));
  }

  delete(version: string | null): Promise<boolean> {
    return applied(this.#client.delete(this.#path, { version: version === null ? -1 : Number(version) }));
  }
}

function versionOf({ version }: Stat): string {
  return String(version);
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
