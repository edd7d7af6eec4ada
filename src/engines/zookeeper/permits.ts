// Permits of a semaphore in the layout of Curator's InterProcessSemaphoreV2: a lock beside a directory of leases. The holder of the
// lock adds its leases, waits until there are few enough, and releases the lock. So there is one fair queue, only its first
// contender watches the leases, and several permits are granted together before anybody else adds a lease.

import type { Contender, ContenderState, OnRefused } from "../../recipes/engine.ts";
import type { NodeContext } from "./nodes.ts";
import { ProtectedNode } from "./protected-node.ts";
import { ReadWatch } from "./read-watch.ts";
import { isRefusal, retry } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";
import { dataOf, WaitQueueContender } from "./wait-queue.ts";
import { inQueueOrder } from "./wait-queue-names.ts";

export interface PermitOptions {
  readonly path: string;
  /** How many permits there are; `count`: how many are wanted. */
  readonly permits: number;
  readonly count: number;
  readonly data: Uint8Array;
}

export class PermitContender implements Contender {
  readonly #context: NodeContext;
  readonly #session: ZooKeeperSession;
  readonly #options: PermitOptions;
  readonly #lock: WaitQueueContender;
  readonly #leases: readonly ProtectedNode[];
  #readWatch: ReadWatch | null = null;
  #isLeft = false;

  constructor(context: NodeContext, session: ZooKeeperSession, options: PermitOptions) {
    this.#context = context;
    this.#session = session;
    this.#options = options;
    const { path, count, data } = options;
    this.#lock = new WaitQueueContender(context, session, {
      path: `${path}/locks`,
      kind: "lock-",
      data,
    });
    this.#leases = Array.from({ length: count }, () => {
      return new ProtectedNode(context, this.#directory, "lease-", data, session);
    });
  }

  get #directory(): string {
    return `${this.#options.path}/leases`;
  }

  async poll(): Promise<ContenderState> {
    const standing = await this.#lock.poll();
    if (standing.kind !== "granted") return standing;
    await Promise.all(this.#leases.map((lease) => lease.create()));
    const readWatch = new ReadWatch(this.#context.client, this.#session.session);
    const names = await this.#list(readWatch);
    if (this.#isLeft || !this.#leases.every(({ name }) => name !== null && names.includes(name))) {
      readWatch.unwatch();
      return { kind: "gone" };
    }
    const over = inQueueOrder(names, "lease").length - this.#options.permits;
    if (over > 0) {
      this.#readWatch = readWatch;
      return { kind: "waiting", ahead: over, changed: readWatch.changed };
    }
    readWatch.unwatch();
    void this.#lock.release(); // lets the next contender go on; retried until it is done
    const token = this.#leases.reduce((highest, lease) => (lease.token > highest ? lease.token : highest), 0n);
    return { kind: "granted", token };
  }

  /** The names of the permits that are out. */
  async #list(readWatch: ReadWatch): Promise<readonly string[]> {
    const { client } = this.#context;
    const options = { session: this.#session.session, watch: readWatch.watcher };
    try {
      const names = await retry(this.#context, () => client.getChildren(this.#directory, options));
      readWatch.note(this.#directory, "children");
      return names;
    } catch (error) {
      readWatch.unwatch();
      if (isRefusal(error, "no-node")) return [];
      throw error;
    }
  }

  /** Of the oldest permit that is out. */
  async holder(): Promise<Uint8Array | null> {
    const { client } = this.#context;
    const names = await client.getChildren(this.#directory, { session: this.#session.session });
    const first = inQueueOrder(names, "lease").find(({ name }) => this.#leases.every((own) => own.name !== name));
    return first === undefined ? null : dataOf(this.#context, this.#session, `${this.#directory}/${first.name}`);
  }

  get grantedBy(): readonly string[] {
    return this.#leases.filter(({ name }) => name !== null).map(({ path }) => path);
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    const stops = this.#leases.map((lease) => lease.guard(() => onGone("deleted")));
    return () => {
      for (const stop of stops) stop();
    };
  }

  async release(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#readWatch?.unwatch();
    this.#readWatch = null;
    await Promise.all([...this.#leases.map((lease) => lease.remove(onRefused)), this.#lock.release(onRefused)]);
  }
}
