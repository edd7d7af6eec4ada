// A directory of entries that live as long as a session: ephemeral nodes under names of their own.

import { CoordinationError } from "../../base/errors.ts";
import type { Directory, DirectoryEntry, EntryView, Glance, LookOptions, OnRefused } from "../../recipes/engine.ts";
import { createWithAncestors } from "./ancestors.ts";
import { glanceNodes } from "./glances.ts";
import { guardNode, type Place } from "./nodes.ts";
import { isRefusal, persistently } from "./persistently.ts";
import type { ZooKeeperSession } from "./session.ts";
import { TakeBack } from "./take-back.ts";

export class NodeDirectory implements Directory {
  readonly #place: Place;
  readonly #path: string;
  readonly #sessionOf: (session: unknown) => ZooKeeperSession;

  constructor(place: Place, path: string, sessionOf: (session: unknown) => ZooKeeperSession) {
    this.#place = place;
    this.#path = path;
    this.#sessionOf = sessionOf;
  }

  entry(session: unknown, name: string): DirectoryEntry {
    return new NodeEntry(this.#place, this.#path, name, this.#sessionOf(session));
  }

  list(options: LookOptions = {}): Promise<Glance<readonly EntryView[]>> {
    return glanceNodes(
      this.#place,
      this.#path,
      (names) => [...names].sort(),
      (name, data, { czxid }): EntryView => ({ name, data, token: czxid }),
      options,
    );
  }
}

class NodeEntry implements DirectoryEntry {
  readonly #place: Place;
  readonly #path: string;
  readonly #session: ZooKeeperSession;
  /** Its last `put`, behind which everything else waits. */
  #putting: Promise<unknown> | null = null;
  readonly #removal: TakeBack;

  constructor(place: Place, parent: string, name: string, session: ZooKeeperSession) {
    this.#place = place;
    this.#path = `${parent}/${name}`;
    this.#session = session;
    this.#removal = new TakeBack(
      place,
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
    const { client } = this.#place;
    const { session } = this.#session;
    while (!this.#removal.hasBegun) {
      try {
        const options = { mode: "ephemeral", session } as const;
        await persistently(this.#place, () => createWithAncestors(this.#place, this.#path, data, options));
        return true;
      } catch (error) {
        if (!isRefusal(error, "node-exists")) throw error;
      }
      const stat = await persistently(this.#place, () => client.exists(this.#path, { session }));
      if (stat === null) continue; // another's, which has gone meanwhile
      if (stat.ephemeralOwner !== session.id) return false;
      try {
        await persistently(this.#place, () => client.setData(this.#path, data, { session }));
        return true;
      } catch (error) {
        if (!isRefusal(error, "no-node")) throw error;
      }
    }
    throw new CoordinationError("aborted", "not-applied", `${this.#path} has been taken out`);
  }

  guard(onGone: () => void): () => void {
    const { id } = this.#session.session;
    return guardNode(this.#place, this.#session, this.#path, ({ ephemeralOwner }) => ephemeralOwner === id, onGone);
  }

  leave(onRefused?: OnRefused): Promise<void> {
    return this.#removal.run(onRefused);
  }

  async #removeOnce(): Promise<void> {
    if (this.#putting === null) return;
    await this.#putting.catch(() => {});
    const { client } = this.#place;
    const { session } = this.#session;
    try {
      const stat = await persistently(this.#place, () => client.exists(this.#path, { session }));
      if (stat?.ephemeralOwner !== session.id) return; // another's by now
      await persistently(this.#place, () => client.delete(this.#path, { session }));
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
  }
}
