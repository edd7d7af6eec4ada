// Shared by the engine's files: the context of a recipe's nodes, UUIDs, and watches on a node of this program.

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

/** What a recipe's nodes are made with. */
export interface NodeContext {
  readonly client: ZooKeeperClient;
  readonly hashes: ClientPorts["hashes"];
  readonly runtime: Runtime;
  readonly logger: RecipeLogger;
  /** The access list of a new node: the recipe's own, or above its place the connection's. */
  aclOf(path: string): readonly Acl[];
}

export const OPEN: readonly Acl[] = ACL.open;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const HYPHENS_BEFORE: ReadonlySet<number> = new Set([4, 6, 8, 10]);

/** 128 random bits, as Java writes a UUID: Curator and kazoo recognise their own nodes by it. */
export function uuid({ hashes }: NodeContext): string {
  const bytes = hashes.randomBytes(16);
  let text = "";
  for (let i = 0; i < 16; i++) text += (HYPHENS_BEFORE.has(i) ? "-" : "") + HEX[bytes[i]!];
  return text;
}

/**
 * Calls `onGone` once if somebody else removes the node while the session lives, or replaces it by one that is not `isOwn`. Returns
 * a function that stops that. Where the servers refuse to tell, the logger is told, and they are asked again.
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
  const watch = () => void check();
  const delays = new RetryDelays({ client, runtime });
  let isTold = false;
  const check = async () => {
    while (isOn) {
      try {
        const stat = await retry({ client, runtime }, () => client.exists(path, { session, watch }));
        isTold = false;
        const isThere = stat !== null && isOwn(stat);
        // Nobody needs this watch: the node is gone, or the guard was stopped meanwhile.
        if (!isThere || !isOn) forgetWatch(client, path, "data", watch);
        if (!isThere) gone();
        return;
      } catch (error) {
        if (!isOn || session.signal.aborted) return; // the session is over, which its own listeners hear
        if (!isTold) logger.warn(`${path} cannot be watched, and is tried again: ${(error as Error).message}`);
        isTold = true;
        await delays.next();
      }
    }
  };
  void check();
  return () => {
    if (!isOn) return;
    isOn = false;
    delays.wake();
    forgetWatch(client, path, "data", watch);
  };
}

/** Removes a watch that nobody needs any more: here at once, on the servers soon. */
export function forgetWatch(
  client: ZooKeeperClient,
  path: string,
  kind: "data" | "children",
  watcher: () => void,
): void {
  client.removeWatches(path, kind, { watcher }).catch(() => {}); // it has fired, or its session is over
}
