// The end of all faults, for a while or for good: machines are mended and kept up as by a service manager, and the network
// is quiet. And the law of every calm: with all members up and connected somebody leads, and a write is done.

import { encodeEndReconfig } from "../state/tree/commands.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import type { SimulatedMember } from "./member.ts";
import type { NetworkOptions } from "./network.ts";
import type { Swarm } from "./swarm.ts";

/** So many ticks of the protocol what was begun before may last: pauses, stalls, frames in a link that was clogged. */
const AFTERMATH_TICKS = 8;
/** The longest election timeouts within which somebody leads, and writes. */
const LEADS_WITHIN_TIMEOUTS = 10;

export class Calm {
  readonly #ensemble: SimulatedEnsemble;
  readonly #swarm: Swarm;
  readonly #kept = new Set<SimulatedMember>();
  #weather: NetworkOptions | null = null;

  constructor(ensemble: SimulatedEnsemble, swarm: Swarm) {
    this.#ensemble = ensemble;
    this.#swarm = swarm;
  }

  quietNetwork(): void {
    const { network } = this.#ensemble;
    this.#weather ??= network.options;
    network.options = {
      ...network.options,
      delayMaxMs: network.options.delayMinMs * 5,
      spikeProbability: 0,
      breakProbability: 0,
      lossProbability: 0,
      duplicateProbability: 0,
      reorderProbability: 0,
    };
  }

  mend(member: SimulatedMember): void {
    const { disk } = member;
    disk.stalledUntil = 0;
    disk.syncMaxMs = 0.4;
    disk.readMs = 0.005;
    disk.syncsUntilError = null;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#kept.add(member);
    this.#keepUp(member);
  }

  /** Started again whenever it has ended. */
  #keepUp(member: SimulatedMember): void {
    if (!this.#kept.has(member)) return;
    if (!member.isUp) void member.start();
    member.onEnded = () => this.#ensemble.time.after(this.#swarm.tickMs, () => this.#keepUp(member));
  }

  /** The storm goes on. */
  end(): void {
    for (const member of this.#kept) member.onEnded = () => {};
    this.#kept.clear();
    if (this.#weather !== null) this.#ensemble.network.options = this.#weather;
    this.#weather = null;
  }

  /** What was begun before is over. False: the story has ended meanwhile. */
  async aftermath(isBroken: () => boolean): Promise<boolean> {
    const { time } = this.#ensemble;
    return !(await time.runUntil(isBroken, AFTERMATH_TICKS * this.#swarm.tickTimeMs));
  }

  /** Whether somebody leads soon, and a write of the leader's is done. */
  async leads(isBroken: () => boolean): Promise<boolean> {
    const { tickMs, clockRateMax } = this.#swarm;
    const { time, options } = this.#ensemble;
    const electionTicks = options.replica?.raft?.electionTicks ?? 10;
    const timeoutMs = 2 * electionTicks * tickMs * clockRateMax;
    const isWritten = this.#writer();
    return time.runUntil(() => isBroken() || isWritten(), LEADS_WITHIN_TIMEOUTS * timeoutMs);
  }

  /** Asks the leader, whoever it is by then, for a command that changes nothing: the end of no reconfiguration. */
  #writer(): () => boolean {
    let asked: SimulatedMember["replica"];
    let isDone = false;
    return () => {
      const replica = this.#ensemble.leader()?.replica;
      if (isDone || replica === undefined || replica === asked || replica.admission() !== "open") return isDone;
      asked = replica;
      encodeEndReconfig(replica.begin(), 0, "reconfig-in-progress");
      replica.commit({
        onOutcome: () => {
          isDone = true;
        },
        onRefused: () => {
          asked = undefined;
        },
      });
      return false;
    };
  }
}
