// A whole ensemble in virtual time: real replicas and real state over a virtual network and virtual disks.

import { type Random, seededRandom } from "../base/random.ts";
import type { Configuration, MemberId } from "../consensus/raft/types.ts";
import { silentLogger } from "../replica/logger.ts";
import { Replica, type ReplicaOptions } from "../replica/replica.ts";
import { Machine } from "../state/machine.ts";
import type { StateEvents } from "../state/types.ts";
import { VirtualDisk } from "./disk.ts";
import { type NetworkOptions, VirtualNetwork } from "./network.ts";
import { VirtualClock, VirtualTime } from "./time.ts";

export interface SimulatedEnsembleOptions {
  readonly members: number;
  readonly seed: number;
  readonly network?: Partial<NetworkOptions>;
  readonly replica?: Partial<Pick<ReplicaOptions, "snapshotCommands" | "snapshotLogBytes" | "raft">>;
}

const QUIET_NETWORK: NetworkOptions = { delayMinMs: 0.1, delayMaxMs: 1, breakProbability: 0 };

const RAFT: ReplicaOptions["raft"] = {
  electionTicks: 10,
  heartbeatTicks: 2,
  appendBytesMax: 64 * 1024,
  inflightBytesMax: 1024 * 1024,
  inflightAppendsMax: 64,
  uncommittedBytesMax: 4 * 1024 * 1024,
  tailBytesMax: 256 * 1024,
  snapshotChunkBytes: 4 * 1024,
};

/** One machine of the ensemble: its disk outlives its process. */
export class SimulatedMember {
  readonly id: MemberId;
  readonly disk: VirtualDisk;
  /** Undefined while the process is down. */
  replica: Replica | undefined;
  clock: VirtualClock;
  /** The failure that ended the last process by itself, if any did. */
  fatal: Error | null = null;
  /** Hears the state's events of whatever process runs. */
  events: Partial<StateEvents> = {};
  readonly #ensemble: SimulatedEnsemble;
  /** The number of the next run; a wall clock that went back makes it a lower one than the last. */
  nextStart = 1;

  constructor(ensemble: SimulatedEnsemble, id: MemberId, disk: VirtualDisk) {
    this.#ensemble = ensemble;
    this.id = id;
    this.disk = disk;
    this.clock = new VirtualClock(ensemble.time);
  }

  get isUp(): boolean {
    return this.replica !== undefined;
  }

  start(): void {
    const { time, network, random, options } = this.#ensemble;
    const clock = new VirtualClock(time);
    this.clock = clock;
    this.fatal = null;
    const machine = new Machine({
      onNode: (...event) => this.events.onNode?.(...event),
      onLeaseEnded: (id, cause) => {
        replica.stateEvents.onLeaseEnded(id);
        this.events.onLeaseEnded?.(id, cause);
      },
      onLeaseMoved: (id, member, start) => {
        replica.stateEvents.onLeaseMoved(id);
        this.events.onLeaseMoved?.(id, member, start);
      },
      onReconfigured: (...event) => this.events.onReconfigured?.(...event),
      onRestored: () => this.events.onRestored?.(),
    });
    const replica: Replica = new Replica(
      {
        id: this.id,
        start: this.nextStart++,
        raft: options.replica?.raft ?? RAFT,
        tickMs: 40,
        snapshotCommands: options.replica?.snapshotCommands ?? 1000,
        snapshotLogBytes: options.replica?.snapshotLogBytes ?? 10 * 1024 * 1024,
        reaper: { intervalMs: 60_000, neverUsedMs: 0, maxPerMinute: 10_000 },
        random: seededRandom(random.next()),
        logger: silentLogger,
        onFatal: (error) => {
          this.fatal = error;
          this.crash();
        },
      },
      machine,
      clock,
      this.disk.open(clock),
    );
    this.replica = replica;
    const peers = network.attach(this.id, replica, clock);
    void replica.run(peers);
  }

  /** The process ends in the middle of whatever it was doing; what was not synced is lost. */
  crash(): void {
    this.clock.isStopped = true;
    this.replica = undefined;
    this.#ensemble.network.detach(this.id);
  }

  restart(): void {
    if (this.isUp) this.crash();
    this.start();
  }

  /** The machine comes back with an empty disk. */
  wipe(): void {
    if (this.isUp) this.crash();
    this.disk.wipe(1 + this.#ensemble.random.below(2 ** 31));
  }
}

export class SimulatedEnsemble {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: VirtualNetwork;
  readonly options: SimulatedEnsembleOptions;
  readonly members: readonly SimulatedMember[];

  constructor(options: SimulatedEnsembleOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    this.network = new VirtualNetwork(this.time, this.random, { ...QUIET_NETWORK, ...options.network });
    const initial: Configuration = {
      cluster: 0,
      members: Array.from({ length: options.members }, (_, i) => ({
        id: i + 1,
        role: "voter",
        incarnation: 0,
        address: `member${i + 1}:2888:3888:participant;0.0.0.0:2181`,
      })),
      outgoing: [],
    };
    this.members = initial.members.map(({ id }) => {
      const disk = new VirtualDisk(this.time, 1 + this.random.below(2 ** 31), initial);
      return new SimulatedMember(this, id, disk);
    });
    for (const member of this.members) member.start();
  }

  member(id: MemberId): SimulatedMember {
    const found = this.members.find((member) => member.id === id);
    if (found === undefined) throw new RangeError(`no member ${id}`);
    return found;
  }

  /** The member that leads the highest term, among those that are up. */
  leader(): SimulatedMember | undefined {
    return this.members
      .filter((member) => member.replica?.status.role === "leader")
      .sort((a, b) => b.replica!.status.term - a.replica!.status.term)[0];
  }

  followers(): SimulatedMember[] {
    const leader = this.leader();
    return this.members.filter((member) => member.isUp && member !== leader);
  }

  /** Until one leads and every member that is up follows it and has applied what it committed. */
  async settle(milliseconds = 20_000): Promise<boolean> {
    return this.time.runUntil(() => this.isSettled(), milliseconds);
  }

  isSettled(): boolean {
    const leader = this.leader()?.replica;
    if (leader === undefined) return false;
    const { commitIndex, lastIndex } = leader.status;
    return (
      commitIndex === lastIndex &&
      this.members.every(
        ({ replica }) =>
          replica === undefined ||
          (replica.status.leader === leader.id && replica.machine.appliedIndex === commitIndex),
      )
    );
  }

  partition(...groups: MemberId[][]): void {
    const groupOf = (id: MemberId): number => groups.findIndex((group) => group.includes(id));
    for (const { id: from } of this.members) {
      for (const { id: to } of this.members) {
        if (from !== to && groupOf(from) !== groupOf(to)) this.network.cut(from, to);
      }
    }
  }

  heal(): void {
    this.network.heal();
  }
}
