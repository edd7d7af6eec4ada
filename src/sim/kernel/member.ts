// One machine of a simulated ensemble: its disk outlives its processes. A process is what a server is, but for its sockets:
// storage, replica and protocol sessions, the same code, on virtual time.

import { createHash } from "node:crypto";
import type { Files } from "../../adapters/storage/files.ts";
import { openStorage } from "../../adapters/storage/storage.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import type { Configuration, EntryKind, MemberId, RecoveredState } from "../../consensus/raft/types.ts";
import { BOUNDS } from "../../protocols/zookeeper/limits.ts";
import { Service } from "../../protocols/zookeeper/service.ts";
import { LateStorageEvents } from "../../replica/late-storage-events.ts";
import { silentLogger } from "../../replica/logger.ts";
import type { LogWrite, OpenedStorage, StorageEvents } from "../../replica/ports.ts";
import { Replica, type ReplicaOptions } from "../../replica/replica.ts";
import { Machine } from "../../state/machine.ts";
import type { Model } from "../../state/model.ts";
import { coordinationModels, type ModelFactory } from "../../state/models.ts";
import { VirtualDisk } from "./disk.ts";
import type { VirtualNetwork } from "./network.ts";
import { VirtualClock, type VirtualTime } from "./time.ts";

/** Sees everything that members do, as it happens. Must not change anything. */
export interface Observer {
  /** A process has read its disk. */
  onOpened?(member: SimulatedMember, recovered: RecoveredState): void;
  onStarted?(member: SimulatedMember): void;
  /** Before an entry is applied; then after it, with the state that it led to. */
  onApply?(member: SimulatedMember, index: number, kind: EntryKind, payload: Uint8Array): void;
  onApplied?(member: SimulatedMember, index: number, machine: Machine): void;
  /** The state was replaced by a snapshot's. */
  onRestored?(member: SimulatedMember, machine: Machine): void;
  onSnapshot?(member: SimulatedMember, index: number, machine: Machine): void;
  onLogWrite?(member: SimulatedMember, write: LogWrite): void;
  /** What it wrote is durable, and from here on it may speak of it. */
  onLogDurable?(member: SimulatedMember, write: LogWrite): void;
  /** The log is to begin anew after a snapshot of this index; then it has, for good. */
  onLogRestart?(member: SimulatedMember, index: number): void;
  onLogRestarted?(member: SimulatedMember, index: number): void;
  /** A frame leaves for another member. */
  onSent?(member: SimulatedMember, to: MemberId, frame: Uint8Array): void;
  onStatus?(member: SimulatedMember): void;
  /** A process ended by itself. */
  onFatal?(member: SimulatedMember, error: Error): void;
}

export interface SimulatedMemberOptions {
  readonly id: MemberId;
  /** What its file says: see `SimulatedMember.file`. */
  readonly initial: Configuration;
  readonly time: VirtualTime;
  readonly network: VirtualNetwork;
  readonly random: Random;
  readonly observer: Observer;
  readonly replica: Pick<
    ReplicaOptions,
    "raft" | "reaper" | "tickMs" | "snapshotCommands" | "snapshotLogBytes" | "snapshotSliceBytes"
  >;
  readonly segmentBytes: number;
  readonly retainSnapshots: number;
  /** The protocol's tick: session timeouts are between twice and twenty times as long. */
  readonly tickTimeMs: number;
  /** How much a client may leave unread before it is not served on. */
  readonly unsentBytesHigh?: number;
  /** Seconds of its clock in one true second. */
  readonly clockRate: number;
  /** Nobody is asked who they are; so unless given. */
  readonly skipAcl?: boolean | undefined;
  /** Models of the state besides those of a server. */
  readonly models?: readonly ModelFactory[] | undefined;
}

export class SimulatedMember {
  readonly id: MemberId;
  readonly disk: VirtualDisk;
  /** Undefined while the process is down, or has not come as far. */
  replica: Replica | undefined;
  service: Service | undefined;
  clock: VirtualClock;
  /** The failure that ended the last process by itself, if any did. */
  fatal: Error | null = null;
  /** Whether the process has come so far that its disk was read, and had what it needs. */
  hasOpened = false;
  /** Which disk this is, as the last process found it. */
  incarnation = 0;
  /** The number of the next run; a wall clock that went back makes it a lower one than the last. */
  nextRun = 1;
  /** Told to every process: how far its wall clock is off. */
  wallOffsetMs = 0;
  /** The members as this machine's file lists them: what its next process reads. */
  file: Configuration;
  /** Voters that its next process may found an ensemble without. */
  foundWithout: readonly MemberId[] = [];
  /** Everything that its processes logged as a warning. */
  readonly warnings: string[] = [];
  /** Ends the connections of clients to the process that runs. */
  onGone: (silently: boolean) => void = () => {};
  /** Hears of the end of the process that runs. */
  onEnded: () => void = () => {};
  #isStarted = false;
  readonly #options: SimulatedMemberOptions;

  constructor(options: SimulatedMemberOptions) {
    this.#options = options;
    this.id = options.id;
    this.file = options.initial;
    this.disk = new VirtualDisk(options.time, options.random);
    this.clock = new VirtualClock(options.time, options.clockRate);
  }

  /** It is started and has not ended; it may not serve yet. */
  get isUp(): boolean {
    return this.#isStarted;
  }

  /** Completes when the process takes part. Virtual time has to pass for it. */
  async start(): Promise<void> {
    const { time, clockRate } = this.#options;
    const clock = new VirtualClock(time, clockRate);
    clock.wallOffsetMs += this.wallOffsetMs;
    this.clock = clock;
    this.fatal = null;
    this.hasOpened = false;
    this.#isStarted = true;
    try {
      await this.#run(clock);
    } catch (error) {
      if (!clock.isStopped) this.#onFatal(clock, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The process is killed in the middle of whatever it was doing; what it wrote is in the kernel's hands. */
  kill(): void {
    this.#end(false);
  }

  /** The machine loses power: what was not synced may be lost, and its connections fall silent. */
  crash(): void {
    this.#end(true);
    this.disk.losePower();
  }

  async restart(): Promise<void> {
    if (this.isUp) this.kill();
    await this.start();
  }

  /** The machine comes back with an empty disk, once it is started. */
  wipe(): void {
    if (this.isUp) this.crash();
    this.disk.wipe();
  }

  #end(silently: boolean): void {
    this.clock.isStopped = true;
    this.#isStarted = false;
    this.replica = undefined;
    this.service = undefined;
    this.#options.network.detach(this.id, silently);
    this.onGone(silently);
    this.onEnded();
  }

  #onFatal(clock: VirtualClock, error: Error): void {
    if (clock.isStopped) return;
    this.fatal = error;
    this.kill();
    this.#options.observer.onFatal?.(this, error);
  }

  async #run(clock: VirtualClock): Promise<void> {
    const { id, network, random, observer, replica: settings } = this.#options;
    const machine = new ObservedMachine(coordinationModels({ more: this.#options.models }), this, observer);
    const storageEvents = new LateStorageEvents();
    const storage = await this.#open(this.disk.mount(clock), clock, storageEvents);
    this.incarnation = storage.incarnation;
    this.hasOpened = true;
    observer.onOpened?.(this, storage.recovered);
    const replica = new Replica(
      {
        ...settings,
        raft: { ...settings.raft, listed: this.file.members, foundWithout: this.foundWithout },
        id,
        run: this.nextRun++,
        random: seededRandom(random.next()),
        logger: { ...silentLogger, warn: (line) => void this.warnings.push(line) },
        onFatal: (error) => this.#onFatal(clock, error),
      },
      machine,
      clock,
      observed(withSlowSnapshots(storage, clock, machine), this, observer, machine),
    );
    storageEvents.target = replica;
    const service = this.#serve(replica, clock);
    replica.onStatusChange(() => observer.onStatus?.(this));
    this.replica = replica;
    this.service = service;
    const peers = network.attach(id, replica, clock);
    const send = (to: MemberId, frame: Uint8Array): void => {
      observer.onSent?.(this, to, frame);
      peers.send(to, frame);
    };
    await replica.start({ ...peers, send });
    observer.onStarted?.(this);
  }

  #open(files: Files, clock: VirtualClock, events: StorageEvents): Promise<OpenedStorage> {
    const { id, random, segmentBytes, retainSnapshots } = this.#options;
    return openStorage({
      dataDirectory: "/data",
      member: id,
      initialConfiguration: this.file,
      retainSnapshots,
      segmentBytes,
      alone: this.file.members.length === 1,
      events,
      log: silentLogger,
      files,
      lock: async () => async () => {},
      after: (milliseconds, task) => clock.after(milliseconds, task),
      afterSends: (task) => clock.defer(task),
      pace: { isBlocking: false, note() {} },
      chance: () => random.next(),
      wall: () => clock.wall(),
    });
  }

  #serve(replica: Replica, clock: VirtualClock): Service {
    const { random, tickTimeMs, unsentBytesHigh = BOUNDS.unsentBytesHigh, skipAcl = true } = this.#options;
    return new Service(replica, {
      clock,
      logger: silentLogger,
      hashes: {
        sha1: (bytes) => createHash("sha1").update(bytes).digest(),
        md5: (bytes) => createHash("md5").update(bytes).digest(),
        randomBytes: (count) => new Uint8Array(count).map(() => random.below(256)),
      },
      tickTimeMs,
      minSessionTimeoutMs: 2 * tickTimeMs,
      maxSessionTimeoutMs: 20 * tickTimeMs,
      frameBytesMax: 0xfffff,
      globalOutstandingLimit: 1000,
      bounds: { ...BOUNDS, unsentBytesHigh },
      readOnlyMode: false,
      policy: { skipAcl, reconfig: true, standalone: true },
      auth: {},
      sasl: null,
      saslSuperUsers: [],
      allowSaslFailedClients: false,
      enforceAuthSchemes: [],
      fourLetterWord: null,
    });
  }
}

/** The state, and who sees it change. */
class ObservedMachine extends Machine {
  readonly #member: SimulatedMember;
  readonly #observer: Observer;

  constructor(models: readonly Model[], member: SimulatedMember, observer: Observer) {
    super(models);
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
    const text = members.map(({ id, role, address }) => `${id} ${role} ${address}`).join();
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
function withSlowSnapshots(storage: OpenedStorage, clock: VirtualClock, machine: Machine): OpenedStorage {
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

function observed(
  storage: OpenedStorage,
  member: SimulatedMember,
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
