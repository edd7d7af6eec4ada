// Takes snapshots of the state while it goes on changing, in slices short enough for heartbeats to pass between them,
// and installs those that a leader sends.

import { assert } from "../base/assert.ts";
import type { SnapshotMeta } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { Snapshots, SnapshotWriter } from "./ports.ts";

const SLICE_BYTES = 128 * 1024;

export class Snapshotter {
  readonly #machine: Machine;
  readonly #snapshots: Snapshots;
  readonly #sliceBytes: number;
  #taking: Promise<boolean> | null = null;
  #abandoned = false;
  #installing: { meta: SnapshotMeta; writer: SnapshotWriter; offset: number; isGivenUp: boolean } | null = null;
  /** One chunk after another: of another leader's as well, whose first may come while the last of the old is written. */
  #receiving: Promise<unknown> = Promise.resolve();

  constructor(machine: Machine, snapshots: Snapshots, sliceBytes = SLICE_BYTES) {
    this.#machine = machine;
    this.#snapshots = snapshots;
    this.#sliceBytes = sliceBytes;
  }

  get isBusy(): boolean {
    return this.#taking !== null || this.#installing !== null;
  }

  /** Completes when no snapshot is being taken any more. */
  async idle(): Promise<void> {
    await this.#taking?.catch(() => false);
  }

  /** Takes a snapshot of the state as it is now. Completes with false if it was abandoned for a newer one. */
  take(meta: SnapshotMeta): Promise<boolean> {
    assert(!this.isBusy, "one snapshot at a time");
    this.#abandoned = false;
    this.#taking = this.#write(meta).finally(() => {
      this.#taking = null;
    });
    return this.#taking;
  }

  async #write(meta: SnapshotMeta): Promise<boolean> {
    const view = this.#machine.beginSnapshot();
    const writer = this.#snapshots.create(meta);
    try {
      for (;;) {
        const slice = this.#abandoned ? null : view.next(this.#sliceBytes);
        if (slice === null) break;
        await writer.write(slice);
      }
      if (!this.#abandoned) await writer.finish();
      else await writer.abandon();
    } catch (error) {
      await writer.abandon();
      throw error;
    } finally {
      view.end();
    }
    return !this.#abandoned;
  }

  /**
   * A chunk of a leader's snapshot. Chunks of one snapshot come in order; one at offset 0 begins anew. Completes when the
   * chunk is written and, if it is the last, the whole is durable; with a full disk, when there is room. With false, if
   * the snapshot was given up for another meanwhile.
   */
  receive(meta: SnapshotMeta, offset: number, data: Uint8Array, done: boolean): Promise<boolean> {
    if (offset === 0) void this.#giveUp();
    const received = this.#receiving.then(() => this.#receive(meta, offset, data, done));
    this.#receiving = received.catch(() => {});
    return received;
  }

  async #receive(meta: SnapshotMeta, offset: number, data: Uint8Array, done: boolean): Promise<boolean> {
    await this.#abandonTaking();
    if (offset === 0) {
      await this.#giveUp();
      const writer = this.#snapshots.create(meta, "wait");
      this.#installing = { meta, writer, offset: 0, isGivenUp: false };
    }
    const installing = this.#installing;
    assert(installing?.meta.index === meta.index && installing.offset === offset, "a snapshot's chunks out of order");
    try {
      await installing.writer.write(data);
      installing.offset += data.length;
      if (!done || installing.isGivenUp) return !installing.isGivenUp;
      await installing.writer.finish();
    } catch (error) {
      if (installing.isGivenUp) return false;
      throw error;
    }
    this.#installing = null;
    return !installing.isGivenUp;
  }

  /** Replaces the state by a snapshot's; readers see the old one until it is whole. */
  async restore(index: number): Promise<void> {
    const restorer = this.#machine.restore();
    for await (const chunk of this.#snapshots.stream(index)) restorer.push(chunk);
    restorer.finish();
  }

  async close(): Promise<void> {
    await this.#abandonTaking();
    await this.#giveUp();
    this.#installing = null;
  }

  async #giveUp(): Promise<void> {
    if (this.#installing === null) return;
    this.#installing.isGivenUp = true;
    await this.#installing.writer.abandon();
  }

  async #abandonTaking(): Promise<void> {
    this.#abandoned = true;
    await this.idle();
  }
}
