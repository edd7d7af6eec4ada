// A whole cluster in memory, on virtual time. Members, network and disks are the simulator's, driven by one seed. So a test of
// minutes takes milliseconds, and gives the same result every time.

import { assert } from "../base/assert.ts";
import { ClientNetwork } from "../sim/kernel/client-network.ts";
import { SimulatedEnsemble } from "../sim/kernel/ensemble.ts";
import { zooKeeperDoor } from "../sim/zookeeper/door.ts";
import { DIGESTS, serversOf, virtualPorts } from "./virtual-ports.ts";
import { ZooKeeperStage } from "./zookeeper-stage.ts";

export interface ScenarioClusterOptions {
  readonly seed?: number | undefined;
  readonly members?: number | undefined;
  readonly sessionTimeoutMs?: number | undefined;
  /** The network's delay for a program in each direction, from and to; 0.1 to 2 ms unless given. */
  readonly delayMs?: readonly [number, number] | undefined;
  /** The delay of single programs of a stage, by their numbers from 1. */
  readonly delayMsOf?: ReadonlyMap<number, readonly [number, number]> | undefined;
  /** As a stage's: more than 1 for a slow network. */
  readonly slowdown?: number | undefined;
}

const TICK_MS = 500;
const DOOR = zooKeeperDoor({ skipAcl: false, digests: DIGESTS });
const SESSION_TIMEOUT_MS = 2000;
const LIMIT_MS = 3_600_000;

export class ScenarioCluster {
  readonly ensemble: SimulatedEnsemble;
  readonly #network: ClientNetwork;
  readonly #options: ScenarioClusterOptions;
  #clients = 0;
  #stages = 0;

  private constructor(options: ScenarioClusterOptions) {
    this.#options = options;
    const { members = 3, seed = 1, delayMs = [0.1, 2] } = options;
    this.ensemble = new SimulatedEnsemble({ members, seed, tickTimeMs: TICK_MS, doors: [DOOR] });
    const { time, random } = this.ensemble;
    this.#network = new ClientNetwork(time, random, {
      delayMinMs: delayMs[0],
      delayMaxMs: delayMs[1],
      splitProbability: 0.1,
    });
    for (const member of this.ensemble.members) {
      member.onGone = (silently) => this.#network.onGone(member, silently);
    }
  }

  static async start(options: ScenarioClusterOptions = {}): Promise<ScenarioCluster> {
    const cluster = new ScenarioCluster(options);
    cluster.ensemble.start();
    assert(await cluster.ensemble.settle(), "a virtual cluster did not start");
    return cluster;
  }

  /** A stage for scenarios on this cluster, below a root of its own. */
  stage(): ZooKeeperStage {
    const first = this.#clients;
    this.#clients += 1000; // numbers of its own for each stage
    for (const [program, delayMs] of this.#options.delayMsOf ?? []) this.#network.pace(first + program, delayMs);
    return new ZooKeeperStage({
      servers: serversOf(this.ensemble),
      portsOf: (program) => virtualPorts(this.ensemble, this.#network, first + program, this.ensemble.random),
      sessionTimeoutMs: this.#options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      root: `/stage-${++this.#stages}`,
      slowdown: this.#options.slowdown ?? 1,
      changeLeader: () => this.changeLeader(),
    });
  }

  /** Runs `what` to its end while virtual time passes. */
  async play<T>(what: () => Promise<T>): Promise<T> {
    let isOver = false;
    const played = what().finally(() => {
      isOver = true;
    });
    played.catch(() => {});
    const ended = await this.ensemble.time.runUntil(() => isOver, LIMIT_MS);
    if (!ended) throw new Error(`it has not ended within ${LIMIT_MS / 60_000} minutes of virtual time`);
    return played;
  }

  /** The leader's process is killed, and started again when another leads. */
  async changeLeader(): Promise<void> {
    const old = this.ensemble.leader();
    if (old === undefined) return;
    old.kill();
    await this.#until(() => this.ensemble.leader() !== undefined);
    void old.start();
  }

  async #until(condition: () => boolean): Promise<void> {
    const { time } = this.ensemble;
    while (!condition()) await time.promiseAfter(10, () => {});
  }
}
