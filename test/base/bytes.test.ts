import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter, MalformedError } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { byteString, bytesOf, fromByteString, isUtf8, toByteString } from "../../src/base/text.ts";

test("what is written is read back, at every width and at its limits", () => {
  const writer = new ByteWriter(1);
  for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) writer.int32(value);
  for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32) - 5, 2 ** 53 - 1, -(2 ** 53) + 1]) writer.int64(value);
  writer.uint8(255);
  writer.uint16(65_535);
  writer.boolean(true);
  writer.text("\u0000ÿ");
  const reader = new ByteReader(writer.copy());
  for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) assert.equal(reader.int32(), value);
  for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32) - 5, 2 ** 53 - 1, -(2 ** 53) + 1]) {
    assert.equal(reader.int64(), value);
  }
  assert.equal(reader.uint8(), 255);
  assert.equal(reader.uint16(), 65_535);
  assert.equal(reader.boolean(), true);
  assert.equal(reader.text(2), "\u0000ÿ");
  assert.equal(reader.remaining, 0);
});

test("a growing writer keeps what stands, and raw copies of any length arrive whole", () => {
  const random = seededRandom(7);
  const writer = new ByteWriter(1);
  const expected: number[] = [];
  for (let i = 0; i < 500; i++) {
    const piece = Uint8Array.from({ length: random.below(60) }, () => random.below(256));
    const start = random.below(piece.length + 1);
    writer.raw(piece, start);
    expected.push(...piece.subarray(start));
  }
  assert.deepEqual([...writer.view()], expected);
});

test("a length is never trusted: reading past the end is an error, and moves nothing", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  for (const read of [
    () => reader.int32(),
    () => reader.int64(),
    () => reader.view(4),
    () => reader.view(-1),
    () => reader.text(2 ** 31),
  ]) {
    assert.throws(read, MalformedError);
    assert.equal(reader.offset, 0);
  }
});

test("a 64-bit number keeps all its bits when asked to", () => {
  const reader = new ByteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe));
  assert.equal(reader.bigint64(), -2n);
  const values = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 0x7f00_0000_8000_0001n];
  const writer = new ByteWriter(1);
  for (const value of values) writer.bigint64(value);
  const back = new ByteReader(writer.copy());
  assert.deepEqual(
    values.map(() => back.bigint64()),
    values,
  );
});

test("one-byte strings hold every byte, and text comes back from them", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(bytesOf(byteString(all, 0, 256)), all);
  assert.equal(fromByteString(toByteString("años 日本 🎉")), "años 日本 🎉");
  assert.equal(toByteString("ñ").length, 2);
});

test("malformed UTF-8 is told from well-formed, within the bounds given", () => {
  const good = bytesOf(toByteString("a/ñ/日本"));
  assert.ok(isUtf8(good, 0, good.length));
  assert.ok(!isUtf8(good, 0, good.length - 1));
  for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    assert.ok(!isUtf8(Uint8Array.from(bad), 0, bad.length), bad.join());
  }
});

test("the same seed gives the same chance, another seed another", () => {
  const draw = (seed: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 20 }, () => random.below(1000));
  };
  assert.deepEqual(draw(42), draw(42));
  assert.notDeepEqual(draw(42), draw(43));
  assert.notDeepEqual(draw(42), draw(42 + 2 ** 32));
});
