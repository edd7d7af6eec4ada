// A simulated machine with one member on it: carries out effects against its disk and network with delays, applies what
// is committed to a state that is one number, takes and installs snapshots. The same work that the replica does, with
// every freedom it has taken by chance.

import {
  type Effect,
  type Entry,
  type Input,
  type MemberId,
  Raft,
  type SnapshotMeta,
} from "../../../src/consensus/index.ts";
import type { Disk, StoredSnapshot } from "./disk.ts";
import type { World } from "./world.ts";

interface Request {
  /** Makes it durable. */
  readonly write: () => void;
  /** What the member hears of it. */
  readonly input: Input | null;
}

export class Host {
  readonly id: MemberId;
  disk: Disk;
  raft: Raft;
  isUp = true;
  /** Which run of its process this is: what was under way for an earlier one comes to nothing. */
  run = 0;
  answeredReads = 0;
  readonly #world: World;
  #requests: Request[] = [];
  #isWriting = false;
  #state = 0;
  #appliedIndex = 0;
  #isApplying = false;
  #isTakingSnapshot = false;
  #staged: { meta: SnapshotMeta; data: number[] } | null = null;
  #readContext = 0;
  #reads = new Map<number, { floor: number }>();
  #commitSeen = 0;

  constructor(world: World, id: MemberId, disk: Disk) {
    this.#world = world;
    this.id = id;
    this.disk = disk;
    this.raft = this.#start();
    this.#scheduleTick();
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  // ------------------------------------------------------------------------------------------------- life and death

  #start(): Raft {
    this.run++;
    this.#requests = [];
    this.#isWriting = false;
    this.#isApplying = false;
    this.#isTakingSnapshot = false;
    this.#staged = null;
    this.#reads.clear();
    this.#commitSeen = 0;
    this.#appliedIndex = this.disk.snapshot?.meta.index ?? 0;
    this.#state = this.disk.snapshot === null ? 0 : stateIn(this.disk.snapshot.data);
    this.#world.oracle.disks.set(this.disk.incarnation, { id: this.id, disk: this.disk });
    return new Raft(
      { ...this.#world.raftOptions, id: this.id, incarnation: this.disk.incarnation },
      this.disk.recover(),
      this.#world.random,
    );
  }

  crash(): void {
    this.isUp = false;
    this.run++;
    // What was under way may or may not have reached the disk: some first part of it did.
    let survivors = this.#world.random.below(this.#requests.length + 1);
    for (const request of this.#requests) if (survivors-- > 0) request.write();
    this.#requests = [];
  }

  restart(disk: Disk = this.disk): void {
    this.disk = disk;
    this.isUp = true;
    this.raft = this.#start();
    this.#scheduleTick();
  }

  #scheduleTick(): void {
    const { options, random } = this.#world;
    this.#later(options.tick + random.below(options.tickJitter + 1), () => {
      this.input({ kind: "tick" });
      this.#scheduleTick();
    });
  }

  #later(delay: number, task: () => void): void {
    const { run } = this;
    this.#world.after(delay, () => {
      if (this.isUp && this.run === run) task();
    });
  }

  // ----------------------------------------------------------------------------------------------------- the loop

  input(input: Input): void {
    const { oracle } = this.#world;
    const commitBefore = this.raft.commitIndex;
    const roleBefore = this.raft.role;
    const effects = this.raft.step(input);
    if (this.raft.commitIndex < commitBefore) throw new Error(`member ${this.id} took a commit back`);
    for (const effect of effects) {
      if (effect.kind === "persist") oracle.onEntries(this.id, effect.entries, (index) => this.raft.termAt(index));
    }
    if (this.raft.role === "leader" && roleBefore !== "leader") {
      oracle.onLeader(this.id, this.raft);
      this.#world.count("elections");
    }
    if (this.raft.commitIndex > this.#commitSeen) {
      this.#commitSeen = this.raft.commitIndex;
      oracle.onCommit(this.id, this.raft);
    }
    for (const effect of effects) this.#carryOut(effect);
  }

  read(): void {
    const context = ++this.#readContext;
    this.#reads.set(context, { floor: this.#world.oracle.commitIndex });
    this.input({ kind: "read", context });
  }

  #carryOut(effect: Effect): void {
    const world = this.#world;
    switch (effect.kind) {
      case "send":
        world.send(this, effect.to, effect.message);
        break;
      case "persist": {
        const { sequence, truncateFrom, entries, hardState } = effect;
        const { disk } = this;
        this.#request({
          write: () => disk.write(truncateFrom, entries, hardState),
          input: { kind: "persisted", sequence },
        });
        break;
      }
      case "commit":
        this.#applySoon();
        break;
      case "readable": {
        const read = this.#reads.get(effect.context);
        if (read === undefined) throw new Error(`member ${this.id} answers a read that nobody asked`);
        this.#reads.delete(effect.context);
        this.answeredReads++;
        world.oracle.onReadable(this.id, read.floor, effect.index);
        world.count(this.raft.role === "leader" ? "reads at leaders" : "reads at followers");
        break;
      }
      case "read-refused":
        if (!this.#reads.delete(effect.context)) throw new Error(`member ${this.id} refuses a read that nobody asked`);
        break;
      case "role-changed":
      case "configuration-changed":
        break;
      case "fetch":
        this.#fetch(effect);
        break;
      case "read-snapshot":
        this.#readSnapshot(effect);
        break;
      case "refused":
        throw new Error(`member ${this.id} refuses what member ${effect.from} says: ${effect.why}`);
      case "write-snapshot":
        this.#writeSnapshot(effect);
        break;
      case "discard-snapshot":
        this.#staged = null;
        break;
    }
  }

  // ------------------------------------------------------------------------------------------------------- the disk

  #request(request: Request): void {
    this.#requests.push(request);
    if (!this.#isWriting) this.#writeNext();
  }

  /** One sync takes with it a part of what waits, as a group commit does; the member hears of each, or of the last. */
  #writeNext(): void {
    if (this.#requests.length === 0) return;
    this.#isWriting = true;
    this.#later(this.#world.diskDelay(), () => {
      this.#isWriting = false;
      const batch = this.#requests.splice(0, 1 + this.#world.random.below(this.#requests.length));
      for (const { write } of batch) write();
      const inputs = batch.map(({ input }) => input).filter((input) => input !== null);
      for (const [i, input] of inputs.entries()) {
        const next = inputs[i + 1];
        if (input.kind === "persisted" && next?.kind === "persisted" && this.#world.random.chance(0.7)) continue;
        this.input(input);
      }
      if (!this.#isWriting) this.#writeNext();
    });
  }

  #fetch({ to, from, bytesMax }: Effect & { kind: "fetch" }): void {
    this.#later(this.#world.diskDelay(), () => {
      const entries: Entry[] = [];
      let bytes = 0;
      for (let entry = this.disk.entry(from); entry !== undefined; entry = this.disk.entry(entry.index + 1)) {
        bytes += entry.payload.length;
        if (bytes > bytesMax && entries.length > 0) break;
        entries.push(entry);
      }
      this.input({ kind: "fetched", to, from, entries });
      this.#world.count("fetches");
    });
  }

  #readSnapshot({ to, index, offset, bytesMax }: Effect & { kind: "read-snapshot" }): void {
    this.#later(this.#world.diskDelay(), () => {
      const snapshot = this.disk.snapshots.find(({ meta }) => meta.index === index);
      const data = snapshot?.data.slice(offset, offset + bytesMax) ?? null;
      const done = snapshot !== undefined && offset + bytesMax >= snapshot.data.length;
      this.input({ kind: "snapshot-read", to, index, offset, data, done });
    });
  }

  #writeSnapshot({ snapshot: meta, offset, data, done }: Effect & { kind: "write-snapshot" }): void {
    if (offset === 0) this.#staged = { meta, data: [] };
    const staged = this.#staged;
    if (staged === null || staged.meta.index !== meta.index || staged.data.length !== offset) {
      throw new Error(`member ${this.id} writes a snapshot's ${offset} after ${staged?.data.length}`);
    }
    staged.data.push(...data);
    const whole: StoredSnapshot | null = done ? { meta, data: Uint8Array.from(staged.data) } : null;
    const { disk } = this;
    const { run } = this;
    this.#request({
      write: () => {
        if (whole === null) return;
        disk.restart(whole);
        if (this.run === run) this.#restore(whole);
      },
      input: { kind: "snapshot-written", index: meta.index, offset: offset + data.length, done },
    });
  }

  #restore({ meta, data }: StoredSnapshot): void {
    this.#state = stateIn(data);
    this.#appliedIndex = meta.index;
    this.#isTakingSnapshot = false;
    this.#world.oracle.onRestore(this.id, meta.index, this.#state);
    this.#world.count("snapshots installed");
  }

  // ---------------------------------------------------------------------------------------------------------- state

  #applySoon(): void {
    if (this.#isApplying) return;
    this.#isApplying = true;
    this.#later(this.#world.random.below(5), () => {
      this.#isApplying = false;
      const next = this.#appliedIndex + 1;
      if (next > this.raft.commitIndex) return;
      let entries = this.raft.entriesInMemory(next, this.raft.commitIndex, 300);
      if (entries.length === 0) {
        const entry = this.disk.entry(next);
        entries = entry === undefined ? [] : [entry]; // not there: a snapshot is about to replace the state
      }
      for (const entry of entries) {
        this.#state = this.#world.oracle.onApply(this.id, entry, this.#state);
        this.#appliedIndex = entry.index;
      }
      if (entries.length > 0) this.input({ kind: "applied", index: this.#appliedIndex });
      if (this.#appliedIndex < this.raft.commitIndex) this.#applySoon();
      this.#maybeTakeSnapshot();
    });
  }

  #maybeTakeSnapshot(): void {
    const world = this.#world;
    const since = this.#appliedIndex - (this.disk.snapshot?.meta.index ?? 0);
    if (this.#isTakingSnapshot || since < world.options.snapshotEntries) return;
    this.#isTakingSnapshot = true;
    const index = this.#appliedIndex;
    const configuration = this.raft.configurationAt(index);
    const snapshot = { meta: { index, term: this.raft.termAt(index), configuration }, data: snapshotData(this.#state) };
    // Now and then it takes no heed of who needs what, as a disk with a bound would.
    const needed = world.isCalm || world.random.chance(0.8) ? this.raft.neededFrom : index + 1;
    const kept = index + 1 - world.random.below(world.options.keptEntries + 1);
    const logFrom = Math.max(this.disk.firstIndex, Math.min(kept, needed));
    const { disk } = this;
    const { run } = this;
    const isNewer = (): boolean => index > (disk.snapshot?.meta.index ?? 0);
    this.#later(world.diskDelay(), () => {
      let wasTaken = false;
      this.#request({
        write: () => {
          if (!isNewer()) return; // the leader's came in between
          wasTaken = true;
          disk.compact(snapshot, logFrom, needed - 1);
        },
        input: null,
      });
      this.#request({
        write: () => {
          if (!wasTaken || this.run !== run) return;
          this.#isTakingSnapshot = false;
          this.#later(0, () => this.input({ kind: "snapshot-taken", snapshot: snapshot.meta, logFrom }));
          world.count("snapshots taken");
        },
        input: null,
      });
    });
  }
}

/** Long enough for several chunks. */
function snapshotData(state: number): Uint8Array {
  const data = new Uint8Array(50 + (state % 200));
  new DataView(data.buffer).setUint32(0, state);
  data.fill(state % 251, 4);
  return data;
}

function stateIn(data: Uint8Array): number {
  const state = new DataView(data.buffer, data.byteOffset).getUint32(0);
  const expected = snapshotData(state);
  if (data.length !== expected.length || data.some((byte, i) => byte !== expected[i]))
    throw new Error("a torn snapshot");
  return state;
}
