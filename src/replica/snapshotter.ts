// Takes snapshots of the state while the state changes, in short slices, so that heartbeats are sent in between. Installs the
// snapshots that a leader sends.

import { assert } from "../base/assert.ts";
import type { SnapshotMeta } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { MachineRestorer } from "../state/restorer.ts";
import type { Snapshots, SnapshotWriter } from "./ports.ts";

const SLICE_BYTES = 128 * 1024;

/** A snapshot whose bytes are what was written, and no state that this version can read. */
export class UnreadableSnapshotError extends Error {
  override readonly name = "UnreadableSnapshotError";
}

/** Takes the place of the old state by the one that was read. */
export type Adopt = () => void;

export interface SnapshotterOptions {
  readonly sliceBytes?: number | undefined;
  /** Measures how long a snapshot is read. */
  readonly timed?: (<T>(read: () => Promise<T>) => Promise<T>) | undefined;
}

export class Snapshotter {
  readonly #machine: Machine;
  readonly #snapshots: Snapshots;
  readonly #sliceBytes: number;
  readonly #timed: <T>(read: () => Promise<T>) => Promise<T>;
  #taking: Promise<boolean> | null = null;
  #abandoned = false;
  /** The last chunk of a leader's snapshot has come: until the state is replaced by it, there is nothing to be taken of. */
  #isReplacing = false;
  #installing: { meta: SnapshotMeta; writer: SnapshotWriter; offset: number; isGivenUp: boolean } | null = null;
  /** One chunk after another: of another leader's as well, whose first may come while the last of the old is written. */
  #receiving: Promise<unknown> = Promise.resolve();

  constructor(machine: Machine, snapshots: Snapshots, { sliceBytes, timed }: SnapshotterOptions = {}) {
    this.#machine = machine;
    this.#snapshots = snapshots;
    this.#sliceBytes = sliceBytes ?? SLICE_BYTES;
    this.#timed = timed ?? ((read) => read());
  }

  /** Half a snapshot of a leader's is in nobody's way: the other half may never come. */
  get isBusy(): boolean {
    return this.#taking !== null || this.#isReplacing;
  }

  /** Completes when no snapshot is being taken any more. */
  async idle(): Promise<void> {
    await this.#taking?.catch(() => false);
  }

  /**
   * Takes a snapshot of the state as it is now. Older ones go, but for the retained few and those in use. Completes with
   * false if it was abandoned for a leader's.
   */
  take(meta: SnapshotMeta, isInUse: (index: number) => boolean): Promise<boolean> {
    assert(!this.isBusy, "one snapshot at a time");
    this.#abandoned = false;
    this.#taking = this.#write(meta, isInUse).finally(() => {
      this.#taking = null;
    });
    return this.#taking;
  }

  async #write(meta: SnapshotMeta, isInUse: (index: number) => boolean): Promise<boolean> {
    const view = this.#machine.beginSnapshot();
    const writer = this.#snapshots.create(meta);
    try {
      for (;;) {
        const slice = this.#abandoned ? null : view.next(this.#sliceBytes);
        if (slice === null) break;
        await writer.write(slice);
      }
      if (!this.#abandoned) await writer.finish(isInUse);
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
   * A chunk of a leader's snapshot. Chunks of one snapshot come in order; one at offset 0 begins anew. The last brings
   * `replace`, which is called once the whole has been read and is durable: no other snapshot is taken until it has
   * ended. Completes when the chunk is written and that is done; with a full disk, when there is room. With false, if the
   * snapshot was given up meanwhile. Throws an `UnreadableSnapshotError` where the whole is no state; nothing of it is kept.
   */
  receive(
    meta: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    replace: ((adopt: Adopt) => Promise<void>) | null,
  ): Promise<boolean> {
    if (offset === 0) this.discard();
    if (replace !== null) this.#isReplacing = true;
    const received = this.#receiving.then(() => this.#receive(meta, offset, data, replace));
    this.#receiving = received.catch(() => {});
    return received;
  }

  async #receive(
    meta: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    replace: ((adopt: Adopt) => Promise<void>) | null,
  ): Promise<boolean> {
    try {
      if (offset === 0) await this.#begin(meta);
      if (!(await this.#add(meta, offset, data))) return false;
      if (replace === null) return true;
      const adopt = await this.#finish();
      if (adopt === null) return false;
      await replace(adopt);
      return true;
    } finally {
      if (replace !== null) this.#isReplacing = false;
    }
  }

  async #begin(meta: SnapshotMeta): Promise<void> {
    await this.#giveUp();
    const writer = this.#snapshots.create(meta, "wait");
    this.#installing = { meta, writer, offset: 0, isGivenUp: false };
  }

  /** Returns whether it was added. */
  async #add(meta: SnapshotMeta, offset: number, data: Uint8Array): Promise<boolean> {
    const installing = this.#installing;
    if (installing === null) return false; // given up since it came
    assert(installing.meta.index === meta.index && installing.offset === offset, "a snapshot's chunks out of order");
    try {
      await installing.writer.write(data);
      installing.offset += data.length;
    } catch (error) {
      if (installing.isGivenUp) return false;
      throw error;
    }
    return !installing.isGivenUp;
  }

  /** Reads what has come as a whole; only a state counts as a snapshot. Null: it was given up meanwhile. */
  async #finish(): Promise<Adopt | null> {
    const installing = this.#installing;
    if (installing === null) return null;
    const { writer, meta } = installing;
    try {
      await this.#abandonTaking();
      const restorer = await this.#timed(() => this.#read(writer.readBack(), meta.index));
      await writer.finish();
      this.#installing = null;
      return () => restorer.finish();
    } catch (error) {
      if (installing.isGivenUp) return null;
      if (error instanceof UnreadableSnapshotError) await this.#giveUp();
      throw error;
    }
  }

  /** A whole state, not yet this member's. Whatever is wrong with the bytes is the snapshot's fault, and no bug here. */
  async #read(chunks: AsyncIterable<Uint8Array>, index: number): Promise<MachineRestorer> {
    const restorer = this.#machine.restore();
    for await (const chunk of chunks) readable(() => restorer.push(chunk));
    const { appliedIndex } = readable(() => restorer.complete());
    if (appliedIndex !== index) throw new UnreadableSnapshotError(`it holds the state after entry ${appliedIndex}`);
    return restorer;
  }

  /** The rest of the snapshot that is being received will not come. A disk that fails over it tells so itself. */
  discard(): void {
    this.#giveUp().catch(() => {});
  }

  /** Replaces the state by a snapshot's that is on the disk; readers see the old one until it is whole. */
  async restore(index: number): Promise<void> {
    const restorer = await this.#timed(() => this.#read(this.#snapshots.stream(index), index));
    restorer.finish();
  }

  async close(): Promise<void> {
    await this.#abandonTaking();
    await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const installing = this.#installing;
    if (installing === null) return;
    installing.isGivenUp = true;
    this.#installing = null;
    await installing.writer.abandon();
  }

  async #abandonTaking(): Promise<void> {
    this.#abandoned = true;
    await this.idle();
  }
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UnreadableSnapshotError((error as Error).message, { cause: error });
  }
}
