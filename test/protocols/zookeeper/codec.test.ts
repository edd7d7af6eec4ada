// The elements of the wire format, and the records that only a client reads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter, MalformedError } from "../../../src/base/bytes.ts";
import {
  readBuffer,
  readCount,
  readString,
  readStrings,
  writeStrings,
} from "../../../src/protocols/zookeeper/codec/jute.ts";
import { readAcl, readStat, writeAcl, writeStat } from "../../../src/protocols/zookeeper/codec/records.ts";
import { readChildren2, readMultiReply } from "../../../src/protocols/zookeeper/codec/replies.ts";
import * as ask from "./support/requests.ts";
import { World } from "./support/world.ts";

function reading(...bytes: number[]): ByteReader {
  return new ByteReader(Uint8Array.from(bytes));
}

test("a length of -1 is none, which is not empty", () => {
  assert.equal(readString(reading(255, 255, 255, 255)), null);
  assert.equal(readString(reading(0, 0, 0, 0)), "");
  assert.equal(readBuffer(reading(255, 255, 255, 255)), null);
  assert.deepEqual(readBuffer(reading(0, 0, 0, 0)), new Uint8Array(0));
  assert.equal(readStrings(reading(255, 255, 255, 255)), null);
  assert.deepEqual(readStrings(reading(0, 0, 0, 0)), []);
  assert.deepEqual(readStrings(reading(255, 255, 255, 254)), [], "ZooKeeper counts from there and is done");
});

test("a vector that announces more than there can be is refused before anything is read of it", () => {
  const reader = reading(0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0);
  assert.throws(() => readCount(reader, 4), MalformedError);
  assert.equal(reader.offset, 4);
  assert.equal(readCount(reading(0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0), 4), 2);
});

test("a stat is the same after writing and reading, up to the largest numbers there are", () => {
  const stat = {
    czxid: 2 ** 53 - 1,
    mzxid: 2 ** 40 + 7,
    ctime: 1_700_000_000_123,
    mtime: 0,
    version: -(2 ** 31),
    cversion: 2 ** 31 - 1,
    aversion: -1,
    ephemeralOwner: 255 * 2 ** 45,
    dataLength: 3,
    numChildren: 4,
    pzxid: 2 ** 32,
  };
  const writer = new ByteWriter();
  writeStat(writer, stat);
  assert.equal(writer.length, 68);
  assert.deepEqual(readStat(new ByteReader(writer.copy())), stat);
});

test("access lists and string vectors survive, the open list among them", () => {
  for (const acl of [
    [],
    [{ perms: 31, scheme: "world", id: "anyone" }],
    [
      { perms: -1, scheme: "", id: "\xff" },
      { perms: 1, scheme: "ip", id: "::1" },
    ],
  ]) {
    const writer = new ByteWriter();
    writeAcl(writer, acl);
    assert.deepEqual(readAcl(new ByteReader(writer.copy())), acl);
  }
  const writer = new ByteWriter();
  writeStrings(writer, new Set(["", "a", "\u00f1"]));
  assert.deepEqual(readStrings(new ByteReader(writer.copy())), ["", "a", "\u00f1"]);
});

test("a client reads children with their parent's stat", () => {
  const client = new World().client();
  client.call(...ask.create("/a"));
  client.call(...ask.create("/a/x"));
  const { children, stat } = readChildren2(client.call(...ask.getChildren2("/a")).body);
  assert.deepEqual(children, ["x"]);
  assert.deepEqual([stat.numChildren, stat.cversion], [1, 1]);
});

test("a client reads the results of a multi", () => {
  const client = new World().client();
  const { body } = client.call(
    ...ask.multi(
      ask.inMulti.create("/a"),
      ask.inMulti.create("/b", 0, 15),
      ask.inMulti.setData("/a"),
      ask.inMulti.check("/a", 1),
      ask.inMulti.remove("/a"),
    ),
  );
  const kinds = readMultiReply(body).map((result) =>
    result.kind === "created" ? [result.path, result.stat === null] : result.kind,
  );
  assert.deepEqual(kinds, [["/a", true], ["/b", false], "updated", "done", "done"]);
  const failed = readMultiReply(
    client.call(...ask.multi(ask.inMulti.check("/b"), ask.inMulti.check("/no"), ask.inMulti.check("/b"))).body,
  );
  assert.deepEqual(
    failed.map((result) => result.kind === "error" && result.error),
    [0, -101, -2],
  );
  const reads = readMultiReply(
    client.call(...ask.multiRead(ask.inMulti.getData("/b"), ask.inMulti.getChildren("/"), ask.inMulti.getData("/no")))
      .body,
  );
  assert.deepEqual(
    reads.map(({ kind }) => kind),
    ["data", "children", "error"],
  );
});
