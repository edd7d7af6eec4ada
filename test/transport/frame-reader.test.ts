import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { FrameReader } from "../../src/transport/frame-reader.ts";

function int32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

test("frames come out the same however they are cut, a byte at a time or many at once", () => {
  const random = seededRandom(5);
  const frames = Array.from({ length: 200 }, (_, i) => {
    const size = 1 + random.below(i % 10 === 0 ? 9000 : 60);
    return new Uint8Array(size).map(() => random.below(256));
  });
  const stream = Buffer.concat(frames.flatMap((frame) => [int32(frame.length), frame]));
  for (const step of [1, 2, 3, 5, 7, 64, 1000, 65_536, stream.length]) {
    const reader = new FrameReader(0xfffff);
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step) {
      reader.add(new Uint8Array(stream.subarray(at, at + step)));
      for (let next = reader.next(); next !== "more"; next = reader.next()) {
        assert.equal(next, "frame");
        if (random.chance(0.1)) {
          reader.putBack();
          continue;
        }
        found.push(reader.bytes.slice(reader.start, reader.end));
      }
      if (random.chance(0.1)) reader.add(new Uint8Array(0));
    }
    assert.deepEqual(found, frames, `in steps of ${step}`);
    assert.equal(reader.pending, 0);
  }
});

test("chunks that come while nothing is taken are kept, in order", () => {
  const reader = new FrameReader(100);
  const frames = Array.from({ length: 30 }, (_, i) => new Uint8Array(3).fill(i));
  const stream = Buffer.concat(frames.flatMap((frame) => [int32(3), frame]));
  for (let at = 0; at < stream.length; at += 11) reader.add(new Uint8Array(stream.subarray(at, at + 11)));
  for (const frame of frames) {
    assert.equal(reader.next(), "frame");
    assert.deepEqual(reader.bytes.slice(reader.start, reader.end), frame);
  }
  assert.equal(reader.next(), "more");
});

test("a frame that announces a megabyte and sends nothing costs no megabyte", () => {
  const reader = new FrameReader(0xfffff);
  reader.add(new Uint8Array([...int32(0xfffff), 1, 2, 3]));
  assert.equal(reader.next(), "more");
  assert(reader.reserved <= 8192, `${reader.reserved} bytes are held for it`);
});

test("memory for a frame in pieces is taken at once where that is allowed, and not beyond", () => {
  const reader = new FrameReader(0xfffff, { reservedBytesMax: 10_000 });
  reader.add(new Uint8Array([...int32(9_000), 1, 2, 3]));
  assert.equal(reader.next(), "more");
  assert.equal(reader.reserved, 9_004);
  reader.add(new Uint8Array(9_000 - 3));
  assert.equal(reader.next(), "frame");
  assert.equal(reader.end - reader.start, 9_000);
  reader.add(int32(10_001));
  assert.equal(reader.next(), "more");
  assert.ok(reader.reserved <= 4096);
});

test("an empty frame is one where that is allowed", () => {
  const reader = new FrameReader(100, { allowsEmpty: true });
  reader.add(new Uint8Array([...int32(0), ...int32(1), 7]));
  assert.equal(reader.next(), "frame");
  assert.equal(reader.end, reader.start);
  assert.equal(reader.next(), "frame");
  assert.deepEqual(reader.bytes.slice(reader.start, reader.end), Uint8Array.of(7));
  assert.equal(reader.next(), "more");
});

test("a length that is none, or beyond the limit, is malformed as soon as it is there", () => {
  for (const length of [0, -1, 101, 0x7fffffff]) {
    for (const step of [1, 4]) {
      const reader = new FrameReader(100);
      const bytes = int32(length);
      for (let at = 0; at < bytes.length; at += step) {
        if (at > 0) assert.equal(reader.next(), "more");
        reader.add(bytes.slice(at, at + step));
      }
      assert.equal(reader.next(), "malformed");
      assert.equal(reader.announced, length);
    }
  }
});

test("a frame that was taken holds no memory once the next was asked for", () => {
  const reader = new FrameReader(1 << 20);
  const frame = new Uint8Array(1 << 20);
  for (const cut of [frame.length + 4, 1000]) {
    const stream = Buffer.concat([int32(frame.length), frame]);
    for (let at = 0; at < stream.length; at += cut) {
      reader.add(new Uint8Array(stream.subarray(at, at + cut)));
      if (reader.next() === "frame") assert.equal(reader.end - reader.start, frame.length);
    }
    assert.equal(reader.next(), "more");
    assert.equal(reader.bytes.length, 0);
    assert.equal(reader.held, 0);
  }
});
