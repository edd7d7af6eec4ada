// What holds a million nodes: records, slabs, the table, maps without an end.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { bytesOf } from "../../src/base/text.ts";
import { LargeMap } from "../../src/state/memory/large-map.ts";
import { Records } from "../../src/state/memory/records.ts";
import { Slab } from "../../src/state/memory/slab.ts";
import { OPEN_ACL } from "../../src/state/tree/acl.ts";
import { HASH, NodeStore } from "../../src/state/tree/node-store.ts";
import { NodeTable } from "../../src/state/tree/node-table.ts";
import { Znode } from "../../src/state/tree/znode.ts";

describe("records", () => {
  test("hold doubles and integers apart, begin as zeros, and are used again", () => {
    const records = new Records(2, 3);
    const seen = new Set<number>();
    for (let i = 1; i <= 10_000; i++) {
      const record = records.allocate();
      assert.ok(!seen.has(record) && record > 0);
      seen.add(record);
      assert.equal(records.double(record, 0) + records.double(record, 1) + records.integer(record, 6), 0);
      records.setDouble(record, 0, i / 3);
      records.setDouble(record, 1, 2 ** 50 + i);
      for (const field of [4, 5, 6]) records.setInteger(record, field, -i * field);
    }
    for (const record of seen) {
      assert.equal(records.double(record, 1), 2 ** 50 + record);
      assert.deepEqual(
        [4, 5, 6].map((field) => records.integer(record, field)),
        [-record * 4, -record * 5, -record * 6],
      );
    }
    records.release(77);
    records.release(5000);
    assert.deepEqual([records.allocate(), records.allocate(), records.allocate()], [5000, 77, 10_001]);
    assert.deepEqual([records.double(77, 0), records.double(77, 1), records.integer(77, 6)], [0, 0, 0]);
    assert.equal(records.double(78, 1), 2 ** 50 + 78, "neighbours are left alone");
  });
});

describe("the slab", () => {
  test("keeps every value whole while others come, go and change", () => {
    const slab = new Slab();
    const random = seededRandom(5);
    const held = new Map<number, string>();
    const sizes = [1, 16, 17, 100, 100, 100, 255, 256, 257, 1000, 4095, 4096, 4097, 70_000];
    for (let step = 0; step < 60_000; step++) {
      if (held.size > 3000 || (held.size > 0 && random.chance(0.45))) {
        const [block, text] = [...held.entries()][step % Math.min(held.size, 16)]!;
        assert.equal(slab.text(block, text.length), text);
        slab.release(block, text.length);
        held.delete(block);
      } else {
        const text = String.fromCharCode(random.below(256)).repeat(sizes[random.below(sizes.length)]!);
        const block = slab.allocate(text.length);
        assert.ok(!held.has(block), "a block given away twice");
        if (step % 2 === 0) slab.writeText(block, text);
        else slab.write(block, bytesOf(`__${text}`), 2, text.length);
        held.set(block, text);
      }
    }
    for (const [block, text] of held) {
      assert.equal(slab.text(block, text.length), text);
      slab.release(block, text.length);
    }
    assert.equal(slab.usedBytes, 0);
  });

  test("memory freed from one size serves another", () => {
    const slab = new Slab();
    for (const length of [100, 200, 1000, 30, 100]) {
      const blocks = Array.from({ length: Math.floor(8e6 / length) }, () => slab.allocate(length));
      assert.ok(slab.segmentCount < 16, `${slab.segmentCount} segments of 1 MiB for 8 MB`);
      for (const block of blocks) slab.release(block, length);
    }
  });

  test("fills the holes of full segments before it takes another", () => {
    const slab = new Slab();
    const blocks = Array.from({ length: 50_000 }, () => slab.allocate(100));
    const segments = slab.segmentCount;
    for (const block of blocks.filter((_, i) => i % 2 === 0)) slab.release(block, 100);
    for (let i = 0; i < 25_000; i++) slab.allocate(100);
    assert.equal(slab.segmentCount, segments);
  });

  test("knows which lengths can take each other's place", () => {
    const slab = new Slab();
    assert.ok(slab.isSameSize(97, 112) && slab.isSameSize(5000, 5000));
    assert.ok(!slab.isSameSize(96, 97) && !slab.isSameSize(4096, 4097) && !slab.isSameSize(5000, 5001));
  });
});

describe("the node table", () => {
  test("finds every node by text and by bytes, through growth and removal", () => {
    const store = new NodeStore();
    const table = new NodeTable(store);
    const node = (path: string): Znode =>
      Znode.create(store, { path, acl: OPEN_ACL, zxid: 1, time: 1, ephemeralOwner: 0 });
    const paths = Array.from({ length: 70_000 }, (_, i) => `/parent/${i % 7}/n-${i}`);
    for (const path of paths) table.insert(node(path));
    assert.equal(table.size, paths.length);
    const find = (path: string): string | undefined => table.find(bytesOf(`..${path}..`), 2, path.length + 2)?.path;
    for (const path of paths) {
      assert.equal(table.get(path)?.path, path);
      assert.equal(find(path), path);
    }
    assert.equal(find("/parent/9/n-9"), undefined);
    for (const path of paths.filter((_, i) => i % 3 !== 0)) table.remove(table.get(path)!);
    for (const [i, path] of paths.entries()) assert.equal(find(path), i % 3 === 0 ? path : undefined);
    assert.equal([...table].length, table.size);
  });

  test("tells apart what hashes alike", () => {
    // "costarring" and "liquid" collide in FNV-1a: so do these paths, from the seed that a slash turns into its basis.
    const inverse = 0x359c449b;
    assert.equal(Math.imul(inverse, 0x01000193), 1);
    const store = new NodeStore(Math.imul(0x811c9dc5, inverse) ^ 0x2f ^ 0x811c9dc5);
    const table = new NodeTable(store);
    const paths = ["/costarring", "/liquid"];
    for (const path of paths) {
      table.insert(Znode.create(store, { path, acl: OPEN_ACL, zxid: 1, time: 1, ephemeralOwner: 0 }));
    }
    const [some, other] = paths.map((path) => store.nodes.integer(table.get(path)!.record, HASH));
    assert.equal(some, other);
    for (const path of paths) assert.equal(table.find(bytesOf(path), 0, path.length)?.path, path);
  });

  test("a node only ever moves to a bucket further up: a walk over buckets misses none", () => {
    const store = new NodeStore();
    const table = new NodeTable(store);
    const insert = (path: string): void =>
      table.insert(Znode.create(store, { path, acl: OPEN_ACL, zxid: 1, time: 1, ephemeralOwner: 0 }));
    for (let i = 0; i < 20_000; i++) insert(`/before-${i}`);
    const seen = new Set<string>();
    for (let number = 0; number < table.bucketCount; number++) {
      for (const { path } of table.bucket(number)) seen.add(path);
      if (number < 20_000) for (let i = 0; i < 2; i++) insert(`/during-${number}-${i}`);
    }
    for (let i = 0; i < 20_000; i++) assert.ok(seen.has(`/before-${i}`));
  });
});

describe("a map without an end", () => {
  test("goes on in another part where one is full", () => {
    const map = new LargeMap<number, string>(10);
    for (let i = 0; i < 35; i++) map.set(i, `${i}`);
    map.set(3, "again");
    assert.deepEqual(
      [map.size, map.get(3), map.get(34), map.get(35), map.has(12)],
      [35, "again", "34", undefined, true],
    );
    for (let i = 0; i < 35; i += 2) map.delete(i);
    assert.deepEqual(
      [...map].map(([key]) => key).sort((a, b) => a - b),
      Array.from({ length: 17 }, (_, i) => i * 2 + 1),
    );
  });
});
