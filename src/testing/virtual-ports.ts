// The ports of a program in virtual time: a clock of its own, which may run at its own rate and be paused, and connections to the
// members of a simulated ensemble.

import { createHash } from "node:crypto";
import { type Random, seededRandom } from "../base/random.ts";
import type { ClientPorts } from "../protocols/zookeeper/client/index.ts";
import type { ClientNetwork } from "../sim/kernel/client-network.ts";
import type { SimulatedEnsemble } from "../sim/kernel/ensemble.ts";
import { VirtualClock } from "../sim/kernel/time.ts";
import { SimulatedTransport } from "../sim/zookeeper/client-transport.ts";

export interface VirtualPorts extends ClientPorts {
  readonly clock: VirtualClock;
  readonly transport: SimulatedTransport;
}

/** What identities are made with, on both sides. */
export const DIGESTS = {
  sha1: (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest(),
  md5: (bytes: Uint8Array): Uint8Array => createHash("md5").update(bytes).digest(),
};

/** `client`: its number in the network. `rate`: seconds of its clock in one true second. */
export function virtualPorts(
  { time, members }: SimulatedEnsemble,
  network: ClientNetwork,
  client: number,
  random: Random,
  rate = 1,
): VirtualPorts {
  const clock = new VirtualClock(time, rate);
  const own = seededRandom(random.next());
  return {
    transport: new SimulatedTransport(client, clock, network, members),
    clock,
    random: own,
    hashes: {
      ...DIGESTS,
      randomBytes: (count) => new Uint8Array(count).map(() => own.below(256)),
    },
  };
}

/** The connect string of the ensemble. */
export function serversOf({ members }: SimulatedEnsemble): string {
  return members.map(({ id }) => `member${id}:2181`).join();
}
