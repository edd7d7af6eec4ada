// What the engine's files share: where things are made, and by whose right; names of chance; watches over a node of one's own.

import {
  ACL,
  type Acl,
  type ClientPorts,
  type Stat,
  type ZooKeeperClient,
} from "../../protocols/zookeeper/client/index.ts";
import type { RecipeLogger, Runtime } from "../../recipes/engine.ts";
import { RetryDelays, retry } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";

/** Where a recipe's nodes are made. */
export interface NodeContext {
  readonly client: ZooKeeperClient;
  readonly hashes: ClientPorts["hashes"];
  readonly runtime: Runtime;
  readonly logger: RecipeLogger;
  /** The access list of a new node: the recipe's own, or, above its place, that of all recipes. */
  aclOf(path: string): readonly Acl[];
}

export const OPEN: readonly Acl[] = ACL.open;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const HYPHENS_BEFORE: ReadonlySet<number> = new Set([4, 6, 8, 10]);

/** 128 bits of chance, as Java writes a UUID: Curator and kazoo know their own nodes by it. */
export function uuid({ hashes }: NodeContext): string {
  const bytes = hashes.randomBytes(16);
  let text = "";
  for (let i = 0; i < 16; i++) text += (HYPHENS_BEFORE.has(i) ? "-" : "") + HEX[bytes[i]!];
  return text;
}

/**
 * Calls once when somebody else removes a node while the session lives, or puts one in its place that is not `isOwn`; returns
 * how to stop that. Where the servers refuse to say, the logger is told, and they are asked again.
 */
export function guardNode(
  { client, runtime, logger }: NodeContext,
  { session }: ZooKeeperSession,
  path: string,
  isOwn: (stat: Stat) => boolean,
  onGone: () => void,
): () => void {
  let isOn = true;
  const gone = () => {
    if (isOn && !session.signal.aborted) onGone();
    isOn = false;
  };
  const watch = () => void look();
  const delays = new RetryDelays({ client, runtime });
  let isTold = false;
  const look = async () => {
    while (isOn) {
      try {
        const stat = await retry({ client, runtime }, () => client.exists(path, { session, watch }));
        isTold = false;
        const isThere = stat !== null && isOwn(stat);
        // Nobody waits for this watch: not for a node that is gone, and not when it was called off meanwhile.
        if (!isThere || !isOn) forgetWatch(client, path, "data", watch);
        if (!isThere) gone();
        return;
      } catch (error) {
        if (!isOn || session.signal.aborted) return; // the session is over, which is told by itself
        if (!isTold) logger.warn(`${path} cannot be watched over, and is tried again: ${(error as Error).message}`);
        isTold = true;
        await delays.next();
      }
    }
  };
  void look();
  return () => {
    if (!isOn) return;
    isOn = false;
    delays.wake();
    forgetWatch(client, path, "data", watch);
  };
}

/** Takes a watch off that nobody waits for any more, here at once, on the servers soon. */
export function forgetWatch(
  client: ZooKeeperClient,
  path: string,
  kind: "data" | "children",
  watcher: () => void,
): void {
  client.removeWatches(path, kind, { watcher }).catch(() => {}); // it had gone off, or its session is over
}
