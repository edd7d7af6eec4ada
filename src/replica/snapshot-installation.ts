// Restores the state from a snapshot: the member's own at its start, or one that a leader sends. A leader's snapshot is read
// whole before it replaces state and log. If it cannot be read, its file is removed and nothing has changed.

import { assert } from "../base/assert.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Effect, Input, SnapshotMeta } from "../consensus/raft/types.ts";
import type { Machine } from "../state/machine.ts";
import type { Application } from "./application.ts";
import type { ConsensusLoop } from "./consensus-loop.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log, Snapshots } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { SnapshotTaking } from "./snapshot-taking.ts";
import { type Adopt, type Snapshotter, UnreadableSnapshotError } from "./snapshotter.ts";

type Chunk = Effect & { readonly kind: "write-snapshot" };

export interface SnapshotInstallationParts {
  readonly machine: Machine;
  readonly loop: ConsensusLoop;
  readonly log: Log;
  readonly snapshots: Snapshots;
  readonly snapshotter: Snapshotter;
  readonly taking: SnapshotTaking;
  readonly application: Application;
  readonly proposals: Proposals;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  /** The state has moved on. */
  readonly onApplied: () => void;
}

export class SnapshotInstallation {
  readonly #parts: SnapshotInstallationParts;

  constructor(parts: SnapshotInstallationParts) {
    this.#parts = parts;
  }

  /** At the start: the state as the latest snapshot on this disk has it. Index 0: there is none. */
  async restoreLatest(index: number): Promise<void> {
    const { snapshotter, snapshots, taking, application } = this.#parts;
    application.pause();
    try {
      if (index > 0) await snapshotter.restore(index);
    } catch (error) {
      if (!(error instanceof UnreadableSnapshotError)) throw error;
      throw unreadable(snapshots.placeOf(index), error);
    }
    taking.onRestored(index);
    application.resume();
  }

  /** A chunk of a leader's snapshot; the last one brings the whole into force. */
  receive(chunk: Chunk): void {
    this.#receive(chunk).catch((error) => this.#parts.lifecycle.fail(error));
  }

  async #receive({ snapshot, offset, data, done }: Chunk): Promise<void> {
    const { snapshotter, loop } = this.#parts;
    const written: Input = { kind: "snapshot-written", index: snapshot.index, offset: offset + data.length, done };
    const replace = done ? (adopt: Adopt): Promise<void> => this.#replaceBy(snapshot, written, adopt) : null;
    try {
      const isAdded = await snapshotter.receive(snapshot, offset, data, replace);
      if (isAdded && !done) loop.submit(written); // else another leader's took its place, or it has been said
    } catch (error) {
      if (!(error instanceof UnreadableSnapshotError)) throw error;
      this.#refuse(snapshot, error);
    }
  }

  /** What was sent is no state: it has left the disk again, and state and log are what they were. */
  #refuse({ index }: SnapshotMeta, error: UnreadableSnapshotError): void {
    this.#parts.logger.error(
      `the leader's snapshot of index ${index} cannot be read (${error.message}): it is thrown away, and this member goes on with ` +
        "what it had. Its sender is broken, is no member, or runs a version whose snapshots this one cannot read",
    );
    this.#parts.loop.submit({ kind: "snapshot-unreadable", index });
  }

  /** A leader's snapshot takes the place of state and log: with the log's entries goes what was still to be applied. */
  async #replaceBy(snapshot: SnapshotMeta, written: Input, adopt: Adopt): Promise<void> {
    const { machine, application, log, lifecycle, taking, proposals, logger, loop, onApplied } = this.#parts;
    assert(snapshot.index > machine.appliedIndex, "a snapshot of less than the state holds");
    application.pause();
    await log.restart(snapshot);
    if (lifecycle.isStopped) return;
    adopt();
    assert(machine.appliedIndex === snapshot.index, "a state that is not the one of its snapshot");
    taking.onRestored(snapshot.index);
    proposals.forgetApplied();
    logger.info(`installed the leader's snapshot of index ${snapshot.index}`);
    loop.submit(written);
    application.resume(); // not before the log goes on from there
    onApplied();
    application.advance();
  }
}

/** What ends a member at its start, and would at each: its latest snapshot is as it was written, and no state. */
function unreadable(place: string, error: UnreadableSnapshotError): CoordinationError {
  const message =
    `the latest snapshot, ${place}, is undamaged, and this version cannot read it: ${error.message}. If a later version wrote it, ` +
    "start that one. Else move this one file out of the data directory and start again: the member goes on from the snapshot " +
    "before it, or takes everything from the other members; one that is alone says what it lacks (docs/operations.md)";
  return new CoordinationError("damaged", "not-applied", message, { cause: error });
}
