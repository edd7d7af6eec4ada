// The nemesis: Jepsen's term for the process that injects faults. The seed decides what fails and when. It never damages so
// many disks that an acknowledged write could be lost on all of them, so the promises must hold.

import { CoordinationError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import type { ClientNetwork } from "./client-network.ts";
import { DiskDamage } from "./disk-damage.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import { FileGrowth } from "./file-growth.ts";
import type { SimulatedMember } from "./member.ts";
import type { MemberInvariants } from "./member-invariants.ts";
import { MembershipChanges } from "./membership-changes.ts";
import { drawNetwork, type Fault, type SimulationParameters } from "./parameters.ts";
import { Programs } from "./programs.ts";
import type { FaultableClient } from "./workload.ts";

export interface NemesisOptions {
  readonly parameters: SimulationParameters;
  readonly random: Random;
  readonly ensemble: SimulatedEnsemble;
  readonly clientNetwork: ClientNetwork;
  /** Of all workloads. */
  readonly clients: readonly FaultableClient[];
  readonly invariants: MemberInvariants;
  readonly onNote: (what: string) => void;
}

export class Nemesis {
  readonly counts = new Map<Fault, number>();
  readonly vanished = new Set<FaultableClient>();
  readonly damage: DiskDamage;
  readonly growth: FileGrowth;
  readonly programs: Programs;
  readonly #options: NemesisOptions;
  readonly #membershipChanges: MembershipChanges;
  readonly #stopping = new Set<MemberId>();
  #isPaused = false;
  #isOver = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
    const { invariants, random, ensemble, parameters } = options;
    this.programs = new Programs(ensemble);
    this.damage = new DiskDamage(ensemble, invariants, parameters.members);
    this.growth = new FileGrowth({
      random,
      ensemble,
      invariants,
      damage: this.damage,
      sizes: parameters.growsTo,
      tickTimeMs: parameters.tickTimeMs,
    });
    this.#membershipChanges = new MembershipChanges(random, ensemble, invariants);
    invariants.mayStop = (member, error) => this.damage.explains(member, error);
    this.#soon();
  }

  /** Whether a command has changed the members; from then on files do not count. */
  get hasReconfigured(): boolean {
    return this.counts.has("reconfigure");
  }

  /** Ends the faults. What is broken stays broken. */
  end(): void {
    this.#isOver = true;
  }

  /** Pauses the faults. */
  pause(): void {
    this.#isPaused = true;
  }

  goOn(): void {
    this.#isPaused = false;
  }

  #soon(): void {
    const { parameters, random, ensemble } = this.#options;
    ensemble.time.after(parameters.faultEveryMs * (0.2 + random.below(1600) / 1000), () => {
      if (this.#isOver) return;
      if (!this.#isPaused) this.#strike(this.#draw());
      this.#soon();
    });
  }

  #draw(): Fault {
    const weights = Object.entries(this.#options.parameters.weights) as [Fault, number][];
    let left = this.#options.random.below(weights.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [fault, weight] of weights) {
      if (left < weight) return fault;
      left -= weight;
    }
    return "heal";
  }

  #strike(fault: Fault): void {
    const what = this.#carryOut(fault);
    if (what === null) return;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    this.#options.onNote(what);
  }

  /** Carries a fault out and describes it; null if nothing could suffer it. */
  #carryOut(fault: Fault): string | null {
    const { parameters, random, ensemble, clientNetwork } = this.#options;
    const up = ensemble.members.filter((member) => member.isUp && !this.#stopping.has(member.id));
    const someone = this.#oneOf(up);
    const client = this.#oneOf(this.#options.clients.filter((one) => !this.vanished.has(one)));
    const time = (factor: number): number => parameters.tickTimeMs * factor * (0.1 + random.below(1000) / 1000);
    switch (fault) {
      case "kill":
        return this.#to(someone, (member) => member.kill(), "is killed");
      case "lose-power": {
        if (random.chance(0.1)) {
          for (const member of up) member.crash();
          return "all members lose power";
        }
        return this.#to(someone, (member) => member.crash(), "loses power");
      }
      case "restart": {
        const down = ensemble.members.filter((member) => !member.isUp && this.damage.mayStart(member));
        return this.#to(this.#oneOf(down), (member) => void member.start(), "starts");
      }
      case "wipe":
        return this.#damage((member) => (this.damage.wipe(member) ? "loses its disk" : null));
      case "flip-bit":
        return this.#damage((member) => {
          if (member.isUp) member.kill();
          const where = member.disk.flipBit();
          return where === null ? null : `has ${where} flipped`;
        });
      case "pause":
        return this.#to(someone, (member) => member.clock.pause(time(6)), "is paused");
      case "stop-politely":
        return this.#to(someone, (member) => this.#stop(member), "is asked to stop");
      case "partition": {
        const ids = ensemble.members.map((member) => member.id);
        const here = ids.filter(() => random.chance(0.5));
        ensemble.partition(
          here,
          ids.filter((id) => !here.includes(id)),
        );
        return `members ${here} are cut off from the others`;
      }
      case "one-way":
        return this.#pair((one, other) => ensemble.network.cut(one, other), "is not heard any more by");
      case "intersecting": {
        return this.#pair((one, other) => {
          ensemble.network.cut(one, other);
          ensemble.network.cut(other, one);
        }, "is cut off, alone, from");
      }
      case "flap":
        return this.#pair(
          (one, other) => this.#flap(one, other, 3 + random.below(6)),
          "loses and finds, again and again,",
        );
      case "clog":
        return this.#pair((one, other) => ensemble.network.clog(one, other, time(2)), "is heard late by");
      case "reset":
        return this.#pair((one, other) => ensemble.network.reset(one, other), "loses its connection to");
      case "depose":
        return this.#to(
          ensemble.leader(),
          (member) => this.#depose(member),
          "stands still, and reaches no other member",
        );
      case "heal":
        ensemble.heal();
        clientNetwork.heal();
        return "the network heals";
      case "network-quality":
        ensemble.network.options = drawNetwork(random, parameters.tickMs / 40, parameters.isUnruly);
        return "the network changes its delays and losses";
      case "stall-disk":
        return this.#to(
          someone,
          (member) => {
            member.disk.stalledUntil = ensemble.time.now + time(5);
          },
          "has a disk that stalls",
        );
      case "slow-disk":
        return this.#to(
          someone,
          (member) => {
            member.disk.syncMaxMs = random.chance(0.3) ? 0.4 : (random.below(200) * parameters.tickMs) / 40;
            member.disk.readMs = random.chance(0.5) ? 0.005 : (random.below(100) * parameters.tickMs) / 40;
          },
          "has a disk of another speed",
        );
      case "sync-error":
        return this.#to(
          someone,
          (member) => {
            this.damage.noteTrouble(member.id);
            member.disk.syncsUntilError = random.below(10);
          },
          "has a disk that will fail to sync",
        );
      case "fill-disk":
        return this.#to(
          someone,
          (member) => {
            this.damage.noteTrouble(member.id);
            member.disk.capacityBytes = member.disk.usedBytes + random.below(20_000);
          },
          "has a disk that is full",
        );
      case "free-disk": {
        const full = ensemble.members.filter(({ disk }) => disk.capacityBytes !== Number.POSITIVE_INFINITY);
        return this.#to(
          this.#oneOf(full),
          (member) => {
            member.disk.capacityBytes = Number.POSITIVE_INFINITY;
          },
          "has room on its disk",
        );
      }
      case "jump-clock":
        return this.#to(
          someone,
          (member) => {
            const jump = random.below(7_200_000) - 3_600_000;
            member.wallOffsetMs += jump;
            member.clock.wallOffsetMs += jump;
          },
          "has its wall clock set",
        );
      case "reconfigure":
        return this.#reconfigure();
      case "grow-by-file":
        return this.hasReconfigured ? null : this.growth.begin();
      case "upgrade":
        return this.#to(this.#oneOf(this.programs.older), (member) => this.programs.change(member), "is upgraded");
      case "go-back": {
        const back = this.programs.mayGoBack(this.hasReconfigured || parameters.growsTo.length > 0);
        return this.#to(this.#oneOf(back), (member) => this.programs.change(member), "goes back to the older program");
      }
      case "snapshot":
        return this.#to(someone, (member) => this.#takeSnapshot(member), "is asked for a snapshot");
      case "throttle":
        return this.#pair(
          (one, other) => ensemble.network.slow(one, other, (1 + random.below(200)) / (parameters.tickMs / 40)),
          "has a slow link to",
        );
      case "interrupt-transfer":
        return this.#interruptTransfer();
      case "cut-client":
        if (client === undefined || someone === undefined) return null;
        clientNetwork.cut(client.id, someone.id);
        return `client ${client.id} loses its route to member ${someone.id}`;
      case "pause-client":
        client?.pause(time(6));
        return client === undefined ? null : `client ${client.id} is paused`;
      case "hang-up":
        if (client?.hangUp === undefined) return null;
        client.hangUp();
        return `client ${client.id} hangs up`;
      case "vanish":
        if (client?.vanish === undefined || !this.#mayVanish()) return null;
        this.vanished.add(client);
        client.vanish();
        return `client ${client.id} vanishes`;
    }
  }

  #oneOf<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.#options.random.below(list.length)];
  }

  #to(member: SimulatedMember | undefined, action: (member: SimulatedMember) => void, what: string): string | null {
    if (member === undefined) return null;
    const leads = this.#options.ensemble.leader() === member ? ", the leader," : "";
    action(member);
    return `member ${member.id}${leads} ${what}`;
  }

  #pair(action: (one: MemberId, other: MemberId) => void, what: string): string | null {
    const { members } = this.#options.ensemble;
    const one = this.#oneOf(members);
    const other = this.#oneOf(members.filter((member) => member !== one));
    if (one === undefined || other === undefined) return null;
    action(one.id, other.id);
    return `member ${one.id} ${what} member ${other.id}`;
  }

  /** Cuts the leader off and pauses it. When it goes on, another may lead. Its clients still reach it, and read around that moment. */
  #depose(leader: SimulatedMember): void {
    const { ensemble, clients, random, parameters } = this.#options;
    const others = ensemble.members.filter((member) => member !== leader).map(({ id }) => id);
    ensemble.partition([leader.id], others);
    const pauseTicks = 5 + random.below(40);
    leader.clock.pause(parameters.tickMs * pauseTicks);
    for (const client of clients) {
      ensemble.time.after(parameters.tickMs * (pauseTicks - 4 + random.below(8)), () => {
        if (!this.#isOver && client.member === leader && client.isReady) client.readFresh?.();
      });
    }
  }

  #flap(one: MemberId, other: MemberId, times: number): void {
    const { ensemble, random, parameters } = this.#options;
    const { network, time } = ensemble;
    if (times === 0 || this.#isOver || this.#isPaused) return;
    network.cut(one, other);
    network.cut(other, one);
    time.after(parameters.tickMs * random.below(30), () => {
      network.join(one, other);
      time.after(parameters.tickMs * random.below(30), () => this.#flap(one, other, times - 1));
    });
  }

  #stop(member: SimulatedMember): void {
    const { replica } = member;
    if (replica === undefined) return;
    this.#stopping.add(member.id);
    void replica.stop({ graceMs: this.#options.parameters.tickTimeMs }).then(() => {
      this.#stopping.delete(member.id);
      if (member.replica === replica) member.kill();
    });
    member.onEnded = () => this.#stopping.delete(member.id);
  }

  /** Whether another client may vanish: at least one of them has to stay. */
  #mayVanish(): boolean {
    return this.#options.clients.filter((one) => one.vanish !== undefined).length > this.vanished.size + 1;
  }

  #damage(action: (member: SimulatedMember) => string | null): string | null {
    const member = this.#oneOf(this.#options.ensemble.members.filter(({ disk }) => !disk.isBlank));
    if (member === undefined || !this.damage.mayDamage(member)) return null;
    const what = action(member);
    if (what === null) return null;
    this.damage.noteDamage(member.id);
    return `member ${member.id} ${what}`;
  }

  #takeSnapshot(member: SimulatedMember): void {
    member.replica?.takeSnapshotNow().catch((error: unknown) => {
      if (error instanceof CoordinationError || member.replica === undefined) return;
      const what = `member ${member.id} takes no snapshot: ${(error as Error).stack}`;
      this.#options.invariants.violate("members keep running", what);
    });
  }

  #reconfigure(): string | null {
    const { clients, ensemble, random } = this.#options;
    const mayAsk = (one: FaultableClient) => one.changeMembers !== undefined && one.isReady && !this.vanished.has(one);
    const client = this.#oneOf(clients.filter(mayAsk));
    const change = client === undefined ? null : this.#membershipChanges.draw();
    if (client === undefined || change === null) return null;
    this.damage.isChanging = true;
    for (const { id } of change.joining) if (!ensemble.member(id).isUp) void ensemble.member(id).start();
    const by = random.chance(0.4) ? this.#oneOf(ensemble.members) : undefined;
    const isDirect = by !== undefined && this.#membershipChanges.propose(change, by);
    if (!isDirect) client.changeMembers!(change);
    const joining = change.joining.map(({ id, wantedRole }) => `${id} as ${wantedRole}`).join(" and ");
    const leaving = change.leaving.join(" and ");
    const who = isDirect ? `member ${by.id}` : `client ${client.id}`;
    return `${who} asks for members ${joining || "nobody new"}, without ${leaving || "nobody"}`;
  }

  /** Interrupts a snapshot in transfer: its sender, its receiver or the link between them. */
  #interruptTransfer(): string | null {
    const { ensemble, invariants, random } = this.#options;
    const { latestChunk } = invariants;
    if (latestChunk === null) return null;
    invariants.latestChunk = null;
    const { from, to } = latestChunk;
    const what = `while member ${from} sends member ${to} a snapshot`;
    switch (random.below(4)) {
      case 0:
        ensemble.network.reset(from, to);
        return `the connection breaks ${what}`;
      case 1:
        ensemble.network.cut(from, to);
        return `the route is cut ${what}`;
      default: {
        const ended = ensemble.member(random.chance(0.5) ? from : to);
        if (ended.isUp) ended.kill();
        return `member ${ended.id} is killed ${what}`;
      }
    }
  }
}
