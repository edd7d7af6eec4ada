// The statistics of a member's service for clients: counters over all connections, and one line for each connection. The
// four-letter words, the admin commands and the metrics read them.

import type { SummaryFacts } from "../../base/summary.ts";
import type { Watches } from "./watches.ts";

/** What one connection tells of itself. */
export interface ConnectionStats {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly secure: boolean;
  readonly session: SessionStats;
  /** When it was accepted, in milliseconds since 1970. */
  readonly established: number;
  readonly outstanding: number;
  readonly traffic: TrafficStats;
  /** Whether requests are being read from it now. */
  readonly reading: boolean;
  /** Bytes that its client has not fetched yet. */
  readonly unsentBytes: number;
  /** Schemes and ids it has proved, for people. */
  readonly identities: readonly { readonly scheme: string; readonly id: string }[];
  /** Ends it from this side, as an operator asks. */
  close(reason: string): void;
}

interface SessionStats {
  /** 0 before the handshake. */
  readonly id: number;
  readonly timeoutMs: number;
}

/** Numbers since the connection began, or since the last reset. */
export interface TrafficStats {
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly lastXid: number;
  readonly lastZxid: number;
  /** `GETD`, `SETD`, … as ZooKeeper abbreviates; `NA` before the first. */
  readonly lastOperation: string;
  /** Milliseconds since 1970 of the last reply. */
  readonly lastResponseTime: number;
  readonly latency: LatencyStats;
  reset(): void;
}

interface LatencyStats {
  readonly count: number;
  /** Milliseconds, of the last request. */
  readonly last: number;
  /** 0 while nothing was counted. */
  readonly min: number;
  readonly max: number;
  readonly average: number;
}

export class Latency implements LatencyStats {
  count = 0;
  last = 0;
  max = 0;
  #min = Number.POSITIVE_INFINITY;
  #total = 0;

  get min(): number {
    return this.count === 0 ? 0 : this.#min;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.#total / this.count;
  }

  add(milliseconds: number): void {
    this.count += 1;
    this.last = milliseconds;
    this.#total += milliseconds;
    if (milliseconds < this.#min) this.#min = milliseconds;
    if (milliseconds > this.max) this.max = milliseconds;
  }

  reset(): void {
    this.count = 0;
    this.last = 0;
    this.max = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#total = 0;
  }
}

/** The whole member's, to be read by others; `reset` is `srst`. */
export interface ServerStats {
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly latency: LatencyStats;
  readonly readLatency: SummaryFacts;
  readonly writeLatency: SummaryFacts;
  /** Requests taken and not answered. */
  readonly outstanding: number;
  readonly connections: Iterable<ConnectionStats>;
  readonly connectionCount: number;
  /** Connections that ended for a reason of ours: limits, silence, malformed bytes. */
  readonly connectionsRejected: number;
  readonly connectionsDropped: number;
  readonly authFailures: number;
  /** Handshakes of the protocol that were read, and those among them that asked for a session by its number. */
  readonly handshakes: number;
  readonly reattachments: number;
  /** Connections closed for want of a quorum. */
  readonly closedWithoutQuorum: number;
  /** Connections on which no handshake came. */
  readonly closedWithoutHandshake: number;
  /** TLS handshakes that failed. */
  readonly tlsFailures: number;
  /** Sessions, of a read-only member's own, that no other member knows. */
  readonly localSessions: number;
  readonly watches: Watches;
  /** Serving read-only clients alone, for want of a quorum. */
  readonly isReadOnly: boolean;
  /** Whether clients are served at all now. */
  readonly isServing: boolean;
  /** Requests by operation (`create`, `getData`, …) since the start. */
  readonly requests: ReadonlyMap<string, number>;
  /** `srst`: counters and latencies begin again. */
  reset(): void;
  /** `crst`: those of every connection begin again. */
  resetConnections(): void;
}
