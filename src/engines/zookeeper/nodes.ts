// Nodes that are certainly there, or certainly not: creation that survives a lost reply, and removal at any instant.

import { CoordinationError } from "../../base/errors.ts";
import type { ClientPorts, Stat, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { WriteLimits } from "../../recipes/engine.ts";
import { pathsDownTo } from "./layout.ts";
import { isOver, isPassing, isRefusal, persistently } from "./persistently.ts";
import type { ZooKeeperSession } from "./session.ts";

export interface Place {
  readonly client: ZooKeeperClient;
  readonly hashes: ClientPorts["hashes"];
}

/** Missing ancestors are made as Curator makes them: containers, which the servers remove when they are empty. */
export async function makeParents({ client }: Place, path: string, session: ZooKeeperSession): Promise<void> {
  for (const each of pathsDownTo(path)) {
    try {
      await persistently(() => client.create(each, "", { mode: "container", session: session.session }));
    } catch (error) {
      // A parent that was empty may be gone again: whoever asked tries again, and comes back here.
      if (!isRefusal(error, "node-exists") && !isRefusal(error, "no-node")) throw error;
    }
  }
}

/**
 * The same for whoever needs no session; tried once. Whatever becomes of them, what was to stand below has not been written:
 * so its errors say "not-applied".
 */
export async function makeParentsOnce(client: ZooKeeperClient, path: string, limits: WriteLimits): Promise<void> {
  for (const each of pathsDownTo(path)) {
    try {
      await client.create(each, "", { ...limits, mode: "container" });
    } catch (error) {
      if (isRefusal(error, "node-exists") || isRefusal(error, "no-node")) continue;
      if (!(error instanceof CoordinationError)) throw error;
      throw new CoordinationError(error.code, "not-applied", error.message, { cause: error });
    }
  }
}

/** 128 bits of chance, as Java writes a UUID: Curator and kazoo know their own nodes by it. */
export function uuid({ hashes }: Place): string {
  const bytes = hashes.randomBytes(16);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * One ephemeral node, sequential unless its name has its digits already, protected as Curator's are: its name begins with a UUID (`_c_<uuid>-`), so that after a lost
 * reply it is found again, or found to be missing, and then created again.
 *
 * Why a search decides it: the client sends nothing twice and in order; a server that takes the session over ends what was
 * under way from the old one; and the search is behind a `sync`, so a server that lags does not answer "missing" for a
 * node that is there.
 */
export class ProtectedNode {
  /** Set when it is certainly there, or was. */
  name: string | null = null;
  /** Its czxid. */
  token = 0n;
  readonly #place: Place;
  readonly #parent: string;
  readonly #prefix: string;
  readonly #data: Uint8Array;
  readonly #session: ZooKeeperSession;
  readonly #mode: "ephemeral" | "ephemeral-sequential";
  #creating: Promise<void> | null = null;
  #removing: Promise<void> | null = null;

  /** `kind`: what stands between the UUID and the digits, as `lock-`. */
  constructor(
    place: Place,
    parent: string,
    kind: string,
    data: Uint8Array,
    session: ZooKeeperSession,
    mode: "ephemeral" | "ephemeral-sequential" = "ephemeral-sequential",
  ) {
    this.#mode = mode;
    this.#place = place;
    this.#parent = parent;
    this.#prefix = `_c_${uuid(place)}-${kind}`;
    this.#data = data;
    this.#session = session;
  }

  get path(): string {
    return `${this.#parent}/${this.name}`;
  }

  /** Completes when it is there; of no effect once it is being removed. */
  create(): Promise<void> {
    this.#creating ??= this.#create();
    return this.#creating;
  }

  async #create(): Promise<void> {
    while (this.#removing === null) {
      try {
        const { client } = this.#place;
        const options = { mode: this.#mode, session: this.#session.session };
        const { path, stat } = await client.createWithStat(`${this.#parent}/${this.#prefix}`, this.#data, options);
        this.name = path.slice(path.lastIndexOf("/") + 1);
        this.token = stat.czxid;
        return;
      } catch (error) {
        if (isRefusal(error, "no-node")) {
          await makeParents(this.#place, this.#parent, this.#session);
          continue;
        }
        const isUnknown = error instanceof CoordinationError && error.outcome === "unknown" && !isOver(error);
        if (isUnknown && (await this.#find())) return;
        if (!isPassing(error)) throw error;
      }
    }
  }

  #find(): Promise<boolean> {
    const { client } = this.#place;
    const session = this.#session.session;
    return persistently(async () => {
      try {
        await client.sync(this.#parent, { session });
        const names = await client.getChildren(this.#parent, { session });
        const name = names.find((each) => each.startsWith(this.#prefix));
        if (name === undefined) return false;
        const stat = await client.exists(`${this.#parent}/${name}`, { session });
        if (stat === null) return false;
        this.name = name;
        this.token = stat.czxid;
        return true;
      } catch (error) {
        if (isRefusal(error, "no-node")) return false;
        throw error;
      }
    });
  }

  /** Completes when it is certainly not there, or will not be any more because the session is over. */
  remove(): Promise<void> {
    this.#removing ??= this.#remove();
    return this.#removing;
  }

  async #remove(): Promise<void> {
    if (this.#creating === null) return;
    try {
      // While it is under way nobody knows its name. Waited for only then: else nothing may come before the deletion.
      if (this.name === null) await this.#creating;
      if (this.name === null) return;
      const session = this.#session.session;
      await persistently(() => this.#place.client.delete(this.path, { session }));
    } catch (error) {
      if (isOver(error) || isRefusal(error, "no-node")) return;
      if (this.name === null) return; // it was refused, and whoever asked for it has been told
      throw error;
    }
  }

  /** Calls once when somebody else removes it while the session lives; returns how to stop that. */
  guard(onGone: () => void): () => void {
    return guardNode(this.#place.client, this.#session, this.path, () => true, onGone);
  }
}

/**
 * Calls once when somebody else removes a node while the session lives, or puts one in its place that is not `isOwn`; returns
 * how to stop that.
 */
export function guardNode(
  client: ZooKeeperClient,
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
  const look = async () => {
    if (!isOn) return;
    try {
      const stat = await persistently(() => client.exists(path, { session, watch }));
      const isThere = stat !== null && isOwn(stat);
      // Nobody waits for this watch: not for a node that is gone, and not when it was called off meanwhile.
      if (!isThere || !isOn) forgetWatch(client, path, "data", watch);
      if (!isThere) gone();
    } catch {
      isOn = false; // the session is over, which is told by itself
    }
  };
  void look();
  return () => {
    if (!isOn) return;
    isOn = false;
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
