// A directory of entries that live as long as a session: ephemeral nodes under names of their own.

import { CoordinationError } from "../../base/errors.ts";
import type { Directory, DirectoryEntry, EntryView, Glance, LookOptions } from "../../recipes/engine.ts";
import { glanceNodes } from "./glances.ts";
import { forgetWatch, makeParents, type Place } from "./nodes.ts";
import { isOver, isRefusal, persistently } from "./persistently.ts";
import type { ZooKeeperSession } from "./session.ts";

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
      this.#place.client,
      this.#path,
      (names) => [...names].sort(),
      (name, data, token): EntryView => ({ name, data, token }),
      options,
    );
  }
}

class NodeEntry implements DirectoryEntry {
  readonly #place: Place;
  readonly #parent: string;
  readonly #path: string;
  readonly #session: ZooKeeperSession;
  /** Its last `put`, behind which everything else waits. */
  #putting: Promise<unknown> | null = null;
  #isLeft = false;
  #leaving: Promise<void> | null = null;

  constructor(place: Place, parent: string, name: string, session: ZooKeeperSession) {
    this.#place = place;
    this.#parent = parent;
    this.#path = `${parent}/${name}`;
    this.#session = session;
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
    while (!this.#isLeft) {
      try {
        await persistently(() => client.create(this.#path, data, { mode: "ephemeral", session }));
        return true;
      } catch (error) {
        if (isRefusal(error, "no-node")) {
          await makeParents(this.#place, this.#parent, this.#session);
          continue;
        }
        if (!isRefusal(error, "node-exists")) throw error;
      }
      const stat = await persistently(() => client.exists(this.#path, { session }));
      if (stat === null) continue; // another's, which has gone meanwhile
      if (stat.ephemeralOwner !== session.id) return false;
      try {
        await persistently(() => client.setData(this.#path, data, { session }));
        return true;
      } catch (error) {
        if (!isRefusal(error, "no-node")) throw error;
      }
    }
    throw new CoordinationError("aborted", "not-applied", `${this.#path} has been taken out`);
  }

  guard(onGone: () => void): () => void {
    const { client } = this.#place;
    const { session } = this.#session;
    let isOn = true;
    const watch = () => void look();
    const look = async () => {
      if (!isOn) return;
      try {
        const stat = await persistently(() => client.exists(this.#path, { session, watch }));
        if (!isOn || stat?.ephemeralOwner === session.id) return;
        isOn = false;
        forgetWatch(client, this.#path, "data", watch);
        onGone();
      } catch {
        isOn = false; // the session is over, which is told by itself
      }
    };
    void look();
    return () => {
      if (!isOn) return;
      isOn = false;
      forgetWatch(client, this.#path, "data", watch);
    };
  }

  leave(): Promise<void> {
    this.#isLeft = true;
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    if (this.#putting === null) return;
    await this.#putting.catch(() => {});
    const { client } = this.#place;
    const { session } = this.#session;
    try {
      const stat = await persistently(() => client.exists(this.#path, { session }));
      if (stat?.ephemeralOwner !== session.id) return; // another's by now
      await persistently(() => client.delete(this.#path, { session }));
    } catch (error) {
      if (!isOver(error) && !isRefusal(error, "no-node")) throw error;
    }
  }
}
