// A simulated ensemble: virtual time, a network that loses, delays, copies, reorders and cuts, machines that crash and
// disks that are lost, clients, and an operator who changes the members. Everything from one seed.

import { type Random, seededRandom } from "../../../src/base/random.ts";
import type { Configuration, MemberId, MemberRecord, Message } from "../../../src/consensus/index.ts";
import { isJoint, votersOf } from "../../../src/consensus/raft/configuration.ts";
import { EventQueue } from "../../../src/sim/kernel/event-queue.ts";
import { Routes } from "../../../src/sim/kernel/routes.ts";
import { Disk } from "./disk.ts";
import { Host } from "./host.ts";
import { nextMembers, record } from "./operator.ts";
import { Oracle } from "./oracle.ts";
import { describe, portraitOf } from "./portrait.ts";
import { whatIsWrong } from "./recovery.ts";
import { drawOptions, drawRaftOptions, type Fault, type WorldOptions } from "./world-options.ts";

export class World {
  readonly random: Random;
  readonly options: WorldOptions;
  readonly oracle = new Oracle();
  readonly raftOptions: ReturnType<typeof drawRaftOptions>;
  readonly hosts = new Map<MemberId, Host>();
  readonly counts = new Map<string, number>();
  readonly #queue = new EventQueue();
  readonly #routes = new Routes();
  /** Connections: raised when one is reset, so that what was under way on it is lost. */
  readonly #epochs = new Map<string, number>();
  readonly #stalledUntil = new Map<MemberId, number>();
  isCalm = false;
  #proposals = 0;
  /** Whom the operator wants, and in which role. */
  #wanted: Map<MemberId, MemberRecord["role"]>;
  readonly trace: ((line: string) => void) | null;

  constructor(seed: number, trace: ((line: string) => void) | null = null) {
    this.random = seededRandom(seed);
    this.trace = trace;
    this.options = drawOptions(this.random);
    this.raftOptions = drawRaftOptions(this.random);
    this.#wanted = new Map();
    for (let id = 1; id <= this.options.founders; id++) this.#wanted.set(id, "voter");
    for (let id = 1; id <= this.options.founders; id++) {
      // Members start one after the other, some of them late.
      this.after(this.random.below(this.random.chance(0.2) ? 500 : 30), () => this.#boot(id));
    }
    this.after(this.options.proposeEvery, () => this.#client());
    this.after(this.options.readEvery, () => this.#reader());
    this.after(300, () => this.#fault());
    this.after(100, () => this.#operator());
  }

  get now(): number {
    return this.#queue.now;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  after(delay: number, task: () => void): void {
    this.#queue.after(delay, task);
  }

  run(until: number, isDone: () => boolean = () => false): void {
    while (!isDone() && this.#queue.runNext(until)) {}
  }

  // -------------------------------------------------------------------------------------------------------- machines

  /** What the configuration file says, which the operator keeps up to date; a newcomer's own line is an observer's. */
  #initialConfiguration(id: MemberId): Configuration {
    const members: MemberRecord[] = [];
    const present = this.oracle.configuration?.configuration.members;
    if (present !== undefined) for (const member of present) members.push(record(member.id, member.role));
    else for (let founder = 1; founder <= this.options.founders; founder++) members.push(record(founder, "voter"));
    if (!members.some((member) => member.id === id)) members.push(record(id, "learner"));
    return { cluster: 0, members, outgoing: [] };
  }

  #newDisk(id: MemberId): Disk {
    return new Disk(1 + this.random.next(), this.#initialConfiguration(id));
  }

  #boot(id: MemberId): void {
    if (!this.hosts.has(id)) this.hosts.set(id, new Host(this, id, this.#newDisk(id)));
  }

  diskDelay(): number {
    const { diskDelayMax, diskStalls } = this.options;
    const delay = this.random.below(diskDelayMax + 1);
    return !this.isCalm && this.random.chance(diskStalls) ? delay + this.random.below(300) : delay;
  }

  // --------------------------------------------------------------------------------------------------------- network

  send(from: Host, to: MemberId, message: Message): void {
    this.trace?.(`${this.now} ${from.id}>${to} ${describe(message)}`);
    if (message.kind === "vote" && !message.pre && message.granted) {
      this.oracle.onVote(from.id, from.disk.incarnation, message.term, to);
    }
    if (message.kind === "request-vote" && !message.pre) {
      this.oracle.onVote(from.id, from.disk.incarnation, message.term, from.id);
    }
    const { loss, copies } = this.options;
    if (!this.isCalm && this.random.chance(loss)) return;
    this.#deliver(from.id, to, message);
    if (!this.isCalm && this.random.chance(copies)) this.#deliver(from.id, to, message);
  }

  #deliver(from: MemberId, to: MemberId, message: Message): void {
    const { delayMax, longDelays } = this.options;
    const epoch = this.#epochs.get(link(from, to));
    let delay = 1 + this.random.below(delayMax);
    if (!this.isCalm && this.random.chance(longDelays)) delay += this.random.below(2000);
    const isLate = delay > delayMax; // from a connection of long ago: it arrives whatever became of that
    this.after(delay, () => this.#arrive(from, to, message, isLate ? undefined : epoch));
  }

  #arrive(from: MemberId, to: MemberId, message: Message, epoch: number | undefined): void {
    const host = this.hosts.get(to);
    if (host === undefined || !host.isUp) return;
    if (this.#routes.isCut(from, to) || (epoch !== undefined && this.#epochs.get(link(from, to)) !== epoch)) return;
    const stalled = this.#stalledUntil.get(to) ?? 0;
    if (stalled > this.now) {
      this.after(stalled - this.now, () => this.#arrive(from, to, message, epoch));
      return;
    }
    host.input({ kind: "message", from, message });
  }

  #resetConnection(one: MemberId, other: MemberId): void {
    this.#epochs.set(link(one, other), (this.#epochs.get(link(one, other)) ?? 0) + 1);
    for (const [at, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      const host = this.hosts.get(at);
      if (host === undefined) continue;
      const { run } = host;
      this.after(1 + this.random.below(5), () => {
        if (host.isUp && host.run === run) host.input({ kind: "unreachable", peer });
      });
    }
  }

  // ---------------------------------------------------------------------------------------------- clients, operators

  #client(): void {
    // In the calm it leaves the narrowest pipeline time to catch up.
    const pause = this.isCalm ? 200 : 2 * this.options.proposeEvery;
    this.after(1 + this.random.below(pause), () => this.#client());
    for (const host of this.hosts.values()) {
      if (!host.isUp || host.raft.role !== "leader" || !host.raft.canPropose) continue;
      const payloads: Uint8Array[] = [];
      for (let count = 1 + this.random.below(3); count > 0; count--) {
        const text = `${++this.#proposals}:`.padEnd(this.random.below(80), ".");
        payloads.push(Uint8Array.from(text, (character) => character.charCodeAt(0)));
      }
      host.input({ kind: "propose", payloads });
    }
  }

  #reader(): void {
    this.after(1 + this.random.below(2 * this.options.readEvery), () => this.#reader());
    const host = this.#anyHost((each) => each.isUp);
    host?.read();
  }

  /** What the replica's policy does, in short: brings the members to what is wanted, and mends lost disks. */
  #operator(): void {
    this.after(30 + this.random.below(60), () => this.#operator());
    for (const host of this.hosts.values()) {
      const { raft } = host;
      if (!host.isUp || raft.role !== "leader" || raft.isChangingMembership || !raft.canPropose) continue;
      const members = nextMembers(host, this.#wanted, (what) => this.count(what));
      if (members === null) continue;
      host.input({ kind: "change-membership", members });
      this.count(isJoint(raft.configuration) ? "joint changes" : "simple changes");
    }
  }

  // ---------------------------------------------------------------------------------------------------------- faults

  #fault(): void {
    if (this.isCalm) return;
    this.after(1 + this.random.below(2 * this.options.faultEvery), () => this.#fault());
    const { weights } = this.options;
    let draw = this.random.below(Object.values(weights).reduce((sum, weight) => sum + weight, 0));
    for (const [fault, weight] of Object.entries(weights)) {
      draw -= weight;
      if (draw >= 0) continue;
      this.trace?.(`${this.now} ${fault}`);
      this.#strike(fault as Fault);
      return;
    }
  }

  #strike(fault: Fault): void {
    switch (fault) {
      case "crash":
        this.#crash(this.#anyHost((host) => host.isUp && (this.random.chance(0.6) || host.raft.role === "leader")));
        break;
      case "restart":
        this.#anyHost((host) => !host.isUp)?.restart();
        break;
      case "wipe":
        this.#wipe(this.#anyHost((host) => this.#maySpare(host)));
        break;
      case "partition":
        this.#partition(false);
        break;
      case "one-way":
        this.#partition(true);
        break;
      case "heal":
        this.#routes.restoreAll();
        break;
      case "reset-connection": {
        const [one, other] = [this.#anyHost(() => true), this.#anyHost(() => true)];
        if (one !== undefined && other !== undefined && one !== other) this.#resetConnection(one.id, other.id);
        break;
      }
      case "transfer": {
        const leader = this.#anyHost((host) => host.isUp && host.raft.role === "leader");
        const target = this.#anyHost((host) => host !== leader);
        if (leader === undefined || target === undefined) break;
        leader.input({ kind: "transfer", to: target.id });
        this.count("transfers");
        break;
      }
      case "change-members":
        this.#changeWanted();
        break;
      case "stall": {
        const host = this.#anyHost(() => true);
        if (host !== undefined) this.#stalledUntil.set(host.id, this.now + this.random.below(400));
        break;
      }
    }
  }

  #crash(host: Host | undefined): void {
    if (host === undefined) return;
    host.crash();
    this.count("crashes");
    for (const other of this.hosts.values()) {
      if (other !== host && this.random.chance(0.7)) this.#resetConnection(host.id, other.id);
    }
  }

  #wipe(host: Host | undefined): void {
    if (host === undefined) return;
    if (host.isUp) this.#crash(host);
    host.restart(this.#newDisk(host.id));
    this.count("disks lost");
  }

  /**
   * Whether the ensemble survives the loss of this disk: it has been formed, and in every configuration that may yet count
   * a majority of the voters still has the disk it is counted for. The lost one may be getting its vote just now, and
   * others losing theirs, by a leader who does not know of the loss yet.
   */
  #maySpare(lost: Host): boolean {
    const committed = this.oracle.configuration;
    if (committed === undefined) return false;
    const lostRecord = { ...record(lost.id, "voter"), incarnation: lost.disk.incarnation };
    return (
      this.#staysKnown(lost) &&
      this.#configurations().every((configuration) => {
        const voters = votersOf(configuration);
        const withLost = [...voters.filter(({ id }) => id !== lost.id), lostRecord];
        return [voters, withLost, withLost.filter(({ id }) => this.#wanted.has(id)), configuration.outgoing].every(
          (half) => this.#survives(half, lost.id),
        );
      })
    );
  }

  /** Whether the blank members would still be a minority of those that the files they start with name. */
  #staysKnown(lost: Host): boolean {
    const isBlank = ({ id }: MemberRecord): boolean =>
      id === lost.id || (this.hosts.get(id)?.disk.lastIndex ?? 0) === 0;
    const files = [this.#initialConfiguration(lost.id)];
    for (const { disk } of this.hosts.values()) if (disk.lastIndex === 0) files.push(disk.initial);
    return files.every((file) => {
      const voters = votersOf(file);
      return voters.filter(isBlank).length * 2 < voters.length;
    });
  }

  /** Every configuration of the ensemble that somebody still holds. */
  #configurations(): Configuration[] {
    const committed = this.oracle.configuration;
    if (committed === undefined) return [];
    const configurations = [committed.configuration];
    for (const { disk, raft } of this.hosts.values()) {
      for (const { configuration } of disk.recover().configurations) configurations.push(configuration);
      configurations.push(raft.configuration);
    }
    return configurations.filter(({ cluster }) => cluster === committed.configuration.cluster);
  }

  #survives(half: readonly MemberRecord[], lost: MemberId | null): boolean {
    const has = ({ id, incarnation }: MemberRecord): boolean =>
      id !== lost && this.hosts.get(id)?.disk.incarnation === incarnation;
    return half.length === 0 || half.filter(has).length * 2 > half.length;
  }

  #partition(isOneWay: boolean): void {
    const side = new Set([...this.hosts.keys()].filter(() => this.random.chance(0.5)));
    for (const one of this.hosts.keys()) {
      for (const other of this.hosts.keys()) {
        if (side.has(one) && !side.has(other)) {
          this.#routes.cut(one, other);
          if (!isOneWay) this.#routes.cut(other, one);
        }
      }
    }
    this.count("partitions");
  }

  #changeWanted(): void {
    const id = 1 + this.random.below(this.options.universe);
    const wanted = new Map(this.#wanted);
    if (wanted.has(id) && this.random.chance(0.5)) wanted.delete(id);
    else wanted.set(id, this.random.chance(0.75) ? "voter" : "learner");
    if (![...wanted.values()].includes("voter")) return;
    // No sane operator shrinks an ensemble to those whose disks are gone.
    const remains = (configuration: Configuration): boolean =>
      this.#survives(
        votersOf(configuration).filter((member) => wanted.get(member.id) === "voter"),
        null,
      );
    if (!this.#configurations().every(remains)) return;
    this.#wanted = wanted;
    this.#boot(id);
  }

  #anyHost(suits: (host: Host) => boolean): Host | undefined {
    const hosts = [...this.hosts.values()].filter(suits);
    return hosts.length === 0 ? undefined : hosts[this.random.below(hosts.length)];
  }

  // -------------------------------------------------------------------------------------------------------- the calm

  /** Faults end, machines start, links heal. Returns null once everything works as it should, else what does not. */
  calm(within: number): string | null {
    this.isCalm = true;
    this.#routes.restoreAll();
    this.#stalledUntil.clear();
    for (let id = 1; id <= this.options.founders; id++) this.#boot(id);
    for (const host of this.hosts.values()) if (!host.isUp) host.restart();
    const until = this.now + within;
    const before = this.oracle.commitIndex;
    this.run(until, () => whatIsWrong(this.hosts, this.#wanted, before) === null);
    // It works when what comes from now on goes through everywhere, and a read is answered everywhere.
    const { commitIndex } = this.oracle;
    for (const host of this.hosts.values()) host.answeredReads = 0;
    let wrong: string | null = null;
    this.run(until, () => {
      wrong = whatIsWrong(this.hosts, this.#wanted, commitIndex + 1) ?? this.#unread();
      return wrong === null;
    });
    return wrong;
  }

  #unread(): string | null {
    for (const [id] of this.#wanted) {
      const host = this.hosts.get(id)!;
      if (host.answeredReads > 0) continue;
      if (this.random.chance(0.05)) host.read();
      return `no read is answered at member ${id}`;
    }
    return null;
  }

  /** How every machine stands, for a person to read. */
  portrait(): string {
    return portraitOf(this.hosts.values());
  }
}

function link(one: MemberId, other: MemberId): string {
  return one < other ? `${one}-${other}` : `${other}-${one}`;
}
