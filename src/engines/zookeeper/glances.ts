// Reading with an eye on what comes: one-shot watches as the port's glances, over sessions that come and go.

import { whenAborted } from "../../base/abort.ts";
import { CoordinationError } from "../../base/errors.ts";
import type { Session, Stat, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { Glance, LookOptions } from "../../recipes/engine.ts";
import { forgetWatch } from "./nodes.ts";
import { type Asker, isRefusal, Pauses } from "./persistently.ts";

/** Watches set for one glance: the first event of any of them, or the end of the session, is the change. */
export class Watching {
  readonly changed: Promise<void>;
  readonly #client: ZooKeeperClient;
  readonly #set: { readonly path: string; readonly kind: "data" | "children" }[] = [];
  readonly #stop: () => void;
  #onChange: () => void = () => {};

  constructor(client: ZooKeeperClient, session: Session) {
    this.#client = client;
    this.changed = new Promise((resolve) => {
      this.#onChange = resolve;
    });
    this.#stop = whenAborted(session.signal, this.watcher);
    if (session.signal.aborted) this.watcher();
  }

  readonly watcher = (): void => {
    this.#onChange();
    this.forget();
  };

  /** To be told of once it is certain that the watch was set. */
  note(path: string, kind: "data" | "children"): void {
    this.#set.push({ path, kind });
  }

  forget(): void {
    this.#stop();
    for (const { path, kind } of this.#set.splice(0)) forgetWatch(this.#client, path, kind, this.watcher);
  }

  glance<T>(value: T): Glance<T> {
    return { value, changed: this.changed, forget: () => this.forget() };
  }
}

/**
 * Sessions that have caught up with what was acknowledged before them. A new session may be on a server that lags: without
 * this, what was seen in the one before could be gone again.
 */
const caughtUp = new WeakSet<Session>();

/** Reads in whatever session there is, until one answers; fails when the client is closed, or the servers refuse. */
export async function glance<T>(
  asker: Asker,
  read: (session: Session, watching: Watching) => Promise<T>,
  { isFresh = false }: LookOptions = {},
): Promise<Glance<T>> {
  const { client } = asker;
  const pauses = new Pauses(asker);
  for (;;) {
    const session = await client.connected();
    const watching = new Watching(client, session);
    try {
      if (isFresh || !caughtUp.has(session)) await client.sync("/", { session });
      caughtUp.add(session);
      return watching.glance(await read(session, watching));
    } catch (error) {
      watching.forget();
      const isLost = error instanceof CoordinationError && error.code === "session-expired";
      if (!isLost) await pauses.after(error);
    }
  }
}

/** A directory's nodes with their data, watched one and all. Those that `show` says null of are left out. */
export function glanceNodes<T>(
  asker: Asker,
  path: string,
  select: (names: readonly string[]) => readonly string[],
  show: (name: string, data: Uint8Array, stat: Stat) => T | null,
  options: LookOptions = {},
): Promise<Glance<readonly T[]>> {
  const { client } = asker;
  const read = async (session: Session, watching: Watching) => {
    const names = select(await namesIn(client, path, session, watching));
    const found = await Promise.all(names.map((name) => nodeAt(client, `${path}/${name}`, session, watching)));
    return names.flatMap((name, i) => {
      const node = found[i];
      const shown = node === null || node === undefined ? null : show(name, node.data ?? new Uint8Array(0), node.stat);
      return shown === null ? [] : [shown];
    });
  };
  return glance(asker, read, options);
}

async function namesIn(
  client: ZooKeeperClient,
  path: string,
  session: Session,
  watching: Watching,
): Promise<readonly string[]> {
  for (;;) {
    try {
      const names = await client.getChildren(path, { session, watch: watching.watcher });
      watching.note(path, "children");
      return names;
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    // Not there yet: told when it is.
    if ((await client.exists(path, { session, watch: watching.watcher })) === null) {
      watching.note(path, "data");
      return [];
    }
    watching.note(path, "data");
  }
}

/** Null: it has gone meanwhile, which the watch on the directory tells. */
async function nodeAt(client: ZooKeeperClient, path: string, session: Session, watching: Watching) {
  try {
    const node = await client.getData(path, { session, watch: watching.watcher });
    watching.note(path, "data");
    return node;
  } catch (error) {
    if (isRefusal(error, "no-node")) return null;
    throw error;
  }
}
