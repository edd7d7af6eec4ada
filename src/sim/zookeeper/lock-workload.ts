// Clients that take turns with a lock by ZooKeeper's recipe, and report when they believe to hold it.

import type { Random } from "../../base/random.ts";
import { readChildren2, readCreated } from "../../protocols/zookeeper/codec/replies.ts";
import type { SimulatedClient } from "./client.ts";
import type { LockGrant } from "./lock-invariants.ts";
import { LOCK } from "./paths.ts";
import { CODE } from "./reference-tree.ts";
import type { ClientOperation, ClientWorkload, Reply, Request } from "./requests.ts";

export class LockWorkload implements ClientWorkload {
  readonly #client: SimulatedClient;
  readonly #random: Random;
  readonly #holdMs: number;
  readonly #clockRateMax: number;
  readonly #onGranted: (grant: LockGrant) => void;
  #number = 0;
  #node: { readonly path: string; readonly token: number } | null = null;
  #grant: { releasedAt: number | null } | null = null;
  #isJoining = false;
  #isResting = false;

  /** No clock runs faster than `clockRateMax`, so sessions live at least so much shorter. */
  constructor(client: SimulatedClient, holdMs: number, clockRateMax: number, onGranted: (grant: LockGrant) => void) {
    this.#client = client;
    this.#random = client.options.random;
    this.#holdMs = holdMs;
    this.#clockRateMax = clockRateMax;
    this.#onGranted = onGranted;
    client.workload = this;
  }

  rest(): void {
    this.#isResting = true;
  }

  onConnected(isNew: boolean): void {
    if (isNew) {
      this.#request({ kind: "create", path: LOCK, data: this.#data(), mode: 0 });
      this.#join();
    } else if (this.#node === null) {
      // Whether its node was made, nobody here knows: with the session it goes.
      this.#request({ kind: "close" });
    } else {
      this.#readQueue();
    }
  }

  onDisconnected(): void {
    this.#isJoining = false;
  }

  onSessionLost(): void {
    if (this.#grant !== null) this.#grant.releasedAt ??= this.#client.options.time.now;
    this.#grant = null;
    this.#node = null;
  }

  onEvent(): void {
    if (this.#node !== null) this.#readQueue();
  }

  onReply({ operation }: Request, { header, body }: Reply): void {
    if (operation.kind === "create" && operation.mode === 3) this.#isJoining = false;
    if (operation.kind === "create" && operation.mode === 3 && header.error === CODE.ok) {
      const { path, stat } = readCreated(body);
      this.#node = { path, token: stat.czxid };
      this.#readQueue();
    } else if (operation.kind === "children" && header.error === CODE.ok) {
      this.#onWaiting([...readChildren2(body).children].sort());
    } else if (operation.kind === "exists" && header.error === CODE.noNode) {
      this.#readQueue();
    } else if (operation.kind === "delete") {
      this.#after(this.#holdMs * this.#random.below(3), () => this.#join());
    }
  }

  #onWaiting(names: readonly string[]): void {
    const node = this.#node;
    if (node === null || this.#grant !== null) return;
    const own = names.indexOf(node.path.slice(LOCK.length + 1));
    if (own > 0) this.#request({ kind: "exists", path: `${LOCK}/${names[own - 1]}`, watch: true });
    if (own !== 0) return;
    const grant: { releasedAt: number | null } = { releasedAt: null };
    const session = this.#client.session!;
    this.#grant = grant;
    const endsAt = (): number => {
      const deadline = session.aliveSince + session.timeoutMs / this.#clockRateMax;
      return Math.min(grant.releasedAt ?? Number.POSITIVE_INFINITY, deadline);
    };
    this.#onGranted({ client: this.#client.id, token: node.token, endsAt });
    this.#after(this.#holdMs * (0.5 + this.#random.below(20) / 10), () => this.#release(grant));
  }

  #release(grant: { releasedAt: number | null }): void {
    if (this.#grant !== grant || this.#node === null) return;
    const { path } = this.#node;
    grant.releasedAt ??= this.#client.options.time.now;
    this.#grant = null;
    this.#node = null;
    if (this.#client.isConnected) this.#request({ kind: "delete", path, version: -1 });
    // Without a connection it comes back without a node, closes its session, and so lets go.
  }

  #join(): void {
    if (this.#isResting || this.#isJoining || this.#node !== null || !this.#client.isConnected) return;
    this.#isJoining = true;
    this.#request({ kind: "create", path: `${LOCK}/n-`, data: this.#data(), mode: 3 });
  }

  #readQueue(): void {
    this.#request({ kind: "children", path: LOCK, watch: false });
  }

  #request(operation: ClientOperation): void {
    if (this.#client.isConnected) this.#client.request(operation);
  }

  #after(milliseconds: number, task: () => void): void {
    const { time } = this.#client.options;
    const run = (): void => {
      if (this.#client.isPaused) time.after(this.#holdMs / 4, run);
      else task();
    };
    time.after(milliseconds, run);
  }

  #data(): string {
    return `${this.#client.id}-${++this.#number}`;
  }
}
