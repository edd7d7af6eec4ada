// A wait queue: sequential nodes in a directory. A contender watches exactly one node, the last one that it waits for. So a node
// that goes wakes one contender, and one that gives up in the middle lets nobody pass.

import { assert } from "../../base/assert.ts";
import { CoordinationError } from "../../base/errors.ts";
import type { Stat } from "../../protocols/zookeeper/client/index.ts";
import type { Contender, ContenderState, OnRefused } from "../../recipes/engine.ts";
import type { NodeContext } from "./nodes.ts";
import { ProtectedNode } from "./protected-node.ts";
import { ReadWatch } from "./read-watch.ts";
import { isRefusal, retry } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";
import { inQueueOrder, type WaitQueueKind, type WaitQueueNode } from "./wait-queue-names.ts";

export interface WaitQueueOptions {
  /** The directory of the queue. */
  readonly path: string;
  /** `lock-`, `latch-`, `__READ__`, `__WRIT__`. */
  readonly kind: string;
  readonly data: Uint8Array;
  /** `kind` ends with the node's digits, instead of the server's next ones. */
  readonly isNumbered?: boolean;
  /** Whether it waits for this node before it; for all of them unless given. */
  readonly waitsFor?: (node: WaitQueueNode) => boolean;
  /** The holder that lets it in: it continues that grant, with its token, if that node is still there when this one is. */
  readonly goesOnFrom?: ProtectedNode;
}

export class WaitQueueContender implements Contender {
  readonly node: ProtectedNode;
  readonly session: ZooKeeperSession;
  protected readonly context: NodeContext;
  readonly #options: WaitQueueOptions;
  readonly #kind: WaitQueueKind;
  /** Nodes with a contender's name that no session owns: they would never go. */
  readonly #strangers = new Set<string>();
  #isLeft = false;
  #readWatch: ReadWatch | null = null;

  constructor(context: NodeContext, session: ZooKeeperSession, options: WaitQueueOptions) {
    this.context = context;
    this.session = session;
    this.#options = options;
    const { path, kind, data, isNumbered = false } = options;
    this.#kind = kind === "latch-" ? "latch" : "exclusive";
    this.node = new ProtectedNode(
      context,
      path,
      kind,
      data,
      session,
      isNumbered ? "ephemeral" : "ephemeral-sequential",
    );
  }

  async poll(): Promise<ContenderState> {
    for (;;) {
      const names = await this.#names();
      const queue = inQueueOrder(names, this.#kind).filter(({ name }) => !this.#strangers.has(name));
      if (this.#isLeft) throw new CoordinationError("aborted", "not-applied", "it has left the queue");
      const { waitsFor, goesOnFrom } = this.#options;
      // A name in the queue is never given again: if it is there now, it was there when this contender came.
      if (goesOnFrom !== undefined && !names.includes(goesOnFrom.name ?? "")) throw goneError();
      const at = queue.findIndex(({ name }) => name === this.node.name);
      if (at === -1) return { kind: "gone" };
      const ahead = waitsFor === undefined ? queue.slice(0, at) : queue.slice(0, at).filter(waitsFor);
      assert(ahead.length <= at, "only those before it are waited for");
      const last = ahead.at(-1);
      if (last === undefined) return { kind: "granted", token: (goesOnFrom ?? this.node).token };
      assert(last.name !== this.node.name, "nobody waits for itself");
      const watched = await this.#watchPredecessor(last.name);
      if (watched !== null) return { kind: "waiting", ahead: ahead.length, changed: watched.changed };
    }
  }

  /** The names in the queue, read after this contender entered it. */
  async #names(): Promise<readonly string[]> {
    if (this.node.name === null) {
      // Sent together: the servers answer in order, so one round trip tells who was before.
      const creating = this.node.create();
      const listing = this.#list().catch(() => []);
      await creating;
      const names = await listing;
      if (this.node.name !== null && names.includes(this.node.name)) return names;
    }
    return retry(this.context, () => this.#list());
  }

  async #list(): Promise<readonly string[]> {
    try {
      return await this.context.client.getChildren(this.#options.path, { session: this.session.session });
    } catch (error) {
      if (isRefusal(error, "no-node")) return [];
      throw error;
    }
  }

  /** Null: that node is gone, or is none of the queue. */
  async #watchPredecessor(name: string): Promise<ReadWatch | null> {
    const { client } = this.context;
    const { session } = this.session;
    const path = `${this.#options.path}/${name}`;
    const readWatch = new ReadWatch(client, session);
    try {
      // Not `exists`, which would leave a watch on a node that is gone.
      const { stat } = await retry(this.context, () => client.getData(path, { session, watch: readWatch.watcher }));
      readWatch.note(path, "data");
      if (!isEphemeral(stat)) {
        this.#strangers.add(name);
        readWatch.unwatch();
        return null;
      }
    } catch (error) {
      readWatch.unwatch();
      if (isRefusal(error, "no-node")) return null;
      throw error;
    }
    if (this.#isLeft) readWatch.unwatch();
    else this.#readWatch = readWatch;
    return readWatch;
  }

  /** Of the first in the queue, which holds it: a reader that waits for a writer behind it is told of that holder, too. */
  async holder(): Promise<Uint8Array | null> {
    const queue = inQueueOrder(await this.#list(), this.#kind);
    const first = queue.find(({ name }) => !this.#strangers.has(name));
    if (first === undefined || first.name === this.node.name) return null;
    return dataOf(this.context, this.session, `${this.#options.path}/${first.name}`);
  }

  /** The nodes of its grant, whose names nobody else ever has. */
  get grantedBy(): readonly string[] {
    return this.node.name === null ? [] : [this.node.path];
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    return this.node.guard(() => onGone("deleted"));
  }

  release(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#readWatch?.unwatch();
    this.#readWatch = null;
    return this.node.remove(onRefused);
  }
}

/** Null: it is gone. */
export async function dataOf(context: NodeContext, { session }: ZooKeeperSession, path: string) {
  try {
    return (await context.client.getData(path, { session })).data;
  } catch (error) {
    if (isRefusal(error, "no-node")) return null;
    throw error;
  }
}

/** ZooKeeper marks a container by an owner that no session has. */
const CONTAINER_OWNER = -(2n ** 63n);

export function isEphemeral({ ephemeralOwner }: Stat): boolean {
  return ephemeralOwner !== 0n && ephemeralOwner !== CONTAINER_OWNER;
}

function goneError(): CoordinationError {
  const why = "the grant that it was to continue is gone from the servers, and others may have come between";
  return new CoordinationError("rejected", "not-applied", why);
}
