// ZooKeeper's door: accepts connections, reads their certificates, and serves them. It owns no socket; listeners bring it
// connections.

import type { Logger } from "../../base/logger.ts";
import type { Metric } from "../../base/metrics.ts";
import type { Policy } from "../../state/tree/commands.ts";
import type { ConnectionPort, Peer } from "../../transport/connection.ts";
import type { Door, DoorReport, TurnedAway } from "../../transport/door.ts";
import type { DoorHost } from "../door-host.ts";
import { type AdminContext, adminContext } from "./admin-context.ts";
import { AdminPages } from "./admin-pages.ts";
import type { AuthOptions } from "./auth.ts";
import type { Connection } from "./connection.ts";
import type { FourLetterWordHandler } from "./door-options.ts";
import { fourLetterWords } from "./four-letter-words.ts";
import { BOUNDS, CERTIFICATE_NAME_BYTES_MAX, FRAME_BYTES_MAX, OUTSTANDING_MAX } from "./limits.ts";
import { zooKeeperMetrics } from "./metrics-zookeeper.ts";
import type { SaslOptions } from "./sasl.ts";
import { Service } from "./service.ts";
import type { ServerStats } from "./stats.ts";
import { subjectOf } from "./x509.ts";

export interface ZooKeeperDoorOptions {
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
  /** What the four-letter words, the admin commands and the metrics are told; they say nothing unless given. */
  readonly tools?: Pick<AdminContext, "storage" | "settings" | "descriptors">;
  /** Answers four-letter words in the place of those that are known here. */
  readonly fourLetterWord?: FourLetterWordHandler;
}

export class ZooKeeperDoor implements Door<Connection> {
  readonly pages: AdminPages | undefined;
  /** What its tools are told; null: there are none. */
  readonly #view: AdminContext | null;
  readonly #service: Service;
  readonly #logger: Logger;
  readonly #sessionTimeouts: { readonly sessionTimeoutMinMs: number; readonly sessionTimeoutMaxMs: number };

  constructor({ member, clock, hashes, logger, capacity, events }: DoorHost, options: ZooKeeperDoorOptions) {
    this.#logger = logger;
    const tickTimeMs = options.tickTimeMs ?? 2000;
    const { minSessionTimeoutMs = tickTimeMs * 2, maxSessionTimeoutMs = tickTimeMs * 20 } = options;
    this.#sessionTimeouts = { sessionTimeoutMinMs: minSessionTimeoutMs, sessionTimeoutMaxMs: maxSessionTimeoutMs };
    this.#service = new Service(member, {
      clock,
      hashes,
      logger,
      capacity,
      events,
      tickTimeMs,
      minSessionTimeoutMs,
      maxSessionTimeoutMs,
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
      fourLetterWord: options.fourLetterWord ?? fourLetterWords(() => this.#view),
    });
    const { tools } = options;
    const wall = (): number => clock.wall();
    this.#view = tools === undefined ? null : adminContext({ ...tools, member, stats: this.stats, wall });
    this.pages = this.#view === null ? undefined : new AdminPages(this.#view, logger);
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

  noteTurnedAway(why: TurnedAway): void {
    this.#service.counters.connectionsRejected += 1;
    if (why === "handshake") this.#service.counters.tlsFailures += 1;
  }

  /** Lets all clients go. Their sessions live on. */
  stop(): void {
    this.#service.stop();
  }

  metrics(): readonly Metric[] {
    return this.#view === null ? [] : zooKeeperMetrics(this.#view);
  }

  report(): DoorReport {
    const { stats } = this;
    const view = this.#view;
    return {
      serving: stats.isServing,
      readOnly: stats.isReadOnly,
      connections: stats.connectionCount,
      outstanding: stats.outstanding,
      counts: {
        sessions: view?.tree.sessionCount ?? 0,
        watches: stats.watches.size,
        znodes: view?.tree.nodeCount ?? 0,
      },
      facts: { mode: this.#service.mode, ...this.#sessionTimeouts },
    };
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
