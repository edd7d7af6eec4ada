// The end of all faults, for a while or for good. Disks are repaired, processes restart as under a service manager, and the
// network is quiet. Invariant: with all members up and connected, one leads and completes a write.

import { encodeExpireLeases } from "../../state/leases/commands.ts";
import { Leases } from "../../state/leases/leases.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import type { SimulatedMember } from "./member.ts";
import type { NetworkOptions } from "./network.ts";
import type { SimulationParameters } from "./parameters.ts";

/** How many ticks of the protocol the effects of earlier faults may last: pauses, stalls, frames in a blocked link. */
const AFTERMATH_TICKS = 8;
/** The number of the longest election timeouts within which one leads and completes a write. */
const LEADS_WITHIN_TIMEOUTS = 10;

export class Recovery {
  readonly #ensemble: SimulatedEnsemble;
  readonly #parameters: SimulationParameters;
  readonly #keptUp = new Set<SimulatedMember>();
  #optionsBefore: NetworkOptions | null = null;

  constructor(ensemble: SimulatedEnsemble, parameters: SimulationParameters) {
    this.#ensemble = ensemble;
    this.#parameters = parameters;
  }

  quietNetwork(): void {
    const { network } = this.#ensemble;
    this.#optionsBefore ??= network.options;
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

  repair(member: SimulatedMember): void {
    const { disk } = member;
    disk.stalledUntil = 0;
    disk.syncMaxMs = 0.4;
    disk.readMs = 0.005;
    disk.syncsUntilError = null;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#keptUp.add(member);
    this.#keepUp(member);
  }

  /** Starts the member again whenever it has ended. */
  #keepUp(member: SimulatedMember): void {
    if (!this.#keptUp.has(member)) return;
    if (!member.isUp) void member.start();
    member.onEnded = () => this.#ensemble.time.after(this.#parameters.tickMs, () => this.#keepUp(member));
  }

  /** The faults continue: members are not restarted any more, and the network is as before. */
  end(): void {
    for (const member of this.#keptUp) member.onEnded = () => {};
    this.#keptUp.clear();
    if (this.#optionsBefore !== null) this.#ensemble.network.options = this.#optionsBefore;
    this.#optionsBefore = null;
  }

  /** Waits until the effects of earlier faults are over. False: the run ended meanwhile. */
  async aftermath(isBroken: () => boolean): Promise<boolean> {
    const { time } = this.#ensemble;
    return !(await time.runUntil(isBroken, AFTERMATH_TICKS * this.#parameters.tickTimeMs));
  }

  /** Whether one leads soon, and completes a write. */
  async leads(isBroken: () => boolean): Promise<boolean> {
    const { tickMs, clockRateMax } = this.#parameters;
    const { time, options } = this.#ensemble;
    const electionTicks = options.replica?.raft?.electionTicks ?? 10;
    const timeoutMs = 2 * electionTicks * tickMs * clockRateMax;
    const isWritten = this.#writer();
    return time.runUntil(() => isBroken() || isWritten(), LEADS_WITHIN_TIMEOUTS * timeoutMs);
  }

  /** Asks the current leader for a command that changes nothing: the expiry of no lease. */
  #writer(): () => boolean {
    let asked: SimulatedMember["replica"];
    let isDone = false;
    return () => {
      const replica = this.#ensemble.leader()?.replica;
      if (isDone || replica === undefined || replica === asked || replica.admission() !== "open") return isDone;
      asked = replica;
      encodeExpireLeases(replica.begin(), []);
      replica.commit(replica.machine.model(Leases), {
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
