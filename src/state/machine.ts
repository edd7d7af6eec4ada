// What the log means: routes each command of a batch to its model, exactly once. Synchronous and deterministic: members
// that applied the same entries hold the same state, give the same outcomes and fire the same events. It reads no clock:
// time is what the leader stamped into the batches.
//
// A command that cannot be read changes nothing, on every member alike (flaws.ts): a bug of a member's encoder, or a forger,
// must not end all of them, now and at each restart. What cannot be read of a batch as a whole makes all of it nothing.

import { assert } from "../base/assert.ts";
import { ByteReader } from "../base/bytes.ts";
import { BATCH_HEADER_BYTES } from "./batch.ts";
import { Deduplication } from "./deduplication.ts";
import { canAllBeRead, flawOfCommand, flawOfLengths, headerOf } from "./flaws.ts";
import { stateHash } from "./hash.ts";
import { LEASE_MODEL, LEASE_OPERATION } from "./leases/commands.ts";
import { type Lease, Leases } from "./leases/leases.ts";
import { DONE, rejected } from "./outcomes.ts";
import { MachineRestorer, MachineSnapshot } from "./snapshot.ts";
import { Changes } from "./tree/changes.ts";
import { TREE_MODEL } from "./tree/commands.ts";
import type { PendingReconfiguration } from "./tree/ensemble.ts";
import { Operations } from "./tree/operations.ts";
import { ensembleOf, Reconfiguration } from "./tree/reconfiguration.ts";
import { Requester } from "./tree/requester.ts";
import { Tree } from "./tree/tree.ts";
import type { Outcome, StateEvents } from "./types.ts";

export type { MachineRestorer, MachineSnapshot } from "./snapshot.ts";

export type Application = "applied" | "duplicate" | "gap" | "unreadable";

type Outcomes = (outcome: Outcome, revision: number) => void;

export interface MachineOptions {
  /** Any 32-bit number, of chance where clients are not trusted; members need not have the same. */
  readonly hashSeed?: number;
}

export class Machine {
  /** Reads may go to it at any time between two commands. The same object for ever. */
  readonly tree: Tree;
  readonly leases = new Leases();
  readonly #events: StateEvents;
  readonly #hashSeed: number;
  readonly #deduplication = new Deduplication();
  readonly #changes: Changes;
  readonly #requester = new Requester();
  readonly #reconfiguration: Reconfiguration;
  readonly #operations: Operations;
  readonly #reader = new ByteReader(new Uint8Array(0));
  #revision = 0;
  #time = 0;
  #appliedIndex = 0;
  /** Who proposed the batch that is being applied. */
  #member = 0;
  #run = 0;
  #snapshot: MachineSnapshot | null = null;

  constructor(events: StateEvents, { hashSeed = 0 }: MachineOptions = {}) {
    this.#events = events;
    this.#hashSeed = hashSeed;
    this.tree = Tree.preset(hashSeed);
    this.#changes = new Changes(this.tree, events);
    this.#reconfiguration = new Reconfiguration(this.#changes, events);
    this.#operations = new Operations(this.#changes, this.#requester, this.#reconfiguration);
  }

  /**
   * ZooKeeper's zxid. Every command consumes one, failed or not, and so does a change of /zookeeper/config that comes with
   * a configuration: whoever has seen a revision has seen all that came before it.
   */
  get revision(): number {
    return this.#revision;
  }

  /** The latest time stamped into an applied batch: never goes back. */
  get time(): number {
    return this.#time;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** A reconfiguration that was taken up and has not ended: for the leader to carry out. */
  get pendingReconfiguration(): PendingReconfiguration | null {
    return this.tree.pending;
  }

  lease(id: number): Lease | undefined {
    return this.leases.get(id);
  }

  /** The last batch sequence applied of this run of this member; -1 when a later run of it is known. */
  lastSequence(member: number, run: number): number {
    return this.#deduplication.lastSequence(member, run);
  }

  /** The latest run of this member whose batches were applied; 0 if none were. A run with a lower number is not heard. */
  latestRun(member: number): number {
    return this.#deduplication.latestRun(member);
  }

  /**
   * Applies one `commands` entry. For each command `outcomes` (if given) hears, in order, in the middle of it all.
   * Returns whether the batch was new: "applied", "duplicate" (seen before), "gap" (an earlier one of its member is
   * missing: nothing was applied, the member sends again from there), or "unreadable" (it counts, and did nothing).
   */
  apply(index: number, batch: Uint8Array, outcomes: Outcomes | null): Application {
    this.#advance(index);
    const header = headerOf(batch);
    if (header === null) return this.#tellUnreadable(index, "a batch without a header");
    const { time, member, run, sequence } = header;
    const admission = this.#deduplication.admit(member, run, sequence);
    if (admission !== "applied") return admission;
    if (time > this.#time) this.#time = time;
    const reader = this.#reader.reset(batch, BATCH_HEADER_BYTES, batch.length);
    // All before the first is applied: one walk over a batch costs less than a check before each of its commands.
    const areReadable = canAllBeRead(batch, reader.offset, reader.end);
    const flaw = areReadable ? null : flawOfLengths(reader);
    if (flaw !== null) return this.#tellUnreadable(index, flaw);
    this.#member = member;
    this.#run = run;
    this.#applyCommands(index, reader, areReadable, outcomes);
    return "applied";
  }

  /** An operator had this entry left out: its batch counts as seen, and none of its commands is carried out. */
  skip(index: number, batch: Uint8Array): void {
    this.#advance(index);
    const header = headerOf(batch);
    if (header !== null) this.#deduplication.admit(header.member, header.run, header.sequence);
  }

  #tellUnreadable(index: number, why: string): "unreadable" {
    this.#events.onUnreadable?.(index, why);
    return "unreadable";
  }

  /** A configuration entry was committed. `joint`: one more follows by itself. */
  applyConfiguration(
    index: number,
    members: readonly { readonly id: number; readonly role: "voter" | "learner"; readonly address: string }[],
    joint: boolean,
  ): void {
    this.#advance(index);
    if (joint) return;
    const ensemble = ensembleOf(members);
    if (this.#reconfiguration.consumesRevision(ensemble)) this.#revision++;
    this.#changes.begin(this.#revision, this.#time);
    this.#reconfiguration.onConfiguration(ensemble);
  }

  /** An entry without effect was committed. */
  applyNothing(index: number): void {
    this.#advance(index);
  }

  /**
   * The state as it is now, to be pulled in slices while commands go on being applied. One at a time; `end` it, whole or
   * not. No cost is paid up front but for copying the list of leases.
   */
  beginSnapshot(): MachineSnapshot {
    assert(this.#snapshot === null, "one snapshot at a time");
    const snapshot = new MachineSnapshot(
      { revision: this.#revision, time: this.#time, appliedIndex: this.#appliedIndex },
      { deduplication: this.#deduplication, leases: this.leases, tree: this.tree },
      () => {
        this.#changes.onBeforeChange = null;
        this.#snapshot = null;
      },
    );
    this.#changes.onBeforeChange = snapshot.onBeforeChange;
    this.#snapshot = snapshot;
    return snapshot;
  }

  /** Reads a snapshot; this machine keeps its state until all of it is there, then has the other. */
  restore(): MachineRestorer {
    return new MachineRestorer(Tree.empty(this.#hashSeed), (restored) => {
      assert(this.#snapshot === null, "the state is replaced while a snapshot of it is taken");
      this.#revision = restored.revision;
      this.#time = restored.time;
      this.#appliedIndex = restored.appliedIndex;
      this.#deduplication.clear();
      for (const producer of restored.deduplication) this.#deduplication.set(producer);
      this.leases.clear();
      for (const lease of restored.leases) this.leases.restore(lease);
      this.tree.adopt(restored.tree);
      this.#events.onRestored?.();
    });
  }

  /** A hash of the whole state: equal on members that applied the same entries. Reads everything: for tests. */
  hash(): string {
    const { revision, time, appliedIndex } = this;
    return stateHash({ revision, time, appliedIndex }, this.#deduplication, this.leases, this.tree);
  }

  #advance(index: number): void {
    assert(index === this.#appliedIndex + 1, `entry ${index} after entry ${this.#appliedIndex}`);
    this.#appliedIndex = index;
  }

  #applyCommands(index: number, reader: ByteReader, areReadable: boolean, outcomes: Outcomes | null): void {
    const batchEnd = reader.end;
    while (reader.offset < batchEnd) {
      const length = reader.uint32();
      const end = reader.offset + length;
      reader.end = end;
      this.#revision++;
      this.#changes.begin(this.#revision, this.#time);
      const flaw = areReadable ? null : flawOfCommand(reader);
      const outcome = flaw === null ? this.#command(reader) : this.#unreadable(index, reader, flaw);
      assert(reader.offset === end, "a command longer than its fields");
      reader.end = batchEnd;
      if (outcomes !== null) outcomes(outcome, this.#revision);
      if (this.tree.pending !== null) this.#reconfiguration.settle();
    }
  }

  #unreadable(index: number, reader: ByteReader, flaw: string): Outcome {
    reader.offset = reader.end;
    this.#tellUnreadable(index, flaw);
    return rejected("bad-arguments");
  }

  #command(reader: ByteReader): Outcome {
    const model = reader.uint8();
    const operation = reader.uint8();
    if (model === TREE_MODEL) return this.#treeCommand(operation, reader);
    assert(model === LEASE_MODEL, `a command for model ${model}`);
    return this.#leaseCommand(operation, reader);
  }

  #treeCommand(operation: number, reader: ByteReader): Outcome {
    const session = reader.int64();
    this.#requester.read(session, reader);
    if (session !== 0) {
      const refusal = this.leases.refusal(session, this.#member, this.#run);
      if (refusal !== null) {
        reader.offset = reader.end;
        return rejected(refusal);
      }
    }
    return this.#operations.apply(operation, reader);
  }

  #leaseCommand(operation: number, reader: ByteReader): Outcome {
    switch (operation) {
      case LEASE_OPERATION.open: {
        const outcome = this.leases.onOpen(reader, this.#revision, this.#member, this.#run);
        if (outcome.kind === "lease-opened") this.#events.onLeaseMoved(outcome.id, this.#member, this.#run);
        return outcome;
      }
      case LEASE_OPERATION.attach: {
        const outcome = this.leases.onAttach(reader, this.#member, this.#run);
        if (outcome.kind === "lease-attached") this.#events.onLeaseMoved(outcome.id, this.#member, this.#run);
        return outcome;
      }
      case LEASE_OPERATION.close: {
        const id = reader.int64();
        const refusal = this.leases.refusal(id, this.#member, this.#run);
        if (refusal !== null) return rejected(refusal);
        this.#endLease(id, "closed");
        return DONE;
      }
      case LEASE_OPERATION.expire:
        for (let left = reader.uint32(); left > 0; left--) {
          const id = reader.int64();
          if (this.leases.get(id)?.generation === reader.int32()) this.#endLease(id, "expired");
        }
        return DONE;
      default:
        assert(false, `operation ${operation} of the leases`);
    }
  }

  /** Its ephemeral nodes go first, then it: who hears that a lease ended finds nothing left of it. */
  #endLease(id: number, cause: "closed" | "expired"): void {
    this.leases.end(id);
    this.#changes.removeEphemerals(id);
    this.#events.onLeaseEnded(id, cause);
  }
}
