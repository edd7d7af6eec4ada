// A place in a line: a protected node, and those before it. Whoever waits watches exactly one of them, the last that it
// waits for; so one that leaves wakes one, and one that gives up in the middle lets nobody past.

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
  /** The directory of the line. */
  readonly path: string;
  /** `lock-`, `latch-`, `__READ__`, `__WRIT__`. */
  readonly kind: string;
  readonly data: Uint8Array;
  /** `kind` ends with the digits that it is to have, instead of the server's next ones. */
  readonly isNumbered?: boolean;
  /** Whether it has to wait for this one, which stands before it; for all of them unless given. */
  readonly waitsFor?: (node: WaitQueueNode) => boolean;
  /** Who lets it in: it goes on from that one, with its token, and only if that one is in the line still when this one is. */
  readonly goesOnFrom?: ProtectedNode;
}

export class WaitQueueContender implements Contender {
  readonly node: ProtectedNode;
  readonly session: ZooKeeperSession;
  protected readonly context: NodeContext;
  readonly #options: WaitQueueOptions;
  readonly #kind: WaitQueueKind;
  /** Names that look like one of the line, and are none: nobody's session owns them, so nobody will ever leave. */
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
      const names = await this.#line();
      const line = inQueueOrder(names, this.#kind).filter(({ name }) => !this.#strangers.has(name));
      if (this.#isLeft) throw new CoordinationError("aborted", "not-applied", "it has left the line");
      const { waitsFor, goesOnFrom } = this.#options;
      // A name in a line is never given again: seen now, it was there when this one came.
      if (goesOnFrom !== undefined && !names.includes(goesOnFrom.name ?? "")) throw goneError();
      const at = line.findIndex(({ name }) => name === this.node.name);
      if (at === -1) return { kind: "gone" };
      const ahead = waitsFor === undefined ? line.slice(0, at) : line.slice(0, at).filter(waitsFor);
      assert(ahead.length <= at, "only those before it are waited for");
      const last = ahead.at(-1);
      if (last === undefined) return { kind: "granted", token: (goesOnFrom ?? this.node).token };
      assert(last.name !== this.node.name, "nobody waits for itself");
      const watched = await this.#watchPredecessor(last.name);
      if (watched !== null) return { kind: "waiting", ahead: ahead.length, changed: watched.changed };
    }
  }

  /** The names in the line, read when this one was in it. */
  async #line(): Promise<readonly string[]> {
    if (this.node.name === null) {
      // Both leave together: the servers answer in order, so one round trip says who was before.
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

  /** The nodes that it is granted by, under names that nobody else ever has. */
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

/** ZooKeeper marks a container by an owner that no session has. */
const CONTAINER_OWNER = -(2n ** 63n);

export function isEphemeral({ ephemeralOwner }: Stat): boolean {
  return ephemeralOwner !== 0n && ephemeralOwner !== CONTAINER_OWNER;
}

function goneError(): CoordinationError {
  const why = "what it was to go on from is not there any more on the servers, and others may have come between";
  return new CoordinationError("rejected", "not-applied", why);
}
