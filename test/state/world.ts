// One state machine and who drives it: a test says `create`, `set`, `closeLease`; each becomes a command in a batch of its
// own, as a member would propose it, and answers with its outcome.

import assert from "node:assert/strict";
import { ByteWriter } from "../../src/base/bytes.ts";
import { bytesOf } from "../../src/base/text.ts";
import { beginCommand, endCommand, stampTime, writeBatchHeader } from "../../src/state/batch.ts";
import {
  encodeAttachLease,
  encodeCloseLease,
  encodeExpireLeases,
  encodeOpenLease,
} from "../../src/state/leases/commands.ts";
import type { LeaseEvents } from "../../src/state/leases/events.ts";
import type { LeaseOutcome, Owner } from "../../src/state/leases/lease.ts";
import { Leases } from "../../src/state/leases/leases.ts";
import { Machine } from "../../src/state/machine.ts";
import { coordinationModels } from "../../src/state/models.ts";
import { OPEN_ACL } from "../../src/state/tree/acl.ts";
import {
  encodeCreate,
  encodeDelete,
  encodeEndReconfig,
  encodeIdentities,
  encodeMulti,
  encodeReap,
  encodeReconfig,
  encodeSetAcl,
  encodeSetData,
  type MultiOperation,
  type Policy,
  type Reapable,
  type ReconfigFields,
} from "../../src/state/tree/commands.ts";
import { TreeModel } from "../../src/state/tree/model.ts";
import { detached } from "../../src/state/tree/outcomes.ts";
import type { Acl, Identity, Rejection, TreeEvents, TreeOutcome } from "../../src/state/tree/types.ts";

export const PASSWORD = "0123456789abcdef";

export interface CreateOptions {
  data?: string | null;
  acl?: readonly Acl[];
  mode?: number;
  ttl?: number;
}

/** What happened, in order, as text: `created /a`, `lease-ended 35184372088833 closed`. */
export type Outcome = TreeOutcome | LeaseOutcome;

export class Recorder implements TreeEvents, LeaseEvents {
  readonly log: string[] = [];
  readonly acls: (readonly Acl[])[] = [];

  onNode(event: string, path: string, _revision: number, acl: readonly Acl[]): void {
    this.log.push(`${event} ${path}`);
    this.acls.push(acl);
  }
  onLeaseEnded(id: number, cause: string): void {
    this.log.push(`lease-ended ${id} ${cause}`);
  }
  onLeaseMoved(id: number, owner: Owner | null): void {
    this.log.push(`lease-moved ${id} to ${owner === null ? "nobody" : `${owner.member}.${owner.run}`}`);
  }
  onReconfigured(revision: number, outcome: TreeOutcome & { kind: "updated" | "rejected" }): void {
    this.log.push(`reconfigured ${revision} ${outcome.kind === "rejected" ? outcome.code : outcome.kind}`);
  }
  onRestored(): void {
    this.log.push("restored");
  }

  /** Hears all that this machine tells. */
  static of(machine: Machine): Recorder {
    const recorder = new Recorder();
    machine.events.add({ onRestored: () => recorder.onRestored() });
    machine.model(Leases).events.add(recorder);
    machine.model(TreeModel).events.add(recorder);
    return recorder;
  }

  take(): string[] {
    return this.log.splice(0);
  }
}

export class World {
  readonly machine: Machine;
  readonly events: Recorder;
  readonly tree: TreeModel["tree"];
  readonly leases: Leases;
  /** All entries applied so far: what another member would read from its log. */
  readonly log: Uint8Array[] = [];
  time = 1_700_000_000_000;
  member = 1;
  run = 1;
  session = 0;
  identities: readonly Identity[] = [{ scheme: "ip", id: "127.0.0.1" }];
  policy: Policy = {};
  readonly #sequences = new Map<string, number>();

  /** A world whose client already has a session. */
  static withSession(): World {
    const world = new World();
    world.session = world.openLease();
    return world;
  }

  constructor(machine = new Machine(coordinationModels())) {
    this.machine = machine;
    this.events = Recorder.of(machine);
    this.tree = machine.model(TreeModel).tree;
    this.leases = machine.model(Leases);
  }

  /** The machine's state becomes a snapshot's. */
  adopt(snapshot: Uint8Array): void {
    const restorer = this.machine.restore();
    restorer.push(snapshot);
    restorer.finish();
  }

  /** One batch of the present member, of as many commands as are written. */
  batch(...commands: ((writer: ByteWriter) => void)[]): Uint8Array {
    const producer = `${this.member}.${this.run}`;
    const sequence = (this.#sequences.get(producer) ?? 0) + 1;
    this.#sequences.set(producer, sequence);
    return this.batchNumbered(sequence, ...commands);
  }

  batchNumbered(sequence: number, ...commands: ((writer: ByteWriter) => void)[]): Uint8Array {
    const writer = new ByteWriter();
    writeBatchHeader(writer, this.member, this.run, sequence);
    for (const command of commands) {
      const mark = beginCommand(writer);
      command(writer);
      endCommand(writer, mark);
    }
    const batch = writer.copy();
    stampTime(batch, this.time);
    return batch;
  }

  apply(batch: Uint8Array): Outcome[] {
    const outcomes: Outcome[] = [];
    this.log.push(batch);
    this.machine.apply(this.machine.appliedIndex + 1, batch, (outcome) => outcomes.push(kept(outcome as Outcome)));
    return outcomes;
  }

  propose(...commands: ((writer: ByteWriter) => void)[]): Outcome[] {
    return this.apply(this.batch(...commands));
  }

  one(command: (writer: ByteWriter) => void): Outcome {
    return this.propose(command)[0]!;
  }

  credentials(): Uint8Array {
    return encodeIdentities(this.identities, this.policy);
  }

  create(path: string, { data = "", acl = OPEN_ACL, mode = 0, ttl = -1 }: CreateOptions = {}): Outcome {
    const bytes = data === null ? null : bytesOf(data);
    return this.one((writer) =>
      encodeCreate(writer, this.session, this.credentials(), { path, data: bytes, acl, mode, ttl }),
    );
  }

  delete(path: string, version = -1): Outcome {
    return this.one((writer) => encodeDelete(writer, this.session, this.credentials(), path, version));
  }

  set(path: string, data: string | null, version = -1): Outcome {
    const bytes = data === null ? null : bytesOf(data);
    return this.one((writer) => encodeSetData(writer, this.session, this.credentials(), path, bytes, version));
  }

  setAcl(path: string, acl: readonly Acl[], version = -1): Outcome {
    return this.one((writer) => encodeSetAcl(writer, this.session, this.credentials(), path, acl, version));
  }

  multi(...operations: MultiOperation[]): Outcome {
    return this.one((writer) => encodeMulti(writer, this.session, this.credentials(), operations));
  }

  reap(candidate: Reapable): Outcome {
    return this.one((writer) => encodeReap(writer, candidate));
  }

  reconfig(fields: Partial<ReconfigFields>): Outcome {
    const all = { joining: null, leaving: null, newMembers: null, version: -1, ...fields };
    return this.one((writer) => encodeReconfig(writer, this.session, this.credentials(), all));
  }

  endReconfig(revision: number, code: Rejection): Outcome {
    return this.one((writer) => encodeEndReconfig(writer, revision, code));
  }

  openLease(timeoutMs = 10_000, password = PASSWORD): number {
    const outcome = this.one((writer) => encodeOpenLease(writer, timeoutMs, password));
    assert.equal(outcome.kind, "lease-opened");
    return (outcome as { id: number }).id;
  }

  attachLease(id: number, password = PASSWORD, timeoutMs = 10_000): Outcome {
    return this.one((writer) => encodeAttachLease(writer, id, password, timeoutMs));
  }

  closeLease(id: number): Outcome {
    return this.one((writer) => encodeCloseLease(writer, id));
  }

  expire(...entries: { id: number; generation: number }[]): Outcome {
    return this.one((writer) => encodeExpireLeases(writer, entries));
  }

  children(path: string): string[] {
    const names: string[] = [];
    for (let child = this.tree.node(path)!.directory?.first ?? null; child !== null; child = child.following) {
      names.push(child.path.slice(child.path.lastIndexOf("/") + 1));
    }
    return names.sort();
  }
}

/** Outcomes may hold live nodes: tests keep what they said. */
export function kept(outcome: Outcome): Outcome {
  return detached(outcome as TreeOutcome) as Outcome;
}

export function codeOf(outcome: Outcome): string {
  return outcome.kind === "rejected" ? outcome.code : outcome.kind;
}

/** A machine of its own that takes over a snapshot, pushed in pieces of the given size. */
export function restored(snapshot: Uint8Array, pieceBytes = snapshot.length): { machine: Machine; events: Recorder } {
  const machine = new Machine(coordinationModels());
  const events = Recorder.of(machine);
  const restorer = machine.restore();
  for (let at = 0; at < snapshot.length; at += pieceBytes) restorer.push(snapshot.subarray(at, at + pieceBytes));
  restorer.finish();
  return { machine, events };
}

export function snapshotOf(machine: Machine, sliceBytes = 1024, between: () => void = () => {}): Uint8Array {
  const view = machine.beginSnapshot();
  const slices: Uint8Array[] = [];
  for (let slice = view.next(sliceBytes); slice !== null; slice = view.next(sliceBytes)) {
    slices.push(slice);
    between();
  }
  view.end();
  return new Uint8Array(Buffer.concat(slices));
}
