// The events of members, as they happen, for the invariants and for tests.

import type { EntryKind, MemberId, RecoveredState } from "../../consensus/raft/types.ts";
import type { LogWrite, OpenedStorage } from "../../replica/ports.ts";
import type { Replica } from "../../replica/replica.ts";
import { Machine } from "../../state/machine.ts";
import { coordinationModels, type ModelFactory } from "../../state/models.ts";
import type { VirtualClock } from "./time.ts";

/** What an observer knows of a member. */
export interface ObservedMember {
  readonly id: MemberId;
  /** The incarnation of the disk, as the last process read it. */
  readonly incarnation: number;
  /** Whether the last process has read its disk successfully. */
  readonly hasOpened: boolean;
  /** Undefined while the process is down or still starting. */
  readonly replica: Replica | undefined;
}

/** Hears everything that members do, as it happens. It must not change anything. */
export interface Observer {
  /** A process has read its disk. */
  onOpened?(member: ObservedMember, recovered: RecoveredState): void;
  onStarted?(member: ObservedMember): void;
  /** Before an entry is applied; then after it, with the state that it led to. */
  onApply?(member: ObservedMember, index: number, kind: EntryKind, payload: Uint8Array): void;
  onApplied?(member: ObservedMember, index: number, machine: Machine): void;
  /** The state was replaced by a snapshot's. */
  onRestored?(member: ObservedMember, machine: Machine): void;
  onSnapshot?(member: ObservedMember, index: number, machine: Machine): void;
  onLogWrite?(member: ObservedMember, write: LogWrite): void;
  /** What it wrote is durable, so from here on it may send messages that rely on it. */
  onLogDurable?(member: ObservedMember, write: LogWrite): void;
  /** The log is about to start anew after a snapshot of this index; then it has done so durably. */
  onLogRestart?(member: ObservedMember, index: number): void;
  onLogRestarted?(member: ObservedMember, index: number): void;
  /** A frame is sent to another member. */
  onSent?(member: ObservedMember, to: MemberId, frame: Uint8Array): void;
  onStatus?(member: ObservedMember): void;
  /** A process ended by itself. */
  onFatal?(member: ObservedMember, error: Error): void;
}

/** A state machine that reports its changes to an observer. */
export class ObservedMachine extends Machine {
  readonly #member: ObservedMember;
  readonly #observer: Observer;

  constructor(models: readonly ModelFactory[], member: ObservedMember, observer: Observer, levelMax?: number) {
    super(coordinationModels({ more: models }), levelMax);
    this.#member = member;
    this.#observer = observer;
  }

  override apply(...[index, batch, outcomes]: Parameters<Machine["apply"]>): ReturnType<Machine["apply"]> {
    this.#observer.onApply?.(this.#member, index, "commands", batch);
    const result = super.apply(index, batch, outcomes);
    this.#observer.onApplied?.(this.#member, index, this);
    return result;
  }

  override applyConfiguration(...[index, members, joint]: Parameters<Machine["applyConfiguration"]>): void {
    const text = members.map(({ id, role, description }) => `${id} ${role} ${description}`).join();
    this.#observer.onApply?.(this.#member, index, "configuration", new TextEncoder().encode(`${text} ${joint}`));
    super.applyConfiguration(index, members, joint);
    this.#observer.onApplied?.(this.#member, index, this);
  }

  override applyNothing(index: number): void {
    this.#observer.onApply?.(this.#member, index, "noop", NOTHING);
    super.applyNothing(index);
    this.#observer.onApplied?.(this.#member, index, this);
  }

  override restore(): ReturnType<Machine["restore"]> {
    const restorer = super.restore();
    const finish = restorer.finish.bind(restorer);
    restorer.finish = () => {
      finish();
      this.#observer.onRestored?.(this.#member, this);
    };
    return restorer;
  }
}

const NOTHING = new Uint8Array(0);
const SLICE_MS = 2;

/** Of a snapshot that this member takes, each slice has its time: what is applied meanwhile must not be seen in it. */
export function withSlowSnapshots(storage: OpenedStorage, clock: VirtualClock, machine: Machine): OpenedStorage {
  const { snapshots } = storage;
  const create = snapshots.create.bind(snapshots);
  snapshots.create = (meta, whenFull) => {
    const writer = create(meta, whenFull);
    if (meta.index !== machine.appliedIndex) return writer; // a leader's
    const aMoment = (): Promise<void> => new Promise((resolve) => clock.after(SLICE_MS, resolve));
    return { ...writer, write: (slice) => aMoment().then(() => writer.write(slice)) };
  };
  return storage;
}

export function observed(
  storage: OpenedStorage,
  member: ObservedMember,
  observer: Observer,
  machine: Machine,
): OpenedStorage {
  const { log, snapshots } = storage;
  const write = log.write.bind(log);
  log.write = (request, done) => {
    observer.onLogWrite?.(member, request);
    write(request, () => {
      observer.onLogDurable?.(member, request);
      done();
    });
  };
  const restart = log.restart.bind(log);
  log.restart = async (snapshot) => {
    observer.onLogRestart?.(member, snapshot.index);
    await restart(snapshot);
    observer.onLogRestarted?.(member, snapshot.index);
  };
  const create = snapshots.create.bind(snapshots);
  snapshots.create = (meta, whenFull) => {
    if (meta.index === machine.appliedIndex) observer.onSnapshot?.(member, meta.index, machine);
    return create(meta, whenFull);
  };
  return storage;
}
