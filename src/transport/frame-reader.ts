// Cuts incoming bytes into length-prefixed frames: a length of four bytes, then that many bytes, one frame at a time. Bytes are
// copied only when a frame arrives in pieces. A buffer grows with the bytes that have arrived, not with the announced length.

import { assert } from "../base/assert.ts";
import { FRAME_BUFFER_INITIAL_BYTES } from "./limits.ts";

const LENGTH_BYTES = 4;
const NOTHING = new Uint8Array(0);

export interface FrameReaderOptions {
  /** Whether a frame may have no bytes at all. */
  readonly allowsEmpty?: boolean;
  /** Up to this size memory for a frame in pieces is taken at once, on the word of whoever announces it. */
  readonly reservedBytesMax?: number;
}

export class FrameReader {
  /** The frame that `next` found stands in bytes [start, end). */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** The longest frame that is taken; it may change between frames. */
  bytesMax: number;
  readonly #bytesMin: number;
  readonly #reservedBytesMax: number;
  /** What came last, from `#offset` on not yet looked at. */
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  /** A frame in pieces, its length included. */
  #partial: Uint8Array | null = null;
  #partialLength = 0;
  #isPutBack = false;

  constructor(bytesMax: number, { allowsEmpty = false, reservedBytesMax = 0 }: FrameReaderOptions = {}) {
    this.bytesMax = bytesMax;
    this.#bytesMin = allowsEmpty ? 0 : 1;
    this.#reservedBytesMax = reservedBytesMax;
  }

  /** Bytes that wait to become frames, lengths included. */
  get pending(): number {
    return this.#chunk.length - this.#offset + this.#partialLength + (this.#isPutBack ? this.end - this.start : 0);
  }

  /** Bytes of memory held for a frame in pieces. */
  get reserved(): number {
    return this.#partial?.length ?? 0;
  }

  /** Bytes of memory held: what waits to become frames, and the room for the one in pieces. */
  get held(): number {
    return this.pending - this.#partialLength + this.reserved;
  }

  /** The chunk is the reader's from here on, and frames point into it. */
  add(chunk: Uint8Array): void {
    const left = this.#chunk.length - this.#offset;
    if (left === 0) {
      this.#chunk = chunk;
    } else {
      const joined = new Uint8Array(left + chunk.length);
      joined.set(this.#chunk.subarray(this.#offset));
      joined.set(chunk, left);
      this.#chunk = joined;
    }
    this.#offset = 0;
  }

  /** The first bytes as they came, before any frame; null while they are not all there. */
  peek(count: number): string | null {
    assert(this.#partial === null || this.#partialLength <= LENGTH_BYTES, "bytes asked for in the middle of frames");
    const held = this.#partialLength;
    if (held + this.#chunk.length - this.#offset < count) return null;
    let text = "";
    for (let i = 0; i < count; i++) {
      const byte = i < held ? this.#partial![i]! : this.#chunk[this.#offset + i - held]!;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Finds the next frame; "malformed": its length is none, and nothing after it can be understood. */
  next(): "frame" | "more" | "malformed" {
    if (this.#isPutBack) {
      this.#isPutBack = false;
      return "frame";
    }
    if (this.#partial !== null) return this.#nextInPieces();
    const available = this.#chunk.length - this.#offset;
    if (available < LENGTH_BYTES) return this.#keepRest(LENGTH_BYTES);
    const length = int32At(this.#chunk, this.#offset);
    if (!this.#isPossible(length)) return "malformed";
    if (available < LENGTH_BYTES + length) return this.#keepRest(LENGTH_BYTES + length);
    this.bytes = this.#chunk;
    this.start = this.#offset + LENGTH_BYTES;
    this.end = this.start + length;
    this.#offset = this.end;
    return "frame";
  }

  /** The frame just found cannot be taken now: the next call of `next` finds it again. */
  putBack(): void {
    this.#isPutBack = true;
  }

  /** The length that was refused, for the log. */
  get announced(): number {
    if (this.#partial !== null) return int32At(this.#partial, 0);
    return int32At(this.#chunk, this.#offset);
  }

  /** Whoever asks is done with the frame before: its memory is held no longer. */
  #keepRest(needed: number): "more" {
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
    const rest = this.#chunk.length - this.#offset;
    if (rest === 0) {
      this.#drop();
      return "more";
    }
    this.#partial = new Uint8Array(Math.min(needed, Math.max(rest, this.#initialBytes(needed))));
    this.#partialLength = 0;
    this.#gather(rest);
    return "more";
  }

  #nextInPieces(): "frame" | "more" | "malformed" {
    if (!this.#gatherUpTo(LENGTH_BYTES)) return "more";
    const length = int32At(this.#partial!, 0);
    if (!this.#isPossible(length)) return "malformed";
    if (!this.#gatherUpTo(LENGTH_BYTES + length)) return "more";
    this.bytes = this.#partial!;
    this.start = LENGTH_BYTES;
    this.end = LENGTH_BYTES + length;
    this.#partial = null;
    this.#partialLength = 0;
    return "frame";
  }

  #gatherUpTo(count: number): boolean {
    const missing = count - this.#partialLength;
    if (missing <= 0) return true;
    this.#reserve(count);
    this.#gather(Math.min(missing, this.#chunk.length - this.#offset));
    return this.#partialLength >= count;
  }

  /** Room for what is there now of the `count` bytes, and as much again. */
  #reserve(count: number): void {
    const present = this.#partialLength + this.#chunk.length - this.#offset;
    const partial = this.#partial!;
    if (partial.length >= Math.min(count, present)) return;
    const larger = new Uint8Array(Math.min(count, Math.max(present, partial.length * 2, this.#initialBytes(count))));
    assert(larger.length >= Math.min(count, present), "no room for what has come");
    larger.set(partial.subarray(0, this.#partialLength));
    this.#partial = larger;
  }

  #gather(count: number): void {
    this.#partial!.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#partialLength);
    this.#partialLength += count;
    this.#offset += count;
    if (this.#offset === this.#chunk.length) this.#drop();
  }

  #isPossible(length: number): boolean {
    return length >= this.#bytesMin && length <= this.bytesMax;
  }

  /** How much memory is taken at once for a frame in pieces, of which `needed` bytes are announced. */
  #initialBytes(needed: number): number {
    return needed <= this.#reservedBytesMax ? needed : FRAME_BUFFER_INITIAL_BYTES;
  }

  #drop(): void {
    this.#chunk = NOTHING;
    this.#offset = 0;
  }
}

function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
