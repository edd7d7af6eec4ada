// CRC-32: known sums, and the portable code beside Node's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as nodeCrc32 } from "node:zlib";
import { crc32, portableCrc32 } from "../../src/base/crc32.ts";
import { seededRandom } from "../../src/base/random.ts";

test("the check value of the polynomial", () => {
  const digits = new TextEncoder().encode("123456789");
  assert.equal(portableCrc32(digits), 0xcbf43926);
  assert.equal(portableCrc32(new Uint8Array(0)), 0);
});

test("Node's code is used where there is one", () => {
  assert.equal(crc32, nodeCrc32);
});

test("the portable sums are Node's, whole and continued, for every length", () => {
  const random = seededRandom(1);
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const before = random.next();
    assert.equal(portableCrc32(bytes), nodeCrc32(bytes), `${length} bytes`);
    assert.equal(portableCrc32(bytes, before), nodeCrc32(bytes, before), `${length} bytes after ${before}`);
  }
});
