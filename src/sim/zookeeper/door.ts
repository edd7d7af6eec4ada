// ZooKeeper's door in a simulated process: the service that a server runs, on virtual time.

import type { Hashes } from "../../base/hashes.ts";
import { silentLogger } from "../../base/logger.ts";
import { BOUNDS } from "../../protocols/zookeeper/limits.ts";
import { Service } from "../../protocols/zookeeper/service.ts";
import type { DoorHost, DoorServer, SimulatedDoor } from "../kernel/door.ts";

/** As clients dial it. */
export const ZOOKEEPER = "zookeeper";

export interface ZooKeeperDoorOptions {
  /** Access lists are not looked at; true unless given. */
  readonly skipAcl?: boolean;
  /** How much a client may leave unread before it is not served on. */
  readonly unsentBytesHigh?: number;
  /** What `digest` identities are made with; without them nobody can prove to have one. */
  readonly digests?: Pick<Hashes, "sha1" | "md5">;
}

const NO_DIGESTS: Pick<Hashes, "sha1" | "md5"> = { sha1: noDigest, md5: noDigest };

function noDigest(): never {
  throw new Error("this ensemble was made without digests");
}

export function zooKeeperDoor(options: ZooKeeperDoorOptions = {}): SimulatedDoor {
  return { name: ZOOKEEPER, open: (host) => open(host, options) };
}

function open(
  { replica, clock, random, capacity, tickTimeMs }: DoorHost,
  { skipAcl = true, unsentBytesHigh = BOUNDS.unsentBytesHigh, digests = NO_DIGESTS }: ZooKeeperDoorOptions,
): DoorServer {
  const service = new Service(replica, {
    clock,
    logger: silentLogger,
    capacity,
    events: { add() {} },
    hashes: { ...digests, randomBytes: (count) => new Uint8Array(count).map(() => random.below(256)) },
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
  return { accept: (port, peer) => service.accept(port, { ...peer, certificateName: null }) };
}
