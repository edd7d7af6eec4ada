// ZooKeeper's door: accepts connections, reads their certificates, and serves them. It owns no socket; listeners bring it
// connections.

import type { Hashes } from "../../base/hashes.ts";
import { type Logger, silentLogger } from "../../replica/logger.ts";
import type { Clock } from "../../replica/ports.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { Policy } from "../../state/tree/commands.ts";
import type { Acceptor, ConnectionPort, Peer } from "../../transport/connection.ts";
import type { AuthOptions } from "./auth.ts";
import type { Connection } from "./connection.ts";
import type { FourLetterWordHandler } from "./door-options.ts";
import { BOUNDS, CERTIFICATE_NAME_BYTES_MAX, FRAME_BYTES_MAX, OUTSTANDING_MAX } from "./limits.ts";
import type { SaslOptions } from "./sasl.ts";
import { Service } from "./service.ts";
import type { ServerStats } from "./stats.ts";
import { subjectOf } from "./x509.ts";

export interface ZooKeeperDoorOptions {
  readonly clock: Clock;
  readonly hashes: Hashes;
  readonly logger?: Logger;
  readonly tickTimeMs?: number;
  readonly minSessionTimeoutMs?: number;
  readonly maxSessionTimeoutMs?: number;
  readonly juteMaxBuffer?: number;
  readonly globalOutstandingLimit?: number;
  readonly readOnlyMode?: boolean;
  readonly policy?: Policy;
  readonly auth?: AuthOptions;
  readonly sasl?: SaslOptions;
  readonly saslSuperUsers?: readonly string[];
  readonly allowSaslFailedClients?: boolean;
  readonly enforceAuthSchemes?: readonly string[];
  readonly fourLetterWord?: FourLetterWordHandler;
}

export class ZooKeeperDoor implements Acceptor<Connection> {
  readonly #service: Service;
  readonly #logger: Logger;

  constructor(member: ReplicaPort, options: ZooKeeperDoorOptions) {
    this.#logger = options.logger ?? silentLogger;
    const tickTimeMs = options.tickTimeMs ?? 2000;
    this.#service = new Service(member, {
      clock: options.clock,
      hashes: options.hashes,
      logger: this.#logger,
      tickTimeMs,
      minSessionTimeoutMs: options.minSessionTimeoutMs ?? tickTimeMs * 2,
      maxSessionTimeoutMs: options.maxSessionTimeoutMs ?? tickTimeMs * 20,
      frameBytesMax: options.juteMaxBuffer ?? FRAME_BYTES_MAX,
      globalOutstandingLimit: options.globalOutstandingLimit ?? OUTSTANDING_MAX,
      bounds: BOUNDS,
      readOnlyMode: options.readOnlyMode ?? false,
      policy: options.policy ?? {},
      auth: options.auth ?? {},
      sasl: options.sasl ?? null,
      saslSuperUsers: options.saslSuperUsers ?? [],
      allowSaslFailedClients: options.allowSaslFailedClients ?? false,
      enforceAuthSchemes: options.enforceAuthSchemes ?? [],
      fourLetterWord: options.fourLetterWord ?? null,
    });
  }

  get stats(): ServerStats {
    return this.#service.counters;
  }

  accept(port: ConnectionPort, { address, port: remotePort, secure, certificate }: Peer): Connection | null {
    if (this.#service.mode === "stopped") return null;
    const certificateName = certificate === null ? null : this.#nameIn(certificate, address);
    if (certificateName === undefined) return null;
    return this.#service.accept(port, { address, port: remotePort, secure, certificateName });
  }

  /** A listener turned a connection away before this door heard of it. */
  noteTurnedAway(why: "limit" | "handshake" | "certificate"): void {
    this.#service.counters.connectionsRejected += 1;
    if (why === "handshake") this.#service.counters.tlsFailures += 1;
  }

  /** Lets all clients go. Their sessions live on. */
  stop(): void {
    this.#service.stop();
  }

  /** An identity, which stands in the log with each write of its owner; undefined: it cannot be one, and that is logged. */
  #nameIn(certificate: Uint8Array, address: string): string | undefined {
    try {
      const name = subjectOf(certificate);
      if (name.length <= CERTIFICATE_NAME_BYTES_MAX) return name;
      this.noteTurnedAway("certificate");
      this.#logger.warn(`the certificate of ${address} is refused: its name has ${name.length} characters`);
    } catch (error) {
      this.#logger.warn(`the certificate of ${address} cannot be read: ${String(error)}`);
    }
    return undefined;
  }
}
