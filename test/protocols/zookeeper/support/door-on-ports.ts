// ZooKeeper's door on its ports: plain, TLS, or both on one.

import type { AddressInfo } from "node:net";
import { ConnectionLimits } from "../../../../src/adapters/clients/connection-limits.ts";
import { CONNECTIONS_PER_ADDRESS_MAX } from "../../../../src/adapters/clients/limits.ts";
import {
  type ClientTls,
  type Listener,
  type ListenPort,
  openListener,
} from "../../../../src/adapters/clients/listener.ts";
import { systemHashes } from "../../../../src/adapters/hashes.ts";
import type { Clock } from "../../../../src/base/clock.ts";
import { type Logger, silentLogger } from "../../../../src/base/logger.ts";
import { ZooKeeperDoor, type ZooKeeperDoorOptions } from "../../../../src/protocols/zookeeper/server.ts";
import type { ServerStats } from "../../../../src/protocols/zookeeper/stats.ts";
import type { ReplicaPort } from "../../../../src/replica/replica-port.ts";
import { ClientCapacity } from "../../../../src/transport/client-capacity.ts";
import type { Acceptor } from "../../../../src/transport/connection.ts";

export interface ZooKeeperServerOptions extends ZooKeeperDoorOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** 0: any free one. Left out: no plain port. */
  readonly clientPort?: number;
  /** All addresses unless given. */
  readonly clientPortAddress?: string;
  readonly secureClientPort?: number;
  readonly secureClientPortAddress?: string;
  readonly tls?: ClientTls;
  /** `client.portUnification`: TLS is understood on the plain port too. */
  readonly portUnification?: boolean;
  /** `clientPortListenBacklog`. */
  readonly listenBacklog?: number;
  /** `maxClientCnxns`, from one address; 0: no limit. */
  readonly maxClientCnxns?: number;
  /** `maxCnxns`, in all; 0: no limit. */
  readonly maxCnxns?: number;
  /** `clientTcpKeepAlive`. */
  readonly clientTcpKeepAlive?: boolean;
}

export interface ZooKeeperServer extends Acceptor {
  readonly stats: ServerStats;
  /** Where it listens; null where it does not. */
  readonly clientAddress: AddressInfo | null;
  readonly secureClientAddress: AddressInfo | null;
  /** New certificates, for the clients that come from now on; throws where they cannot be used. */
  renewTls(tls: ClientTls): void;
  /** Lets all clients go and stops listening. Their sessions live on. */
  close(): Promise<void>;
}

/** Listens for ZooKeeper clients. Rejects with `configuration` when a port cannot be had. */
export async function openZooKeeperServer(
  member: ReplicaPort,
  options: ZooKeeperServerOptions,
): Promise<ZooKeeperServer> {
  const { clock, logger = silentLogger } = options;
  const door = new ZooKeeperDoor(
    {
      member,
      clock,
      logger,
      hashes: systemHashes,
      level: 0,
      capacity: new ClientCapacity(clock),
      events: { add() {} },
    },
    options,
  );
  try {
    return serving(door, options, await listen(door, options));
  } catch (error) {
    door.stop();
    throw error;
  }
}

function listen(door: ZooKeeperDoor, options: ZooKeeperServerOptions): Promise<Listener> {
  const { maxClientCnxns = CONNECTIONS_PER_ADDRESS_MAX, maxCnxns = 0 } = options;
  return openListener({
    name: "client port",
    ports: portsOf(options),
    tls: options.tls,
    limits: new ConnectionLimits({ perAddressMax: maxClientCnxns, totalMax: maxCnxns }),
    backlog: options.listenBacklog,
    tcpKeepAlive: options.clientTcpKeepAlive,
    logger: options.logger,
    acceptor: door,
    onTurnedAway: (why) => door.noteTurnedAway(why),
  });
}

function portsOf(options: ZooKeeperServerOptions): readonly ListenPort[] {
  const { clientPort, clientPortAddress, secureClientPort, secureClientPortAddress, portUnification } = options;
  const ports: ListenPort[] = [];
  if (clientPort !== undefined) {
    ports.push({ host: clientPortAddress, port: clientPort, speaks: portUnification === true ? "either" : "plain" });
  }
  if (secureClientPort !== undefined) {
    ports.push({ host: secureClientPortAddress, port: secureClientPort, speaks: "tls" });
  }
  return ports;
}

function serving(door: ZooKeeperDoor, options: ZooKeeperServerOptions, listener: Listener): ZooKeeperServer {
  const { clientPort, secureClientPort } = options;
  return {
    stats: door.stats,
    get clientAddress() {
      return clientPort === undefined ? null : (listener.addresses[0] ?? null);
    },
    get secureClientAddress() {
      return secureClientPort === undefined ? null : (listener.addresses.at(-1) ?? null);
    },
    accept: (port, peer) => door.accept(port, peer),
    renewTls: (tls) => listener.renewTls(tls),
    async close() {
      door.stop();
      await listener.close();
    },
  };
}
