// A directory of entries that live as long as a session: ephemeral nodes under given names.

import { CoordinationError } from "../../base/errors.ts";
import type {
  Directory,
  DirectoryEntry,
  EntryView,
  OnRefused,
  ReadOptions,
  WatchedRead,
} from "../../recipes/engine.ts";
import { createWithAncestors } from "./ancestors.ts";
import { guardNode, type NodeContext } from "./nodes.ts";
import { RetriedRemoval } from "./retried-removal.ts";
import { isRefusal, retry } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";
import { watchedNodes } from "./watched-read.ts";

export class NodeDirectory implements Directory {
  readonly #context: NodeContext;
  readonly #path: string;
  readonly #sessionOf: (session: unknown) => ZooKeeperSession;

  constructor(context: NodeContext, path: string, sessionOf: (session: unknown) => ZooKeeperSession) {
    this.#context = context;
    this.#path = path;
    this.#sessionOf = sessionOf;
  }

  entry(session: unknown, name: string): DirectoryEntry {
    return new NodeEntry(this.#context, this.#path, name, this.#sessionOf(session));
  }

  list(options: ReadOptions = {}): Promise<WatchedRead<readonly EntryView[]>> {
    return watchedNodes(
      this.#context,
      this.#path,
      (names) => [...names].sort(),
      (name, data, { czxid }): EntryView => ({ name, data, token: czxid }),
      options,
    );
  }
}

class NodeEntry implements DirectoryEntry {
  readonly #context: NodeContext;
  readonly #path: string;
  readonly #session: ZooKeeperSession;
  /** Its last `put`: every other change waits for it. */
  #putting: Promise<unknown> | null = null;
  readonly #removal: RetriedRemoval;

  constructor(context: NodeContext, parent: string, name: string, session: ZooKeeperSession) {
    this.#context = context;
    this.#path = `${parent}/${name}`;
    this.#session = session;
    this.#removal = new RetriedRemoval(
      context,
      () => this.#path,
      () => this.#removeOnce(),
    );
  }

  put(data: Uint8Array): Promise<boolean> {
    const before = this.#putting ?? Promise.resolve();
    const putting = before.then(
      () => this.#put(data),
      () => this.#put(data),
    );
    this.#putting = putting;
    return putting;
  }

  async #put(data: Uint8Array): Promise<boolean> {
    const { client } = this.#context;
    const { session } = this.#session;
    while (!this.#removal.hasBegun) {
      try {
        const options = { mode: "ephemeral", session } as const;
        await retry(this.#context, () => createWithAncestors(this.#context, this.#path, data, options));
        return true;
      } catch (error) {
        if (!isRefusal(error, "node-exists")) throw error;
      }
      const stat = await retry(this.#context, () => client.exists(this.#path, { session }));
      if (stat === null) continue; // another session's, gone meanwhile
      if (stat.ephemeralOwner !== session.id) return false;
      try {
        await retry(this.#context, () => client.setData(this.#path, data, { session }));
        return true;
      } catch (error) {
        if (!isRefusal(error, "no-node")) throw error;
      }
    }
    throw new CoordinationError("aborted", "not-applied", `${this.#path} is being removed`);
  }

  guard(onGone: () => void): () => void {
    const { id } = this.#session.session;
    return guardNode(this.#context, this.#session, this.#path, ({ ephemeralOwner }) => ephemeralOwner === id, onGone);
  }

  remove(onRefused?: OnRefused): Promise<void> {
    return this.#removal.run(onRefused);
  }

  async #removeOnce(): Promise<void> {
    if (this.#putting === null) return;
    await this.#putting.catch(() => {});
    const { client } = this.#context;
    const { session } = this.#session;
    try {
      const stat = await retry(this.#context, () => client.exists(this.#path, { session }));
      if (stat?.ephemeralOwner !== session.id) return; // another session's by now
      await retry(this.#context, () => client.delete(this.#path, { session }));
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
  }
}
