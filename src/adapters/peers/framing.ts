// Frames between members: a length of four bytes, then so many bytes. An empty frame says "alive". From wire version 3 on the
// first byte of any other frame is the number of its channel.
//
// The reader cuts a stream into frames. A frame that came in one chunk is a view of it; one that came in several is copied
// once, when it is whole, so that an announced length costs nothing before its bytes.

import { MalformedError } from "../../base/bytes.ts";

export const FRAME_HEADER_BYTES = 4;
/** More than any message of a member: an append or a chunk of a snapshot, with one oversized entry. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const MERGED_BYTES_MAX = 16 * 1024;

export class FrameReader {
  readonly #onFrame: (frame: Uint8Array) => void;
  /** The longest frame that is taken. */
  bytesMax: number;
  /** The beginning of a frame, its header included, in the pieces in which it came. */
  #pieces: Uint8Array[] = [];
  #held = 0;

  constructor(onFrame: (frame: Uint8Array) => void, bytesMax = FRAME_BYTES_MAX) {
    this.#onFrame = onFrame;
    this.bytesMax = bytesMax;
  }

  /** Bytes of a frame that is not whole yet. */
  get held(): number {
    return this.#held;
  }

  /** Throws a MalformedError at a length beyond the limit. The chunk must not change afterwards. */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (this.#held > 0) {
      const needed = this.#needed();
      if (rest.length < needed) {
        this.#hold(rest);
        return;
      }
      this.#hold(rest.subarray(0, needed));
      rest = rest.subarray(needed);
      if (this.#needed() > 0) continue; // that was the header: now the frame
      const whole = this.#take();
      this.#onFrame(whole.subarray(FRAME_HEADER_BYTES));
    }
    this.#cut(rest);
  }

  #cut(chunk: Uint8Array): void {
    let at = 0;
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + lengthAt(chunk, at, this.bytesMax);
      if (end > chunk.length) break;
      this.#onFrame(chunk.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at));
  }

  /** How many bytes the held beginning lacks: of its header first, then of the frame. */
  #needed(): number {
    if (this.#held < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES - this.#held;
    if (this.#pieces[0]!.length < FRAME_HEADER_BYTES) this.#pieces = [this.#joined()];
    return FRAME_HEADER_BYTES + lengthAt(this.#pieces[0]!, 0, this.bytesMax) - this.#held;
  }

  /** Small pieces are put together as they come: else what comes byte by byte would take a hundred times its size. */
  #hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#held += piece.length;
    const last = this.#pieces.at(-1);
    if (last === undefined || last.length + piece.length > MERGED_BYTES_MAX) {
      this.#pieces.push(piece);
      return;
    }
    const merged = new Uint8Array(last.length + piece.length);
    merged.set(last);
    merged.set(piece, last.length);
    this.#pieces[this.#pieces.length - 1] = merged;
  }

  #take(): Uint8Array {
    const whole = this.#joined();
    this.#pieces = [];
    this.#held = 0;
    return whole;
  }

  #joined(): Uint8Array {
    const whole = new Uint8Array(this.#held);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}

/** How the frames of a connection begin: by a length alone, or by a length and a channel. */
export interface FrameLayout {
  /** Bytes before the payload of a frame that is not empty. */
  readonly headerBytes: number;
  readonly hasChannel: boolean;
}

const WITHOUT_CHANNEL: FrameLayout = { headerBytes: FRAME_HEADER_BYTES, hasChannel: false };
const WITH_CHANNEL: FrameLayout = { headerBytes: FRAME_HEADER_BYTES + 1, hasChannel: true };

export function frameLayout(wireVersion: number): FrameLayout {
  return wireVersion >= 3 ? WITH_CHANNEL : WITHOUT_CHANNEL;
}

/** Writes what stands before a payload of `length` bytes; returns where the payload goes. An empty one has no channel. */
export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  layout: FrameLayout,
  channel: number,
  length: number,
): number {
  const hasChannel = layout.hasChannel && length > 0;
  writeLength(bytes, at, hasChannel ? length + 1 : length);
  if (!hasChannel) return at + FRAME_HEADER_BYTES;
  bytes[at + FRAME_HEADER_BYTES] = channel;
  return at + FRAME_HEADER_BYTES + 1;
}

export function writeLength(bytes: Uint8Array, at: number, length: number): void {
  bytes[at] = length >>> 24;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
}

function lengthAt(bytes: Uint8Array, at: number, bytesMax: number): number {
  const length = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  if (length > bytesMax) throw new MalformedError(`a frame of ${length} bytes is announced, ${bytesMax} at most`);
  return length;
}
