// Snapshots as files. One exists for others only once it is whole and durable under its name; an unfinished one is
// removed at the next start.

import { assert } from "../../base/assert.ts";
import { CoordinationError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { SnapshotMeta } from "../../consensus/raft/types.ts";
import type { Snapshots, SnapshotWriter, StorageEvents } from "../../replica/ports.ts";
import type { After } from "../timers.ts";
import type { Chance } from "./chance.ts";
import { DamageError } from "./damage.ts";
import { type Files, isAbsent } from "./files.ts";
import type { Owner } from "./journal/segment.ts";
import { pathIn } from "./paths.ts";
import { CHUNK_BYTES } from "./snapshot-format.ts";
import { fileBytesOf, readPayload, type StoredSnapshot } from "./snapshot-reader.ts";
import { SnapshotFileWriter } from "./snapshot-writer.ts";

const UNFINISHED = ".unfinished";
const SNAPSHOT_NAME = /^snapshot-\d{1,16}-\d{1,16}$/;
const STREAM_BYTES = 8 * CHUNK_BYTES;

function snapshotName(meta: SnapshotMeta): string {
  return `snapshot-${meta.index}-${meta.term}`;
}

export function isSnapshot(name: string): boolean {
  return SNAPSHOT_NAME.test(name);
}

export function isUnfinishedSnapshot(name: string): boolean {
  return name.startsWith("snapshot-") && name.endsWith(UNFINISHED);
}

export interface SnapshotsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly owner: Owner;
  readonly retained: number;
  readonly events: StorageEvents;
  readonly logger: Logger;
  readonly after: After;
  readonly chance: Chance;
}

export class SnapshotFiles implements Snapshots {
  readonly #options: SnapshotsOptions;
  /** Whole ones, the oldest first. */
  readonly #stored: StoredSnapshot[];
  #created = 0;

  constructor(options: SnapshotsOptions, stored: readonly StoredSnapshot[]) {
    assert(options.retained >= 1, "at least one snapshot is retained");
    this.#options = options;
    this.#stored = [...stored].sort((a, b) => a.meta.index - b.meta.index);
  }

  /** Where the oldest retained snapshot ends: the log is kept from there. 0: there is none. */
  get oldestIndex(): number {
    return this.#stored[0]?.meta.index ?? 0;
  }

  get size(): number {
    return this.#stored.reduce((sum, stored) => sum + fileBytesOf(stored), 0);
  }

  sizeOf(index: number): number | null {
    return this.#stored.find((stored) => stored.meta.index === index)?.payloadBytes ?? null;
  }

  latest(): SnapshotMeta | null {
    return this.#stored.at(-1)?.meta ?? null;
  }

  create(meta: SnapshotMeta, whenFull: "fail" | "wait" = "fail"): SnapshotWriter {
    const { files, directory, owner, after, logger, chance } = this.#options;
    const path = pathIn(directory, snapshotName(meta));
    const roomWait = whenFull === "wait" ? { after, log: logger } : null;
    const unfinished = `${path}.${++this.#created}${UNFINISHED}`;
    const file = new SnapshotFileWriter(files, unfinished, { owner, meta, salt: chance() }, roomWait);
    return {
      write: (chunk) => this.#met(file.write(chunk)),
      readBack: () => this.#readBack(file),
      finish: (isInUse) => this.#met(this.#finish(file, path, isInUse ?? noneInUse)),
      abandon: () => this.#met(file.abandon()),
    };
  }

  async read(index: number, offset: number, bytesMax: number): Promise<{ data: Uint8Array; done: boolean } | null> {
    const stored = this.#stored.find((candidate) => candidate.meta.index === index);
    if (stored === undefined || offset > stored.payloadBytes) return null; // the offset is a follower's word
    assert(offset >= 0 && bytesMax > 0, "nothing is read of a snapshot");
    try {
      const data = await readPayload(this.#options.files, stored, offset, bytesMax);
      return { data, done: offset + data.length === stored.payloadBytes };
    } catch (error) {
      if (isAbsent(error)) return null; // a newer one took its place meanwhile
      throw asDamaged(error);
    }
  }

  async *#readBack(file: SnapshotFileWriter): AsyncIterable<Uint8Array> {
    const stored = await this.#met(file.complete());
    for (let offset = 0; offset < stored.payloadBytes; offset += STREAM_BYTES) {
      const part = readPayload(this.#options.files, stored, offset, STREAM_BYTES).catch((error) => {
        throw isAbsent(error) ? GIVEN_UP : error;
      });
      yield await this.#met(part);
    }
  }

  placeOf(index: number): string {
    const stored = this.#stored.find((candidate) => candidate.meta.index === index);
    return stored?.path ?? pathIn(this.#options.directory, `snapshot-${index}-…`);
  }

  async *stream(index: number): AsyncIterable<Uint8Array> {
    for (let offset = 0; ; ) {
      const part = await this.read(index, offset, STREAM_BYTES);
      if (part === null) {
        throw new CoordinationError("damaged", "not-applied", `the snapshot of index ${index} is not here any more`);
      }
      if (part.data.length > 0) yield part.data;
      if (part.done) return;
      offset += part.data.length;
    }
  }

  async #finish(file: SnapshotFileWriter, path: string, isInUse: (index: number) => boolean): Promise<void> {
    const { files, directory, retained } = this.#options;
    const stored = await file.finish(path);
    await files.syncDirectory(directory);
    const others = this.#stored.filter((other) => other.path !== path);
    const all = [...others, stored].sort((a, b) => a.meta.index - b.meta.index);
    const removed = all.slice(0, -retained).filter(({ meta }) => !isInUse(meta.index));
    this.#stored.splice(0, this.#stored.length, ...all.filter((one) => !removed.includes(one)));
    for (const old of removed) {
      await files.remove(old.path).catch((error) => {
        if (!isAbsent(error)) throw error;
      });
    }
  }

  /** A full disk is told to who writes; any other failure is the member's end. */
  async #met<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof CoordinationError)) this.#options.events.onFailure(error as Error);
      throw error;
    }
  }
}

const GIVEN_UP = new CoordinationError("closed", "not-applied", "the snapshot was given up while it was read back");

const noneInUse = (): boolean => false;

function asDamaged(error: unknown): unknown {
  return error instanceof DamageError
    ? new CoordinationError("damaged", "not-applied", error.message, { cause: error })
    : error;
}
