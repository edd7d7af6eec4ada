// Values of bytes, outside of the garbage collector's sight: blocks of a few dozen sizes, cut from segments of one
// size each. A value that changes within its size is overwritten in place. A segment whose last block is released can
// serve another size, so that a change of habits does not strand memory. Large values have a segment of their own.

import { assert } from "../../base/assert.ts";
import type { ByteWriter } from "../../base/bytes.ts";
import { byteString, writeByteString } from "../../base/text.ts";

const SEGMENT_BYTES = 2 ** 20;
/** Blocks are whole units: a block is named by its segment and its unit. */
const UNIT_BYTES = 16;
const UNITS_MAX = 2 ** 16;
/** Larger values have a segment each. */
const BLOCK_BYTES_MAX = 4096;
/** Below, a loop is faster than a call that copies. */
const LOOP_BYTES_MAX = 32;
/** Empty segments kept for the next need; more go back to the system. */
const SPARE_MAX = 16;
const BLOCK_SIZES = blockSizes();
const SIZE_OF_UNITS = sizeOfUnits();
const LARGE = -1;
const NO_BLOCK = -1;

interface Segment {
  bytes: Uint8Array;
  /** The same memory: a released block keeps the next one in its first word. */
  words: Int32Array;
  /** Position in `BLOCK_SIZES`, or `LARGE`. */
  size: number;
  live: number;
  /** The unit of the last block released. */
  released: number;
  /** The first byte that was never given away. */
  fresh: number;
}

export class Slab {
  readonly #segments: Segment[] = [];
  /** Numbers of segments without content. */
  readonly #vacant: number[] = [];
  readonly #spare: Uint8Array[] = [];
  /** By size: segments that may have room; the last one is tried first. */
  readonly #open: number[][] = BLOCK_SIZES.map(() => []);
  /** Bytes in blocks, their unused ends included. */
  #used = 0;

  get usedBytes(): number {
    return this.#used;
  }

  /** Segments in use. */
  get segmentCount(): number {
    return this.#segments.length - this.#vacant.length;
  }

  /** A block for `length` bytes, at least one: its segment × 2¹⁶ + its unit. */
  allocate(length: number): number {
    if (length > BLOCK_BYTES_MAX) {
      this.#used += length;
      return this.#install(new Uint8Array(length), LARGE) * UNITS_MAX;
    }
    const size = sizeFor(length);
    this.#used += BLOCK_SIZES[size]!;
    const number = this.#roomFor(size);
    const segment = this.#segments[number]!;
    segment.live++;
    const unit = segment.released;
    if (unit !== NO_BLOCK) {
      segment.released = segment.words[(unit * UNIT_BYTES) / 4]!;
      return number * UNITS_MAX + unit;
    }
    const fresh = segment.fresh;
    segment.fresh += BLOCK_SIZES[size]!;
    return number * UNITS_MAX + fresh / UNIT_BYTES;
  }

  release(block: number, length: number): void {
    const number = Math.floor(block / UNITS_MAX);
    const segment = this.#segments[number]!;
    assert(segment !== VACANT, "a block that is in use is released");
    if (segment.size === LARGE) {
      this.#used -= length;
      this.#vacate(number);
      return;
    }
    assert(segment.live > 0, "a block that is in use is released");
    this.#used -= BLOCK_SIZES[segment.size]!;
    const wasFull = !hasRoom(segment);
    const unit = block % UNITS_MAX;
    segment.words[(unit * UNIT_BYTES) / 4] = segment.released;
    segment.released = unit;
    segment.live--;
    if (segment.live === 0) this.#close(number);
    else if (wasFull) this.#open[segment.size]!.push(number);
  }

  /** Whether a value of one length can take the place of one of another length. */
  isSameSize(some: number, other: number): boolean {
    if (some === other) return true;
    return some <= BLOCK_BYTES_MAX && other <= BLOCK_BYTES_MAX && sizeFor(some) === sizeFor(other);
  }

  write(block: number, source: Uint8Array, start: number, length: number): void {
    const { bytes } = this.#segments[Math.floor(block / UNITS_MAX)]!;
    const at = (block % UNITS_MAX) * UNIT_BYTES;
    if (length > LOOP_BYTES_MAX) bytes.set(source.subarray(start, start + length), at);
    else for (let i = 0; i < length; i++) bytes[at + i] = source[start + i]!;
  }

  writeText(block: number, text: string): void {
    writeByteString(this.#segments[Math.floor(block / UNITS_MAX)]!.bytes, text, (block % UNITS_MAX) * UNIT_BYTES);
  }

  text(block: number, length: number): string {
    const at = (block % UNITS_MAX) * UNIT_BYTES;
    return byteString(this.#segments[Math.floor(block / UNITS_MAX)]!.bytes, at, at + length);
  }

  copyTo(writer: ByteWriter, block: number, length: number): void {
    const at = (block % UNITS_MAX) * UNIT_BYTES;
    writer.raw(this.#segments[Math.floor(block / UNITS_MAX)]!.bytes, at, at + length);
  }

  /** A segment of this size with room. */
  #roomFor(size: number): number {
    const open = this.#open[size]!;
    while (open.length > 0) {
      const number = open[open.length - 1]!;
      if (hasRoom(this.#segments[number]!)) return number;
      open.pop();
    }
    const number = this.#install(this.#spare.pop() ?? new Uint8Array(SEGMENT_BYTES), size);
    open.push(number);
    return number;
  }

  #install(bytes: Uint8Array, size: number): number {
    const number = this.#vacant.pop() ?? this.#segments.length;
    const words = size === LARGE ? NO_WORDS : new Int32Array(bytes.buffer);
    this.#segments[number] = { bytes, words, size, live: 0, released: NO_BLOCK, fresh: 0 };
    return number;
  }

  /** A segment without blocks becomes spare. */
  #close(number: number): void {
    const { bytes, size } = this.#segments[number]!;
    const open = this.#open[size]!;
    const position = open.indexOf(number);
    if (position !== -1) open.splice(position, 1);
    if (this.#spare.length < SPARE_MAX) this.#spare.push(bytes);
    this.#vacate(number);
  }

  #vacate(number: number): void {
    this.#segments[number] = VACANT;
    this.#vacant.push(number);
  }
}

const NO_WORDS = new Int32Array(0);
const VACANT: Segment = {
  bytes: new Uint8Array(0),
  words: NO_WORDS,
  size: LARGE,
  live: 0,
  released: NO_BLOCK,
  fresh: SEGMENT_BYTES,
};

function hasRoom(segment: Segment): boolean {
  return segment.released !== NO_BLOCK || segment.fresh + BLOCK_SIZES[segment.size]! <= SEGMENT_BYTES;
}

function sizeFor(length: number): number {
  return SIZE_OF_UNITS[Math.ceil(length / UNIT_BYTES)]!;
}

/** Every 16 bytes up to 256, then four steps to each doubling. */
function blockSizes(): readonly number[] {
  const sizes: number[] = [];
  for (let size = UNIT_BYTES; size <= 256; size += UNIT_BYTES) sizes.push(size);
  for (let doubling = 256; doubling < BLOCK_BYTES_MAX; doubling *= 2) {
    for (let step = 1; step <= 4; step++) sizes.push(doubling + (doubling / 4) * step);
  }
  return sizes;
}

function sizeOfUnits(): Uint8Array {
  const sizes = new Uint8Array(BLOCK_BYTES_MAX / UNIT_BYTES + 1);
  for (let units = 0; units < sizes.length; units++) {
    sizes[units] = BLOCK_SIZES.findIndex((size) => size >= units * UNIT_BYTES);
  }
  return sizes;
}
