// Numbers on the disk that no member writes, under checksums that are right: read as what they are, a fault of the file,
// named with its place. Seeded: each run plays the same files.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { DamageError } from "../../src/adapters/storage/damage.ts";
import {
  beginCommit,
  COMMIT_HEADER_BYTES,
  decodeSegmentHeader,
  encodeSegmentHeader,
  endCommit,
  type SegmentHeader,
} from "../../src/adapters/storage/journal/format.ts";
import { segmentName } from "../../src/adapters/storage/journal/segment.ts";
import {
  decodeContext,
  ENTRY_HEADER_BYTES,
  encodeContext,
  visitRecords,
  writeEntry,
  writeHardStateRecord,
  writeTruncate,
} from "../../src/adapters/storage/log-records.ts";
import { recoverLog } from "../../src/adapters/storage/log-recovery.ts";
import {
  decodeSnapshotHeader,
  decodeSnapshotTrailer,
  encodeSnapshotHeader,
  encodeSnapshotTrailer,
} from "../../src/adapters/storage/snapshot-format.ts";
import { openSnapshot, verifySnapshot } from "../../src/adapters/storage/snapshot-reader.ts";
import { ByteWriter, COUNTER_MAX, MalformedError } from "../../src/base/bytes.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { MemoryFiles } from "./support/memory-files.ts";
import { CONFIGURATION, entry, hardState } from "./support/storage.ts";

const ROUNDS = 20_000;
const FILES = 2_000;
const OWNER = { member: 1, incarnation: 5 };
const SALT = 77;
const SUMMED_BYTES = 112;

/** Some bytes of a few fields become what nobody writes: all ones, a sign, a zero, or anything. */
function disturb(bytes: Uint8Array, from: number, to: number, random: Random): void {
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = from + random.below(to - from);
    const kind = random.below(4);
    const length = kind === 3 ? 1 : Math.min(8, to - at);
    for (let i = 0; i < length; i++) bytes[at + i] = [255, i === 0 ? 0x80 : 0, 0, random.below(256)][kind]!;
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= COUNTER_MAX;
}

function segmentHeader(random: Random): SegmentHeader {
  return {
    ...OWNER,
    number: 1,
    salt: SALT,
    allocated: 4096,
    restarts: false,
    context: encodeContext({ base: { index: random.below(10), term: 1 }, hardState: hardState(3, 2, 1) }),
    sequence: 1,
    previousEnd: 0,
    previousChain: 0,
  };
}

function summed(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(SUMMED_BYTES, crc32(bytes.subarray(0, SUMMED_BYTES)));
  return bytes;
}

test("a segment's header gives numbers that can be, or is refused", () => {
  const random = seededRandom(1);
  for (let round = 0; round < ROUNDS; round++) {
    const { bytes } = encodeSegmentHeader(segmentHeader(random));
    disturb(bytes, 8, SUMMED_BYTES, random);
    try {
      const decoded = decodeSegmentHeader(summed(bytes));
      assert.equal(decoded?.kind, "header");
      const { number, allocated, context, sequence, previousEnd } = decoded!.header;
      const { base, hardState: state } = decodeContext(context);
      for (const value of [number, allocated, base.index, base.term + 1, sequence, previousEnd])
        assert.ok(isCount(value));
      assert.ok(isCount(state.term) && isCount(state.commitIndex));
    } catch (error) {
      assert.ok(error instanceof MalformedError, `${error}`);
      assert.match(error.message, /offset \d+|member/);
    }
  }
});

function records(): ByteWriter {
  const writer = new ByteWriter(1024);
  beginCommit(writer);
  writeTruncate(writer, 3);
  writeEntry(writer, entry(3, "three", 2));
  writeEntry(writer, entry(4, "four", 2));
  writeHardStateRecord(writer, hardState(3, 2, 1));
  return writer;
}

test("records of the log give numbers that can be, or make no sense", () => {
  const random = seededRandom(2);
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = records().copy();
    disturb(bytes, COMMIT_HEADER_BYTES, bytes.length, random);
    visitRecords(bytes, COMMIT_HEADER_BYTES, bytes.length, {
      onTruncate: (from) => assert.ok(isCount(from) && from > 0),
      onHardState: ({ term, commitIndex }) => assert.ok(isCount(term) && isCount(commitIndex)),
      onEntry(index, term, _kind, start, end) {
        assert.ok(isCount(index) && index > 0 && isCount(term));
        assert.ok(start >= COMMIT_HEADER_BYTES + ENTRY_HEADER_BYTES && start <= end && end <= bytes.length);
      },
    });
  }
});

test("a snapshot's header and its end give numbers that can be, or are none", () => {
  const random = seededRandom(3);
  for (let round = 0; round < ROUNDS; round++) {
    const header = encodeSnapshotHeader(OWNER, SALT, { index: 9, term: 2, configuration: CONFIGURATION });
    disturb(header, 12, header.length - 4, random);
    new DataView(header.buffer).setUint32(header.length - 4, crc32(header.subarray(0, -4)));
    const decoded = decodeSnapshotHeader(header);
    if (decoded?.kind === "header") assert.ok(isCount(decoded.header.meta.index) && isCount(decoded.header.meta.term));

    const trailer = encodeSnapshotTrailer(SALT, { chunks: 2, payloadBytes: 70_000, sum: 1 });
    disturb(trailer, 4, 20, random);
    new DataView(trailer.buffer).setUint32(24, crc32(trailer.subarray(0, 24), SALT));
    const end = decodeSnapshotTrailer(SALT, trailer);
    if (end !== null) assert.ok(isCount(end.payloadBytes) && end.chunks === Math.ceil(end.payloadBytes / 65_536));
  }
});

/** A file with these bytes. */
async function put(files: MemoryFiles, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, "create");
  await files.write(file, bytes, 0);
  await files.close(file);
}

/** Nothing but an error that names the file, and where in it. */
function assertNamed(error: unknown, path: string): void {
  assert.ok(error instanceof Error);
  assert.ok(error.message.startsWith(`${path}: at offset `), error.stack);
}

test("a log with such numbers is read, or refused with its file and offset", async () => {
  const random = seededRandom(4);
  let refused = 0;
  for (let round = 0; round < FILES; round++) {
    const { bytes: header } = encodeSegmentHeader({
      ...segmentHeader(random),
      context: encodeContext({ base: { index: 2, term: 1 }, hardState: hardState(3, 2, 1) }),
    });
    const isInHeader = random.below(3) === 0;
    if (isInHeader) disturb(header, 8, SUMMED_BYTES, random);
    summed(header);
    const chain = new DataView(header.buffer).getUint32(SUMMED_BYTES);
    const writer = records();
    if (!isInHeader) disturb(writer.bytes, COMMIT_HEADER_BYTES, writer.length, random);
    endCommit(writer, SALT, 1, chain);
    const bytes = new Uint8Array(4096);
    bytes.set(header);
    bytes.set(writer.view(), header.length);
    const files = new MemoryFiles();
    await files.makeDirectory();
    const path = `/data/${segmentName(1)}`;
    await put(files, path, bytes);
    try {
      const log = await recoverLog(files, "/data", OWNER);
      assert.ok(isCount(log!.positions.lastIndex) && isCount(log!.hardState.term));
    } catch (error) {
      refused++;
      assertNamed(error, path);
    }
  }
  assert.ok(refused > FILES / 4 && refused < FILES, `${refused} of ${FILES}`);
});

test("a snapshot's file with such numbers is read, or refused with its path and offset", async () => {
  const random = seededRandom(5);
  let refused = 0;
  for (let round = 0; round < FILES; round++) {
    const header = encodeSnapshotHeader(OWNER, SALT, { index: 9, term: 2, configuration: CONFIGURATION });
    const trailer = encodeSnapshotTrailer(SALT, { chunks: 0, payloadBytes: 0, sum: 0 });
    const [part, from, to] = random.below(2) === 0 ? [header, 12, header.length - 4] : [trailer, 4, 20];
    disturb(part as Uint8Array, from as number, to as number, random);
    new DataView(header.buffer).setUint32(header.length - 4, crc32(header.subarray(0, -4)));
    new DataView(trailer.buffer).setUint32(24, crc32(trailer.subarray(0, 24), SALT));
    const files = new MemoryFiles();
    await files.makeDirectory();
    await put(files, "/data/snapshot-9-2", Uint8Array.of(...header, ...trailer));
    try {
      await verifySnapshot(files, await openSnapshot(files, "/data/snapshot-9-2", OWNER));
    } catch (error) {
      refused++;
      assertNamed(error, "/data/snapshot-9-2");
      if (error instanceof DamageError) assert.ok(error.offset >= 0);
    }
  }
  assert.ok(refused > FILES / 4 && refused < FILES, `${refused} of ${FILES}`);
});
