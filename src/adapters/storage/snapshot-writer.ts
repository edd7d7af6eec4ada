// Writes one snapshot file in steps, with a sync after each step, so that the disk never has a large amount to write at once
// while the log waits.

import { assert } from "../../base/assert.ts";
import { CoordinationError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { SnapshotMeta } from "../../consensus/raft/types.ts";
import type { After } from "../timers.ts";
import { type Files, isAbsent, isNoSpace } from "./files.ts";
import type { Owner } from "./journal/segment.ts";
import {
  addChecksum,
  CHUNK_BYTES,
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  encodeSnapshotHeader,
  encodeSnapshotTrailer,
} from "./snapshot-format.ts";
import { fileBytesOf, type StoredSnapshot } from "./snapshot-reader.ts";

const CHUNKS_A_WRITE = 16;
const FRAME_BYTES = CHUNK_HEADER_BYTES + CHUNK_BYTES;
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 1000;

/** How to wait for room on a full disk, and where to say so. */
export interface RoomWait {
  readonly after: After;
  readonly log: Logger;
}

export class SnapshotFileWriter {
  readonly #files: Files;
  readonly #path: string;
  readonly #owner: Owner;
  readonly #meta: SnapshotMeta;
  readonly #salt: number;
  readonly #buffer = new Uint8Array(CHUNKS_A_WRITE * FRAME_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #file: number | null = null;
  #headerBytes = 0;
  #state: "writing" | "whole" | "finished" | "abandoned" = "writing";
  /** Where in the file the buffer goes, how many whole chunks are in it, and how full the next is. */
  #position = 0;
  #buffered = 0;
  #filled = 0;
  #chunks = 0;
  #payloadBytes = 0;
  #sum = 0;
  #unsynced = 0;
  /** Durable, under the name of what is unfinished. */
  #completed: StoredSnapshot | null = null;
  readonly #roomWait: RoomWait | null;
  /** Ends the wait for room. */
  #wake: (() => void) | null = null;
  #writing: Promise<unknown> = Promise.resolve();

  /** With a full disk it fails, or waits for room where `roomWait` says how. */
  constructor(
    files: Files,
    path: string,
    { owner, meta, salt }: { readonly owner: Owner; readonly meta: SnapshotMeta; readonly salt: number },
    roomWait: RoomWait | null,
  ) {
    this.#files = files;
    this.#salt = salt;
    this.#path = path;
    this.#owner = owner;
    this.#meta = meta;
    this.#roomWait = roomWait;
  }

  write(bytes: Uint8Array): Promise<void> {
    assert(this.#state === "writing", "a snapshot is written to after its end");
    return this.#underWay(this.#add(bytes));
  }

  /** Ends it and makes it durable, under the name of what is unfinished. */
  complete(): Promise<StoredSnapshot> {
    assert(this.#state === "writing", "a snapshot ends once");
    return this.#underWay(this.#complete());
  }

  /** Makes it durable, if it is not yet, and gives it its name; the directory is the caller's to sync. */
  finish(path: string): Promise<StoredSnapshot> {
    assert(this.#state === "writing" || this.#state === "whole", "a snapshot is finished once");
    return this.#underWay(this.#finish(path));
  }

  #underWay<T>(work: Promise<T>): Promise<T> {
    this.#writing = work.catch(() => {});
    return work;
  }

  async #add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, CHUNK_BYTES - this.#filled);
      const to = this.#buffered * FRAME_BYTES + CHUNK_HEADER_BYTES + this.#filled;
      this.#buffer.set(bytes.subarray(at, at + count), to);
      this.#filled += count;
      at += count;
      if (this.#filled === CHUNK_BYTES) this.#endChunk();
      if (this.#buffered === CHUNKS_A_WRITE) await this.#flush(CHUNKS_A_WRITE * FRAME_BYTES);
    }
  }

  async #finish(path: string): Promise<StoredSnapshot> {
    const stored = this.#completed ?? (await this.#complete());
    await this.#guarded(() => this.#files.rename(this.#path, path));
    this.#state = "finished";
    return { ...stored, path };
  }

  async #complete(): Promise<StoredSnapshot> {
    let length = this.#buffered * FRAME_BYTES;
    if (this.#filled > 0) {
      length += CHUNK_HEADER_BYTES + this.#filled;
      this.#endChunk();
    }
    await this.#flush(length);
    const trailer = { chunks: this.#chunks, payloadBytes: this.#payloadBytes, sum: this.#sum };
    await this.#write(encodeSnapshotTrailer(this.#salt, trailer));
    await this.#guarded(async () => {
      await this.#files.sync(this.#file!);
      await this.#close();
    });
    if (this.#state === "writing") this.#state = "whole";
    const [path, meta, salt, headerBytes] = [this.#path, this.#meta, this.#salt, this.#headerBytes];
    this.#completed = { path, meta, salt, headerBytes, ...trailer };
    assert(this.#position === fileBytesOf(this.#completed), "a snapshot of another length than it says");
    return this.#completed;
  }

  /** Leaves nothing behind; harmless after `finish`. What waits for room fails. */
  async abandon(): Promise<void> {
    if (this.#state !== "writing" && this.#state !== "whole") return;
    this.#state = "abandoned";
    this.#wake?.();
    await this.#writing;
    await this.#close();
    await this.#files.remove(this.#path).catch((error) => {
      if (!isAbsent(error)) throw error;
    });
  }

  #endChunk(): void {
    assert(this.#filled > 0 && this.#filled <= CHUNK_BYTES, "a chunk has bytes, and no more than its size");
    const at = this.#buffered * FRAME_BYTES;
    const payload = this.#buffer.subarray(at + CHUNK_HEADER_BYTES, at + CHUNK_HEADER_BYTES + this.#filled);
    const checksum = chunkChecksum(this.#salt, this.#chunks, payload);
    this.#view.setUint32(at, this.#filled);
    this.#view.setUint32(at + 4, checksum);
    this.#sum = addChecksum(this.#sum, checksum);
    this.#payloadBytes += this.#filled;
    this.#chunks++;
    this.#buffered++;
    this.#filled = 0;
  }

  async #flush(length: number): Promise<void> {
    if (this.#file === null) await this.#open();
    if (length > 0) await this.#write(this.#buffer.subarray(0, length));
    this.#buffered = 0;
  }

  async #open(): Promise<void> {
    const header = encodeSnapshotHeader(this.#owner, this.#salt, this.#meta);
    this.#headerBytes = header.length;
    await this.#retryUntilRoom(async () => {
      this.#file = await this.#files.open(this.#path, "create");
    });
    await this.#write(header);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#retryUntilRoom(() => this.#files.write(this.#file!, bytes, this.#position));
    this.#position += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced < SYNC_EVERY_BYTES) return;
    await this.#guarded(() => this.#files.sync(this.#file!));
    this.#unsynced = 0;
  }

  /** The same again until there is room for it. */
  async #retryUntilRoom(work: () => Promise<void>): Promise<void> {
    const roomWait = this.#roomWait;
    if (roomWait === null) return this.#guarded(work);
    let waited = false;
    for (;;) {
      try {
        await work();
        if (waited) roomWait.log.info(`there is room again: ${this.#path} is written on`);
        return;
      } catch (error) {
        if (!isNoSpace(error)) throw error;
      }
      if (!waited) roomWait.log.error(`no room for ${this.#path}, a snapshot of the leader's: it waits until there is`);
      waited = true;
      if (this.#state === "writing") await this.#pause(roomWait);
      if (this.#state !== "writing")
        throw new CoordinationError("closed", "not-applied", `${this.#path} was given up while it waited for room`);
    }
  }

  #pause({ after }: RoomWait): Promise<void> {
    return new Promise((resolve) => {
      const cancel = after(RETRY_MS, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        cancel();
        resolve();
      };
    });
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      const message = `no room for the snapshot ${this.#path}: abandon it, and take one again when there is`;
      throw new CoordinationError("no-space", "not-applied", message, { cause: error });
    }
  }

  async #close(): Promise<void> {
    if (this.#file === null) return;
    const file = this.#file;
    this.#file = null;
    await this.#files.close(file);
  }
}
