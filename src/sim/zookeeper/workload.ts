// ZooKeeper's protocol in a simulation: its clients, their invariants, and what they must achieve after the faults.

import { seededRandom } from "../../base/random.ts";
import type { SimulationParameters } from "../kernel/parameters.ts";
import type { FaultableClient, SimulatedProtocol, Workload, WorkloadHost } from "../kernel/workload.ts";
import { SimulatedClient } from "./client.ts";
import { ClientInvariants } from "./client-invariants.ts";
import { zooKeeperDoor } from "./door.ts";
import { LibraryLockClient } from "./library-lock-client.ts";
import { LockInvariants } from "./lock-invariants.ts";
import { LockWorkload } from "./lock-workload.ts";
import { drawZooKeeperParameters, type ZooKeeperParameters } from "./parameters.ts";
import { ReadWriteWorkload } from "./read-write-workload.ts";
import { ReferenceTree } from "./reference-tree.ts";

export const zooKeeper: SimulatedProtocol = {
  name: "zookeeper",
  setUp(parameters, random, reference) {
    const own = drawZooKeeperParameters(parameters, random);
    const tree = new ReferenceTree(reference);
    return {
      door: zooKeeperDoor({ unsentBytesHigh: own.unsentBytesHigh }),
      description: describe(own),
      begin: (host) => new ZooKeeperWorkload(host, parameters, own, tree),
    };
  },
};

class ZooKeeperWorkload implements Workload {
  readonly clients: readonly FaultableClient[];
  readonly #parameters: SimulationParameters;
  readonly #own: ZooKeeperParameters;
  readonly #host: WorkloadHost;
  readonly #tree: ReferenceTree;
  readonly #invariants: ClientInvariants;
  readonly #lockInvariants: LockInvariants;
  /** Those that speak the protocol by themselves. */
  readonly #sessions: SimulatedClient[] = [];
  readonly #readWriteWorkloads: ReadWriteWorkload[] = [];
  readonly #lockWorkloads: (LockWorkload | LibraryLockClient)[] = [];

  constructor(host: WorkloadHost, parameters: SimulationParameters, own: ZooKeeperParameters, tree: ReferenceTree) {
    this.#host = host;
    this.#parameters = parameters;
    this.#own = own;
    this.#tree = tree;
    const now = (): number => host.ensemble.time.now;
    const { violate, note } = host;
    const { clockRateMax, isUnruly } = parameters;
    this.#invariants = new ClientInvariants({ tree, now, clockRateMax, keepsSessions: !isUnruly, violate });
    this.#lockInvariants = new LockInvariants({ now, mayOverlap: isUnruly, violate, note });
    for (let i = 0; i < own.readWriteClients; i++) {
      this.#readWriteWorkloads.push(new ReadWriteWorkload(this.#client(), own));
    }
    for (let i = 0; i < own.lockClients; i++) {
      const onGranted = this.#lockInvariants.onGranted.bind(this.#lockInvariants);
      this.#lockWorkloads.push(new LockWorkload(this.#client(), own.thinkMs * 3, clockRateMax, onGranted));
    }
    const libraryClients = Array.from({ length: own.libraryClients }, () => this.#libraryClient());
    this.#lockWorkloads.push(...libraryClients);
    this.clients = [...this.#sessions, ...libraryClients];
  }

  #client(): SimulatedClient {
    const { ensemble, random, network } = this.#host;
    const client = new SimulatedClient({
      id: this.#host.nextClientId(),
      timeoutMs: this.#own.sessionTimeoutMs,
      time: ensemble.time,
      random,
      network,
      invariants: this.#invariants,
      members: ensemble.members,
    });
    this.#sessions.push(client);
    return client;
  }

  #libraryClient(): LibraryLockClient {
    const { ensemble, network, seed } = this.#host;
    const { members, time } = ensemble;
    const { clockRateMax } = this.#parameters;
    const { sessionTimeoutMs, thinkMs } = this.#own;
    const id = this.#host.nextClientId();
    const random = seededRandom(seed + id);
    const only = members[random.below(this.#parameters.members)]!; // whose troubles are its own
    return new LibraryLockClient({
      id,
      time,
      random,
      network,
      members: random.chance(0.5) ? [only] : members,
      invariants: this.#invariants,
      sessionTimeoutMs,
      holdMs: thinkMs * 3,
      readEveryMs: thinkMs / 4,
      clockRate: 1 / clockRateMax + ((clockRateMax - 1 / clockRateMax) * random.below(1000)) / 1000,
      clockRateMax,
      onGranted: (grant) => this.#lockInvariants.onGranted(grant),
    });
  }

  serveOnce(hasVanished: (client: FaultableClient) => boolean): () => boolean {
    for (const workload of this.#lockWorkloads) workload.rest();
    let waiting = 0;
    for (const workload of this.#readWriteWorkloads) {
      if (hasVanished(workload.client)) continue;
      waiting++;
      workload.rest(() => {
        waiting--;
      });
    }
    return () => waiting === 0;
  }

  isForgotten(client: FaultableClient): boolean {
    const session = this.#sessions.find((one) => one === client)?.session ?? null;
    return session === null || !this.#tree.isSessionAlive(session.id);
  }

  checkEnd(): void {
    const verdict = this.#invariants.recorder.verdict();
    if (verdict !== null) this.#host.violate("linearizable, by search", verdict);
  }

  figures(): Readonly<Record<string, number>> {
    const sum = (of: (client: SimulatedClient) => number): number =>
      this.#sessions.reduce((all, one) => all + of(one), 0);
    return {
      answers: sum((client) => client.requestsAnswered),
      unknown: sum((client) => client.requestsUnknown),
      events: this.#invariants.eventsHeard,
      sessions: sum((client) => client.sessionsOpened),
      "locks granted": this.#lockInvariants.granted,
    };
  }
}

function describe({ readWriteClients, lockClients, libraryClients, sessionTimeoutMs }: ZooKeeperParameters): string {
  return (
    `${readWriteClients} read-write clients, ${lockClients} lock clients, ` +
    `${libraryClients} lock clients on the library, sessions of ${sessionTimeoutMs} ms`
  );
}
