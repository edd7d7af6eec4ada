// Counters over all connections of a member, and the values of its service that can be read at any time.

import { Summary } from "../../base/summary.ts";
import { OPCODE_SPAN, OPERATIONS, placeOf } from "./operations/index.ts";
import type { Operation } from "./operations/operation.ts";
import { type ConnectionStats, Latency, type ServerStats } from "./stats.ts";
import type { Watches } from "./watches.ts";

/** The service as it is now. */
export type LiveService = Pick<
  ServerStats,
  "outstanding" | "connections" | "connectionCount" | "localSessions" | "watches" | "isReadOnly" | "isServing"
>;

export class Counters implements ServerStats {
  packetsReceived = 0;
  packetsSent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  connectionsRejected = 0;
  connectionsDropped = 0;
  authFailures = 0;
  handshakes = 0;
  reattachments = 0;
  closedWithoutQuorum = 0;
  closedWithoutHandshake = 0;
  tlsFailures = 0;
  readonly latency = new Latency();
  readonly readLatency: Summary;
  readonly writeLatency: Summary;
  readonly #live: LiveService;
  /** By the operation's place. */
  readonly #requests = new Float64Array(OPCODE_SPAN);

  /** `now`: monotonic milliseconds. */
  constructor(live: LiveService, now: () => number) {
    this.#live = live;
    this.readLatency = new Summary(now);
    this.writeLatency = new Summary(now);
  }

  /** Undefined: a handshake, or an opcode that is not known. */
  noteRequest(operation: Operation | undefined): void {
    this.packetsReceived += 1;
    if (operation === undefined) return;
    const place = placeOf(operation);
    this.#requests[place] = this.#requests[place]! + 1;
  }

  noteReply(operation: Operation | null, elapsedMs: number, now: number): void {
    this.packetsSent += 1;
    this.latency.add(elapsedMs);
    if (operation !== null) (operation.kind === "read" ? this.readLatency : this.writeLatency).add(elapsedMs, now);
  }

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.latency.reset();
    this.readLatency.reset();
    this.writeLatency.reset();
  }

  resetConnections(): void {
    for (const connection of this.#live.connections) connection.traffic.reset();
  }

  get requests(): ReadonlyMap<string, number> {
    const requests = new Map<string, number>();
    for (const operation of OPERATIONS) requests.set(operation.name, this.#requests[placeOf(operation)]!);
    return requests;
  }

  get outstanding(): number {
    return this.#live.outstanding;
  }

  get connections(): Iterable<ConnectionStats> {
    return this.#live.connections;
  }

  get connectionCount(): number {
    return this.#live.connectionCount;
  }

  get localSessions(): number {
    return this.#live.localSessions;
  }

  get watches(): Watches {
    return this.#live.watches;
  }

  get isReadOnly(): boolean {
    return this.#live.isReadOnly;
  }

  get isServing(): boolean {
    return this.#live.isServing;
  }
}
