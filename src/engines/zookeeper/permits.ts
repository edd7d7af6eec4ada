// Permits of a semaphore, as Curator's InterProcessSemaphoreV2 gives them: a lock beside a directory of leases. Who has the
// lock adds its leases, waits until there are few enough, and passes the lock on. So those who wait stand in one fair line,
// only the first of them watches the leases, and whoever wants several gets all of them before anybody else adds one.

import type { Contender, OnRefused, Standing } from "../../recipes/engine.ts";
import { LineContender } from "./line.ts";
import { forgetWatch, type Place } from "./nodes.ts";
import { isRefusal, persistently } from "./persistently.ts";
import { ProtectedNode } from "./protected-node.ts";
import { inOrder } from "./sequence.ts";
import type { ZooKeeperSession } from "./session.ts";

export interface PermitOptions {
  readonly path: string;
  /** How many there are, and how many are wanted. */
  readonly permits: number;
  readonly count: number;
  readonly data: Uint8Array;
}

export class PermitContender implements Contender {
  readonly #place: Place;
  readonly #session: ZooKeeperSession;
  readonly #options: PermitOptions;
  readonly #lock: LineContender;
  readonly #leases: readonly ProtectedNode[];
  #forget: () => void = () => {};
  #isLeft = false;

  constructor(place: Place, session: ZooKeeperSession, options: PermitOptions) {
    this.#place = place;
    this.#session = session;
    this.#options = options;
    const { path, count, data } = options;
    this.#lock = new LineContender(place, session, { path: `${path}/locks`, kind: "lock-", data: new Uint8Array(0) });
    this.#leases = Array.from({ length: count }, () => {
      return new ProtectedNode(place, this.#directory, "lease-", data, session);
    });
  }

  get #directory(): string {
    return `${this.#options.path}/leases`;
  }

  async look(): Promise<Standing> {
    const standing = await this.#lock.look();
    if (standing.kind !== "granted") return standing;
    await Promise.all(this.#leases.map((lease) => lease.create()));
    const { names, changed, forget } = await this.#list();
    if (this.#isLeft || !this.#leases.every(({ name }) => name !== null && names.includes(name))) {
      forget();
      return { kind: "gone" };
    }
    const over = inOrder(names, "lease").length - this.#options.permits;
    if (over > 0) {
      this.#forget = forget;
      return { kind: "waiting", ahead: over, changed };
    }
    forget();
    void this.#lock.leave(); // the next in line may go on; tried until it is done
    const token = this.#leases.reduce((highest, lease) => (lease.token > highest ? lease.token : highest), 0n);
    return { kind: "granted", token };
  }

  async #list(): Promise<{ names: readonly string[]; changed: Promise<void>; forget: () => void }> {
    const { client } = this.#place;
    const session = this.#session.session;
    let onChange = () => {};
    const changed = new Promise<void>((resolve) => {
      onChange = resolve;
    });
    const stop = this.#session.onState(({ kind }) => (kind === "lost" ? onChange() : undefined));
    const watch = () => {
      stop();
      onChange();
    };
    const forget = () => {
      stop();
      forgetWatch(client, this.#directory, "children", watch);
    };
    try {
      const names = await persistently(this.#place, () => client.getChildren(this.#directory, { session, watch }));
      return { names, changed, forget };
    } catch (error) {
      stop();
      if (isRefusal(error, "no-node")) return { names: [], changed, forget: () => {} };
      throw error;
    }
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

  async leave(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#forget();
    this.#forget = () => {};
    await Promise.all([...this.#leases.map((lease) => lease.remove(onRefused)), this.#lock.leave(onRefused)]);
  }
}
