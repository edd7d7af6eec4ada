// The bytes of a data directory: identity, log segments with their commits and records, and a snapshot; and that a directory
// of the golden file is opened and read.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeSegmentHeader,
  extentOf,
  readCommitHeader,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
} from "../../src/adapters/storage/journal/format.ts";
import { decodeContext, visitRecords } from "../../src/adapters/storage/log-records.ts";
import {
  CHUNK_HEADER_BYTES,
  decodeSnapshotHeader,
  decodeSnapshotTrailer,
  TRAILER_BYTES,
} from "../../src/adapters/storage/snapshot-format.ts";
import { bytesOf } from "../../src/base/text.ts";
import { MemoryFiles } from "../adapters/support/memory-files.ts";
import {
  BLOCKING,
  CONFIGURATION,
  entry,
  hardState,
  open,
  readAll,
  request,
  settle,
  show,
  type TestStorage,
  written,
} from "../adapters/support/storage.ts";
import { compareWithGolden, type GoldenEntry, goldenBytes } from "./golden.ts";

const NAME = "storage.txt";
const SNAPSHOT = { index: 2, term: 1, configuration: { ...CONFIGURATION, cluster: 77 } };
const ENTRIES = ["3@2 third, again", "4@2 fourth"];

function opened(files: MemoryFiles): Promise<TestStorage> {
  let drawn = 0x1000_0000;
  return open(files, { chance: () => drawn++, pace: BLOCKING, wall: () => 0, afterSends: (task) => task() });
}

/** A directory in which there is one of everything. */
async function directory(): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const storage = await opened(files);
  await settle();
  await written(storage, request([entry(1, "first"), entry(2, "second")], { hardState: hardState(1, 2, 1) }));
  await written(storage, request([entry(3, "third")]));
  await written(
    storage,
    request([entry(3, "third, again", 2), entry(4, "fourth", 2)], {
      truncateFrom: 3,
      hardState: hardState(2, null, 3),
    }),
  );
  const writer = storage.snapshots.create(SNAPSHOT);
  await writer.write(bytesOf("the state"));
  await writer.finish();
  await storage.log.close();
  const again = await opened(files); // a second segment
  await settle();
  await again.log.close();
  return files;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function headerMeaning(bytes: Uint8Array): readonly string[] {
  const decoded = decodeSegmentHeader(bytes);
  assert.ok(decoded?.kind === "header");
  const { member, incarnation, number, salt, allocated, restarts, context, sequence, previousEnd, previousChain } =
    decoded.header;
  const { base, hardState: hard } = decodeContext(context);
  return [
    `member ${member}, incarnation ${incarnation}, segment ${number}, salt ${hex(salt)}, ${allocated} bytes reserved`,
    `restarts: ${restarts}, first commit ${sequence}, previous end ${previousEnd}, previous chain ${hex(previousChain)}`,
    `base ${base.index}@${base.term}, term ${hard.term}, voted for ${hard.votedFor}, commit index ${hard.commitIndex}`,
  ];
}

function recordsOf(bytes: Uint8Array, start: number, end: number): readonly string[] {
  const lines: string[] = [];
  const isSound = visitRecords(bytes, start, end, {
    onTruncate: (from) => lines.push(`entries from ${from} on are dropped`),
    onHardState: ({ term, votedFor, commitIndex }) =>
      lines.push(`hard state: term ${term}, voted for ${votedFor}, commit index ${commitIndex}`),
    onEntry: (index, term, kind, from, to) =>
      lines.push(`entry ${index}@${term}, ${kind}: ${Buffer.from(bytes.subarray(from, to))}`),
  });
  assert.ok(isSound);
  return lines;
}

/** A segment cut into its header and its commits, to the last one. */
function segmentEntries(name: string, bytes: Uint8Array): GoldenEntry[] {
  const header = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const entries: GoldenEntry[] = [{ title: `${name}: header`, bytes: header, meaning: headerMeaning(header) }];
  const decoded = decodeSegmentHeader(header);
  assert.ok(decoded?.kind === "header");
  for (let at = SEGMENT_HEADER_BYTES; at + SECTOR_BYTES <= bytes.length; ) {
    const commit = readCommitHeader(bytes, at, decoded.header.salt);
    if (commit === null) break;
    const extent = extentOf(commit.recordBytes);
    entries.push({
      title: `${name}: ${commit.isSeal ? "seal" : "commit"} at ${at}`,
      bytes: bytes.subarray(at, at + extent),
      meaning: [
        `commit ${commit.sequence}, ${commit.recordBytes} bytes of records, after ${hex(commit.previousChain)}`,
        ...recordsOf(bytes, at + 48, at + 48 + commit.recordBytes),
      ],
    });
    at += extent;
  }
  return entries;
}

function snapshotEntries(name: string, bytes: Uint8Array): GoldenEntry[] {
  const decoded = decodeSnapshotHeader(bytes);
  assert.ok(decoded?.kind === "header");
  const { owner, salt, meta, bytes: length } = decoded.header;
  const end = bytes.length - TRAILER_BYTES;
  const trailer = decodeSnapshotTrailer(salt, bytes.subarray(end));
  return [
    {
      title: `${name}: header`,
      bytes: bytes.subarray(0, length),
      meaning: [
        `member ${owner.member}, incarnation ${owner.incarnation}, salt ${hex(salt)}, ${meta.index}@${meta.term}`,
        `cluster ${meta.configuration.cluster}, ${meta.configuration.members.length} members`,
      ],
    },
    {
      title: `${name}: chunk`,
      bytes: bytes.subarray(length, end),
      meaning: [Buffer.from(bytes.subarray(length + CHUNK_HEADER_BYTES, end)).toString()],
    },
    {
      title: `${name}: trailer`,
      bytes: bytes.subarray(end),
      meaning: [`${trailer?.chunks} chunk, ${trailer?.payloadBytes} bytes, checksums ${hex(trailer?.sum ?? 0)}`],
    },
  ];
}

test("identity, segments, commits, records and a snapshot: their bytes, and what they say", async () => {
  const files = await directory();
  const entries = files.paths().flatMap((path): GoldenEntry[] => {
    const name = path.slice("/data/".length);
    const bytes = files.bytes(path);
    if (name.startsWith("log-")) return segmentEntries(name, bytes);
    if (name.startsWith("snapshot-")) return snapshotEntries(name, bytes);
    return [{ title: name, bytes, meaning: Buffer.from(bytes).toString().trimEnd().split("\n") }];
  });
  compareWithGolden(NAME, entries);
});

test("the identity of a directory with data of feature level 1", async () => {
  const files = await directory();
  const storage = await opened(files);
  storage.requireLevel(1);
  await storage.log.close();
  const bytes = files.bytes("/data/identity");
  const meaning = Buffer.from(bytes).toString().trimEnd().split("\n");
  compareWithGolden("identity-2.txt", [{ title: "identity, format 2", bytes, meaning }]);
  files.put("/data/identity", goldenBytes("identity-2.txt").get("identity, format 2")!);
  const again = await opened(files);
  assert.equal(again.incarnation, storage.incarnation);
  await again.log.close();
});

test("the directory of the golden file is opened, and holds what was written", async () => {
  const files = new MemoryFiles();
  for (const [title, bytes] of goldenBytes(NAME)) {
    const path = `/data/${title.split(":")[0]}`;
    const before = files.paths().includes(path) ? files.bytes(path) : new Uint8Array(0);
    files.put(path, new Uint8Array(Buffer.concat([before, bytes])));
  }
  const last = files.paths().findLast((path) => path.includes("/log-"))!;
  const header = decodeSegmentHeader(files.bytes(last));
  assert.ok(header?.kind === "header");
  const filled = new Uint8Array(header.header.allocated);
  filled.set(files.bytes(last));
  files.put(last, filled);

  const storage = await opened(files);
  assert.deepEqual(storage.recovered.hardState, hardState(2, null, 3));
  assert.deepEqual(storage.recovered.snapshot, SNAPSHOT);
  assert.deepEqual(show(await readAll(storage)), ENTRIES);
  const state: Uint8Array[] = [];
  for await (const chunk of storage.snapshots.stream(2)) state.push(chunk);
  assert.equal(Buffer.concat(state).toString(), "the state");
  await storage.log.close();
});
