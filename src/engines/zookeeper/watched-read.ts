// Watched reads: a value as it is now, and a promise that resolves when it may have changed. They go on over lost sessions.

import { CoordinationError } from "../../base/errors.ts";
import type { Session, Stat, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { ReadOptions, WatchedRead } from "../../recipes/engine.ts";
import { ReadWatch } from "./read-watch.ts";
import { isRefusal, type RetryContext, RetryDelays } from "./retry.ts";

/** What every request of one read is sent with. */
interface Reading {
  readonly session: Session;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sessions whose server is known to have every write that was acknowledged before they began. A new session may be on a server
 * that lags: without the `sync`, a value could go back to what it was before the last session.
 */
const caughtUp = new WeakSet<Session>();

/** Reads in the current session, or in the next one, until one answers. Fails when the client is closed, or the servers refuse. */
export async function watchedRead<T>(
  context: RetryContext,
  read: (session: Session, readWatch: ReadWatch) => Promise<T>,
  { isFresh = false, signal }: ReadOptions = {},
): Promise<WatchedRead<T>> {
  const { client } = context;
  const delays = new RetryDelays(context);
  for (;;) {
    const session = await client.connected({ signal });
    const readWatch = new ReadWatch(client, session);
    try {
      if (isFresh || !caughtUp.has(session)) await client.sync("/", { session, signal });
      caughtUp.add(session);
      const value = await read(session, readWatch);
      return { value, changed: readWatch.changed, unwatch: () => readWatch.unwatch() };
    } catch (error) {
      readWatch.unwatch();
      const isLost = error instanceof CoordinationError && error.code === "session-expired";
      if (!isLost) await delays.after(error);
    }
  }
}

/** A directory's nodes with their data, each of them watched. Those for which `show` returns null are left out. */
export function watchedNodes<T>(
  context: RetryContext,
  path: string,
  select: (names: readonly string[]) => readonly string[],
  show: (name: string, data: Uint8Array, stat: Stat) => T | null,
  options: ReadOptions = {},
): Promise<WatchedRead<readonly T[]>> {
  const { client } = context;
  const read = async (session: Session, readWatch: ReadWatch) => {
    const names = select(await namesIn(client, path, { session, signal: options.signal }, readWatch));
    const found = await Promise.all(
      names.map((name) => nodeAt(client, `${path}/${name}`, { session, signal: options.signal }, readWatch)),
    );
    return names.flatMap((name, i) => {
      const node = found[i];
      const shown = node === null || node === undefined ? null : show(name, node.data ?? new Uint8Array(0), node.stat);
      return shown === null ? [] : [shown];
    });
  };
  return watchedRead(context, read, options);
}

/** The names of a node's children; null: there is no such node. */
export function watchedChildren(
  context: RetryContext,
  path: string,
  options: ReadOptions,
): Promise<WatchedRead<readonly string[] | null>> {
  const read = (session: Session, readWatch: ReadWatch) =>
    namesOrNull(context.client, path, { session, signal: options.signal }, readWatch);
  return watchedRead(context, read, options);
}

async function namesIn(
  client: ZooKeeperClient,
  path: string,
  reading: Reading,
  readWatch: ReadWatch,
): Promise<readonly string[]> {
  return (await namesOrNull(client, path, reading, readWatch)) ?? [];
}

async function namesOrNull(
  client: ZooKeeperClient,
  path: string,
  reading: Reading,
  readWatch: ReadWatch,
): Promise<readonly string[] | null> {
  for (;;) {
    try {
      const names = await client.getChildren(path, { ...reading, watch: readWatch.watcher });
      readWatch.note(path, "children");
      return names;
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    // Not there yet: told when it is.
    if ((await client.exists(path, { ...reading, watch: readWatch.watcher })) === null) {
      readWatch.note(path, "data");
      return null;
    }
    readWatch.note(path, "data");
  }
}

/** Null: it has gone meanwhile, which the watch on the directory tells. */
async function nodeAt(client: ZooKeeperClient, path: string, reading: Reading, readWatch: ReadWatch) {
  try {
    const node = await client.getData(path, { ...reading, watch: readWatch.watcher });
    readWatch.note(path, "data");
    return node;
  } catch (error) {
    if (isRefusal(error, "no-node")) return null;
    throw error;
  }
}
