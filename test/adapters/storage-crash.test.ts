// Power is lost at every moment of a history, and the disk comes back in every way that it may (or in many, where there are
// too many). What was acknowledged is there each time, no half of a commit is, and nobody mistakes the traces for damage.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pace } from "../../src/adapters/storage/journal/pace.ts";
import type { HardState } from "../../src/consensus/raft/types.ts";
import type { LogWrite } from "../../src/replica/ports.ts";
import { MemoryFiles } from "./support/memory-files.ts";
import {
  BLOCKING,
  CONFIGURATION,
  entries,
  entry,
  hardState,
  open,
  POOLED,
  readAll,
  request,
  settle,
  show,
  type TestStorage,
} from "./support/storage.ts";

/** What a member remembers after some of its requests. */
interface Memory {
  readonly entries: readonly string[];
  readonly hardState: HardState;
  readonly snapshot: number;
}

const SEGMENT_BYTES = 6 * 1024;

class History {
  readonly files = new MemoryFiles();
  /** `states[n]` is what is remembered after n requests. */
  readonly states: Memory[] = [{ entries: [], hardState: hardState(0), snapshot: 0 }];
  acknowledged = 0;
  snapshotDurable = 0;
  snapshotPossible = 0;
  moments = 0;
  examined = 0;
  readonly #pace: Pace;
  readonly #perMoment: number;
  readonly #checks: (() => Promise<void>)[] = [];
  #storage: TestStorage | null = null;

  constructor(pace: Pace, perMoment: number) {
    this.#pace = pace;
    this.#perMoment = perMoment;
    this.files.onMoment = () => this.#freeze();
  }

  async start(): Promise<void> {
    this.#storage = await open(this.files, { pace: this.#pace, segmentBytes: SEGMENT_BYTES });
  }

  async stop(): Promise<void> {
    await this.#storage!.log.close();
  }

  /** Asks for all of these in one turn, and waits until all are done. */
  async write(...requests: LogWrite[]): Promise<void> {
    for (const wanted of requests) this.states.push(after(this.states.at(-1)!, wanted));
    await Promise.all(
      requests.map(
        (wanted) =>
          new Promise<void>((resolve) => {
            this.#storage!.log.write(wanted, () => {
              this.acknowledged++;
              resolve();
            });
          }),
      ),
    );
    await settle(); // what goes on beside it too
  }

  async snapshot(index: number, bytes: number): Promise<void> {
    this.snapshotPossible = index;
    const term = Number(this.states.at(-1)!.entries[index - 1]!.split(/[@ ]/)[1]);
    const writer = this.#storage!.snapshots.create({ index, term, configuration: CONFIGURATION });
    await writer.write(new Uint8Array(bytes).fill(index));
    await writer.finish();
    this.snapshotDurable = index;
    this.#storage!.log.purge(index);
    await settle();
  }

  async examine(): Promise<void> {
    this.files.onMoment = () => {};
    for (const check of this.#checks) await check();
  }

  #freeze(): void {
    const moment = ++this.moments;
    const { acknowledged, snapshotDurable, snapshotPossible } = this;
    const issued = this.states.length - 1;
    for (const crashed of this.files.crashes(this.#perMoment, moment)) {
      this.#checks.push(() =>
        this.#check(crashed(), { moment, acknowledged, issued, snapshotDurable, snapshotPossible }),
      );
    }
  }

  async #check(
    files: MemoryFiles,
    at: { moment: number; acknowledged: number; issued: number; snapshotDurable: number; snapshotPossible: number },
  ): Promise<void> {
    this.examined++;
    const remains = files.copy();
    const context = () => `at moment ${at.moment}: ${remains.paths().join(" ")}`;
    let storage: TestStorage;
    try {
      storage = await open(files, { alone: true, segmentBytes: SEGMENT_BYTES });
    } catch (error) {
      throw new Error(`a crash was taken for damage ${context()}: ${(error as Error).message}`);
    }
    const { snapshot, hardState } = storage.recovered;
    assert.ok(snapshot.index >= at.snapshotDurable && snapshot.index <= at.snapshotPossible, context());
    const found = show(await readAll(storage));
    const possible = this.states.slice(at.acknowledged, at.issued + 1);
    const isOneOfThem = possible.some(
      (state) =>
        JSON.stringify(state.entries.slice(snapshot.index)) === JSON.stringify(found) &&
        state.hardState.term === hardState.term &&
        state.hardState.votedFor === hardState.votedFor,
    );
    assert.ok(
      isOneOfThem,
      `${context()}: found ${found}, ${JSON.stringify(hardState)}, wanted ${JSON.stringify(possible)}`,
    );
    // and it goes on from there, and survives the next start
    const next = storage.recovered.lastIndex + 1;
    await new Promise<void>((resolve) => storage.log.write(request([entry(next, "after", 99)]), resolve));
    await storage.log.close();
    const again = await open(files, { alone: true, segmentBytes: SEGMENT_BYTES });
    assert.deepEqual(show(await readAll(again)), [...found, `${next}@99 after`], context());
    await again.log.close();
  }
}

function after(before: Memory, { truncateFrom, entries: added, hardState: state }: LogWrite): Memory {
  const kept = truncateFrom === null ? before.entries : before.entries.slice(0, truncateFrom - 1);
  return { ...before, entries: [...kept, ...show(added)], hardState: state ?? before.hardState };
}

for (const [name, pace, perMoment] of [
  ["on the loop", BLOCKING, 64],
  ["in the thread pool", POOLED, 64],
] as const) {
  test(`power may be lost at any moment (commits ${name})`, async () => {
    const history = new History(pace, perMoment);
    await history.start();
    await history.write(request([entry(1)], { hardState: hardState(1, 1) }));
    await history.write(request([entry(2, "\0".repeat(1700))]), request(entries(3, 4)));
    await history.write(request([], { hardState: hardState(2, 3) }));
    await history.write(request([entry(4, "x".repeat(2500), 2), entry(5, "y", 2)], { truncateFrom: 4 }));
    await history.write(
      request([entry(6, "", 2)]),
      request([entry(6, "other", 3)], { truncateFrom: 6, hardState: hardState(3) }),
    );
    await history.snapshot(3, 5000);
    await history.write(request(entries(7, 9, 3)));
    await history.write(request([entry(10, "\0".repeat(3000), 3)]));
    await history.snapshot(8, 70_000);
    await history.stop();
    await history.start();
    await history.write(request([entry(11, "after a restart", 3)]));
    await history.snapshot(10, 10);
    await history.snapshot(11, 10); // the first of four goes, and the log with it
    await history.write(request(entries(12, 14, 3)));
    await history.stop();
    await history.examine();
    assert.ok(
      history.moments > 100 && history.examined > 1000,
      `${history.moments} moments, ${history.examined} crashes`,
    );
  });
}

test("every way in which one commit of a few sectors can be torn", async () => {
  const history = new History(BLOCKING, 2 ** 12);
  await history.start();
  await history.write(request([entry(1, "before")]));
  history.files.onMoment = () => {};
  await settle();
  const files = history.files;
  let count = 0;
  const storage = await open(files, { segmentBytes: SEGMENT_BYTES });
  await settle();
  const checks: (() => MemoryFiles)[] = [];
  files.fault = (operation, path) => {
    if (operation === "sync" && path.includes("log-0")) checks.push(...files.crashes(2 ** 12, 1));
    return null;
  };
  const payload = `${"\0".repeat(600)}a${"\0".repeat(1400)}b${"\0".repeat(700)}`;
  await new Promise<void>((resolve) => storage.log.write(request([entry(2, payload)]), resolve));
  files.fault = () => null;
  for (const crashed of checks) {
    const again = await open(crashed(), { alone: true, segmentBytes: SEGMENT_BYTES });
    const found = show(await readAll(again));
    assert.ok(found.length === 1 || (found.length === 2 && found[1] === `2@1 ${payload}`), "all of it or nothing");
    count++;
    await again.log.close();
  }
  assert.ok(count >= 2 ** 6, `${count} ways`);
});

test("a commit whose writing stopped at any byte is torn, and never taken for damage", async () => {
  const files = new MemoryFiles();
  const first = await open(files, { segmentBytes: SEGMENT_BYTES });
  await new Promise<void>((resolve) => first.log.write(request([entry(1, "before")]), resolve));
  await settle();
  const before = files.copy();
  const payload = "x".repeat(1400);
  await new Promise<void>((resolve) => first.log.write(request([entry(2, payload)]), resolve));
  await settle();
  const path = before.paths().find((name) => name.endsWith("log-0000000001"))!;
  const [empty, whole] = [before.bytes(path), files.bytes(path)];
  const begin = whole.findIndex((byte, at) => byte !== empty[at]);
  const end = whole.findLastIndex((byte, at) => byte !== empty[at]) + 1;
  assert.ok(end - begin > 1024, `${begin} to ${end}`);
  for (let cut = begin; cut <= end; cut++) {
    const crashed = before.copy();
    crashed.put(
      path,
      Uint8Array.from(empty, (byte, at) => (at < cut ? whole[at]! : byte)),
    );
    const again = await open(crashed, { alone: true, segmentBytes: SEGMENT_BYTES });
    const found = show(await readAll(again));
    assert.deepEqual(found.slice(1), cut === end ? [`2@1 ${payload}`] : [], `cut at byte ${cut - begin}`);
    await again.log.close();
  }
});

test("a commit one of whose sectors arrived in part is torn, whichever part that is", async () => {
  const files = new MemoryFiles();
  const first = await open(files, { segmentBytes: SEGMENT_BYTES });
  await new Promise<void>((resolve) => first.log.write(request([entry(1, "before")]), resolve));
  await settle();
  const before = files.copy();
  await new Promise<void>((resolve) => first.log.write(request([entry(2, "x".repeat(1400))]), resolve));
  await settle();
  const path = before.paths().find((name) => name.endsWith("log-0000000001"))!;
  const begin = files.bytes(path).findIndex((byte, at) => byte !== before.bytes(path)[at]);
  for (let sector = begin; sector < begin + 1536; sector += 512) {
    for (const [from, to] of [
      [256, 512],
      [0, 256],
      [48, 300],
      [504, 512],
    ] as const) {
      const crashed = files.copy();
      crashed.bytes(path).fill(0, sector + from, sector + to);
      const again = await open(crashed, { alone: true, segmentBytes: SEGMENT_BYTES });
      const found = show(await readAll(again));
      assert.equal(found.length, 1, `without bytes ${from} to ${to} of the sector at ${sector - begin}`);
      await again.log.close();
    }
  }
});

test("what a failed sync left in the kernel's memory only is made durable before it is counted on", async () => {
  const files = new MemoryFiles();
  const first = await open(files, { segmentBytes: SEGMENT_BYTES });
  await new Promise<void>((resolve) => first.log.write(request([entry(1)]), resolve));
  files.fault = (operation, path) =>
    operation === "sync" && path.includes("log-0") ? Object.assign(new Error("EIO"), { code: "EIO" }) : null;
  first.log.write(request([entry(2)]), () => assert.fail("acknowledged"));
  await settle();
  assert.equal(first.failures.length, 1);
  files.fault = () => null;
  const second = await open(files, { segmentBytes: SEGMENT_BYTES }); // the process starts again, the machine does not
  const found = second.recovered.lastIndex;
  assert.equal(found, 2, "it reads as if it were there");
  for (const crashed of files.crashes(100, 1)) {
    assert.equal((await open(crashed(), { segmentBytes: SEGMENT_BYTES })).recovered.lastIndex, 2);
  }
});

test("a leader's snapshot and the log that begins again behind it, at any moment", async () => {
  const files = new MemoryFiles();
  const storage = await open(files, { segmentBytes: SEGMENT_BYTES });
  await new Promise<void>((resolve) =>
    storage.log.write(request(entries(1, 5), { hardState: hardState(4, 2) }), resolve),
  );
  const checks: { crashed: () => MemoryFiles; durable: boolean }[] = [];
  let isDurable = false;
  let moment = 0;
  files.onMoment = () => {
    for (const crashed of files.crashes(64, ++moment)) checks.push({ crashed, durable: isDurable });
  };
  const snapshot = { index: 50, term: 4, configuration: CONFIGURATION };
  const writer = storage.snapshots.create(snapshot);
  await writer.write(new Uint8Array(1000));
  await writer.finish();
  await storage.log.restart(snapshot);
  isDurable = true;
  await new Promise<void>((resolve) => storage.log.write(request(entries(51, 52, 4)), resolve));
  await settle();
  files.onMoment = () => {};
  let restarted = 0;
  for (const { crashed, durable } of checks) {
    const again = await open(crashed(), { alone: true, segmentBytes: SEGMENT_BYTES });
    const { recovered } = again;
    assert.equal(recovered.hardState.term, 4);
    assert.equal(recovered.hardState.votedFor, 2);
    if (durable) assert.equal(recovered.snapshot.index, 50);
    if (recovered.snapshot.index === 50) restarted++;
    assert.ok(recovered.lastIndex >= (recovered.snapshot.index === 50 ? 50 : 5));
    await readAll(again);
    await again.log.close();
  }
  assert.ok(restarted > 50 && checks.length - restarted > 50, `${restarted} of ${checks.length}`);
});
