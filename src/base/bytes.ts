// Bounds-checked reading and growing writing of big-endian bytes. Every length that comes from outside is checked here,
// once, against what is really there: a length is never trusted.

import { byteString, writeByteString } from "./text.ts";

/** The bytes end before what they announce, or announce what cannot be. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

const TWO_32 = 2 ** 32;
/** A million a second reach it after 142 years. */
export const COUNTER_MAX = 2 ** 52;

export class ByteReader {
  bytes: Uint8Array;
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  /** Points this reader at other bytes, so that a hot path needs no new object. */
  reset(bytes: Uint8Array, offset: number, end: number): this {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Moves past `count` bytes and returns where they began. */
  skip(count: number): number {
    const start = this.offset;
    if (count < 0 || count > this.end - start) this.#short(count);
    this.offset = start + count;
    return start;
  }

  uint8(): number {
    return this.bytes[this.skip(1)]!;
  }

  boolean(): boolean {
    return this.uint8() !== 0;
  }

  uint16(): number {
    const at = this.skip(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  int32(): number {
    const at = this.skip(4);
    const { bytes } = this;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** A signed 64-bit number as a double: exact up to 2⁵³, rounded beyond. */
  int64(): number {
    const high = this.int32();
    return high * TWO_32 + this.uint32();
  }

  /** A whole number from 0 to 2⁵³ − 1 in 64 bits: a term, an index, an id. Anything else is malformed. */
  natural(): number {
    const value = this.int64();
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      throw new MalformedError(`a number that cannot be at offset ${this.offset - 8}: ${value}`);
    }
    return value;
  }

  /** A natural number that goes on counting: an index, a term, a revision. Far below 2⁵³, so that its successors are exact. */
  counter(): number {
    const value = this.natural();
    if (value > COUNTER_MAX) throw new MalformedError(`a count that cannot be at offset ${this.offset - 8}: ${value}`);
    return value;
  }

  /** The same as `natural`, or −1 where there is none. */
  naturalOrNone(): number {
    const value = this.int64();
    if (value === -1) return value;
    this.offset -= 8;
    return this.natural();
  }

  /** A signed 64-bit number in full, for the rare field that needs all its bits. */
  bigint64(): bigint {
    const high = BigInt(this.int32());
    return (high << 32n) | BigInt(this.uint32());
  }

  /** A view of the next `count` bytes; it shares their memory. */
  view(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  /** The next `count` bytes as a one-byte string, copied. */
  text(count: number): string {
    const start = this.skip(count);
    return byteString(this.bytes, start, start + count);
  }

  #short(count: number): never {
    throw new MalformedError(`${count} bytes announced at offset ${this.offset}, ${this.end - this.offset} there`);
  }
}

export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  clear(): this {
    this.length = 0;
    return this;
  }

  /** Makes room for `count` bytes, moves past them and returns where they begin. */
  reserve(count: number): number {
    const start = this.length;
    const needed = start + count;
    if (needed > this.bytes.length) this.#grow(needed);
    this.length = needed;
    return start;
  }

  uint8(value: number): void {
    const at = this.reserve(1); // first: reserving may replace `bytes`
    this.bytes[at] = value;
  }

  boolean(value: boolean): void {
    this.uint8(value ? 1 : 0);
  }

  uint16(value: number): void {
    const at = this.reserve(2);
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  int32(value: number): void {
    this.setInt32(this.reserve(4), value);
  }

  /** Overwrites four bytes already written, as for a length known only afterwards. */
  setInt32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** A whole number within ±2⁵³ as a signed 64-bit one. */
  int64(value: number): void {
    this.setInt64(this.reserve(8), value);
  }

  /** The counterpart of the reader's: all 64 bits. */
  bigint64(value: bigint): void {
    this.int32(Number(BigInt.asIntN(32, value >> 32n)));
    this.int32(Number(BigInt.asIntN(32, value)));
  }

  setInt64(at: number, value: number): void {
    this.setInt32(at, Math.floor(value / TWO_32));
    this.setInt32(at + 4, value | 0);
  }

  raw(source: Uint8Array, start = 0, end = source.length): void {
    const at = this.reserve(end - start);
    if (end - start > 24) {
      this.bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), at);
    } else {
      const { bytes } = this;
      for (let i = start; i < end; i++) bytes[at + i - start] = source[i]!;
    }
  }

  /** A one-byte string, a byte a character, without its length. */
  text(value: string): void {
    const at = this.reserve(value.length); // first: reserving may replace `bytes`
    writeByteString(this.bytes, value, at);
  }

  /** What was written, sharing this writer's memory: valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, as its own memory. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
