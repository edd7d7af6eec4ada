// Reads from the leader's disk for slow followers: entries that have left memory, and chunks of a snapshot.

import type { Effect } from "../consensus/raft/types.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log, Snapshots } from "./ports.ts";
import type { ReplicaStats } from "./replica-stats.ts";

export class FollowerFeed {
  readonly #loop: ConsensusLoop;
  readonly #log: Log;
  readonly #snapshots: Snapshots;
  readonly #stats: ReplicaStats;
  readonly #lifecycle: Lifecycle;

  constructor(loop: ConsensusLoop, log: Log, snapshots: Snapshots, stats: ReplicaStats, lifecycle: Lifecycle) {
    this.#loop = loop;
    this.#log = log;
    this.#snapshots = snapshots;
    this.#stats = stats;
    this.#lifecycle = lifecycle;
  }

  readEntries({ to, from, bytesMax }: Effect & { readonly kind: "fetch" }): void {
    this.#log.read(from, this.#loop.raft.lastIndex, bytesMax).then(
      (entries) => this.#loop.submit({ kind: "fetched", to, from, entries }),
      (error) => this.#lifecycle.fail(error),
    );
  }

  readSnapshot({ to, index, offset, bytesMax }: Effect & { readonly kind: "read-snapshot" }): void {
    if (offset === 0) this.#stats.snapshotsSent += 1;
    this.#snapshots.read(index, offset, bytesMax).then(
      (read) => {
        const { data = null, done = false } = read ?? {};
        this.#loop.submit({ kind: "snapshot-read", to, index, offset, data, done });
      },
      (error) => this.#lifecycle.fail(error),
    );
  }
}
