// One machine of a simulated ensemble. Its disk outlives its processes. A process runs what a server runs, except for sockets:
// storage, replica and protocol sessions, on virtual time.

import type { Files } from "../../adapters/storage/files.ts";
import { openStorageIn, type StorageWorld } from "../../adapters/storage/storage.ts";
import { silentLogger } from "../../base/logger.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import type { Configuration, MemberId } from "../../consensus/raft/types.ts";
import { wireVersionOfLevel } from "../../replica/feature-levels.ts";
import { LateStorageEvents } from "../../replica/late-storage-events.ts";
import type { OpenedStorage, StorageEvents } from "../../replica/ports.ts";
import { Replica, type ReplicaOptions } from "../../replica/replica.ts";
import { FEATURE_LEVEL } from "../../state/feature-level.ts";
import type { ModelFactory } from "../../state/models.ts";
import { ClientCapacity } from "../../transport/client-capacity.ts";
import { VirtualDisk } from "./disk.ts";
import type { DoorServer, SimulatedDoor } from "./door.ts";
import type { VirtualNetwork } from "./network.ts";
import { ObservedMachine, type Observer, observed, withSlowSnapshots } from "./observer.ts";
import { VirtualClock, type VirtualTime } from "./time.ts";

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
  /** Seconds of its clock in one true second. */
  readonly clockRate: number;
  /** What each of its processes serves its clients with. */
  readonly doors: readonly SimulatedDoor[];
  /** Models of the state besides those that every member has. */
  readonly models: readonly ModelFactory[];
}

/** The highest feature level that the version before this one understands. */
export const OLDER_LEVEL = FEATURE_LEVEL - 1;

const NO_DOORS: ReadonlyMap<string, DoorServer> = new Map();

export class SimulatedMember {
  readonly id: MemberId;
  readonly disk: VirtualDisk;
  /** Undefined while the process is down, or has not come as far. */
  replica: Replica | undefined;
  /** What it serves its clients with, by the doors' names; empty while the process is down. */
  doors: ReadonlyMap<string, DoorServer> = NO_DOORS;
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
  /** The highest feature level that its program understands; an older program understands less than this one. */
  programLevel = FEATURE_LEVEL;
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
    this.doors = NO_DOORS;
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
    const { id, network, random, observer, doors, models, tickTimeMs, replica: settings } = this.#options;
    const isOlder = this.programLevel < FEATURE_LEVEL;
    const machine = new ObservedMachine(models, this, observer, isOlder ? this.programLevel : undefined);
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
    const servers = new Map<string, DoorServer>();
    const capacity = new ClientCapacity(clock);
    for (const door of doors) servers.set(door.name, door.open({ replica, clock, random, capacity, tickTimeMs }));
    replica.onStatusChange(() => observer.onStatus?.(this));
    this.replica = replica;
    this.doors = servers;
    network.versions.set(id, wireVersionOfLevel(this.programLevel));
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
    const world: StorageWorld = {
      files,
      lock: async () => async () => {},
      after: (milliseconds, task) => clock.after(milliseconds, task),
      afterSends: (task) => clock.defer(task),
      chance: () => random.next(),
      now: () => clock.now(),
      wall: () => clock.wall(),
    };
    return openStorageIn(world, {
      dataDirectory: "/data",
      member: id,
      initialConfiguration: this.file,
      retainSnapshots,
      segmentBytes,
      alone: this.file.members.length === 1,
      events,
      log: silentLogger,
      pace: { isBlocking: false, note() {} },
    });
  }
}
