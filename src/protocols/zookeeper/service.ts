// ZooKeeper's protocol on one member: what all its connections share. It knows whether clients are served at all, ends
// their turns with one write each, and passes the state's events to their watches.

import { ByteReader } from "../../base/bytes.ts";
import type { Logger } from "../../replica/logger.ts";
import type { Clock } from "../../replica/ports.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { Acl, NodeEvent, Outcome, StateEvents } from "../../state/types.ts";
import { BufferPool } from "./buffers.ts";
import { Connection, type Peer } from "./connection.ts";
import { Counters, type LiveService } from "./counters.ts";
import type { CredentialOptions } from "./credentials.ts";
import { Guesses } from "./guesses.ts";
import {
  type Bounds,
  DROPPED_LINES_PER_TICK_MAX,
  FAILED_PROOF_LINES_PER_TICK_MAX,
  FRAME_BYTES_MAX,
  HANDSHAKE_DEADLINE_MS,
  HELD_SHARE_AFTER,
  MULTI_READ_FRAMES_MAX,
  NO_QUORUM_GRACE_TICKS,
  TICK_PARTS,
} from "./limits.ts";
import type { ConnectionPort } from "./outgoing.ts";
import { type OutstandingRequest, RequestPool } from "./outstanding-requests.ts";
import type { RequestPipeline } from "./request-pipeline.ts";
import type { ConnectionStats } from "./stats.ts";
import { Watches } from "./watches.ts";

/**
 * Says whether the word is known; the answer may come later, and ends the connection. `argument`: the bytes that belong to
 * the word and stood behind it, none with most.
 */
export type FourLetterWordHandler = (
  word: string,
  reply: (text: string) => void,
  connection: ConnectionStats,
  argument: Uint8Array,
) => boolean;

export interface ServiceOptions extends CredentialOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tickTimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** `jute.maxbuffer`. */
  readonly frameBytesMax: number;
  readonly globalOutstandingLimit: number;
  readonly bounds: Bounds;
  /** `readonlymode.enabled`. */
  readonly readOnlyMode: boolean;
  readonly fourLetterWord: FourLetterWordHandler | null;
}

/** `waiting`: no quorum for a moment, as when leaders change; connections stay and writes wait. */
export type ServiceMode = "serving" | "waiting" | "read-only" | "refusing" | "stopped";

/** Ids of read-only sessions: those of a member 0, which there is none. */
const LOCAL_IDS_FROM = 2 ** 44;

export class Service implements StateEvents, LiveService {
  readonly member: ReplicaPort;
  readonly options: ServiceOptions;
  readonly watches: Watches;
  readonly multiReadBytesMax: number;
  readonly #turnWorkMax: number;
  /** What was done for clients in this turn: bytes of replies, and nodes looked at as so many bytes. */
  turnWork = 0;
  readonly guesses = new Guesses();
  readonly pending = new RequestPool();
  readonly buffers = new BufferPool();
  /** For whoever reads a request now. */
  readonly reader = new ByteReader(new Uint8Array(0));
  readonly requiredSchemes: ReadonlySet<string> | null;
  readonly skipsAcl: boolean;
  mode: ServiceMode = "waiting";
  tick = 0;
  /** When this turn of the loop began, as far as anything happened in it. */
  wallTime: number;
  outstanding = 0;

  readonly #bySession = new Map<number, Connection>();
  readonly #connections = new Set<Connection>();
  /** What is written for them still leaves. */
  readonly #leaving = new Set<Connection>();
  #heldBytes = 0;
  #isRelieving = false;
  #dirty: Connection[] = [];
  #blocked = new Set<Connection>();
  #isFlushDue = false;
  #turnTime: number;
  #isTurnTimeFresh = false;
  readonly #deferred = new Set<OutstandingRequest>();
  #nextLocalId = LOCAL_IDS_FROM;
  #stopTicking: () => void = () => {};
  #droppedInTick = 0;
  #failedProofsInTick = 0;
  #stopGrace: (() => void) | null = null;

  readonly counters: Counters;

  constructor(member: ReplicaPort, options: ServiceOptions) {
    this.member = member;
    this.options = options;
    this.watches = new Watches(options.bounds, () => options.clock.now());
    this.multiReadBytesMax = multiReadBytesMax(options);
    this.#turnWorkMax = options.bounds.turnWorkMax;
    this.#turnTime = options.clock.now();
    this.wallTime = options.clock.wall();
    const { enforceAuthSchemes } = options;
    this.requiredSchemes = enforceAuthSchemes.length === 0 ? null : new Set(enforceAuthSchemes);
    this.counters = new Counters(this, () => options.clock.now());
    this.skipsAcl = options.policy.skipAcl === true;
    this.#scheduleTick();
    member.onStatusChange(() => this.#onStatusChange());
    this.#beginGrace();
    this.#onStatusChange();
  }

  /** A client has connected. */
  accept(port: ConnectionPort, peer: Peer): Connection {
    const connection = new Connection(this, port, peer);
    this.#connections.add(connection);
    return connection;
  }

  /** Says goodbye to all clients: their sessions live on, elsewhere. */
  stop(): void {
    this.mode = "stopped";
    this.#stopTicking();
    this.#stopGrace?.();
    this.#closeAll("this member stops");
  }

  // --------------------------------------------------------------------------------------------------------- events

  onNode(event: NodeEvent, path: string, revision: number, acl: readonly Acl[]): void {
    this.watches.onNode(event, path, revision, acl);
  }

  onLeaseEnded(id: number, _cause: "closed" | "expired"): void {
    this.#bySession.get(id)?.onLeaseEnded();
  }

  onLeaseMoved(id: number, _member: number, _run: number): void {
    // Attached elsewhere, or here by another connection: that one is only entered once it has heard so.
    this.#bySession.get(id)?.drop("its session was attached again");
  }

  /** What happened in between was never told: clients come back, and their watches are compared. */
  onRestored(): void {
    this.#closeAll("the state was replaced by a leader's");
    for (const request of this.#deferred) this.#conclude(request, { kind: "rejected", code: "session-moved" });
  }

  onReconfigured(revision: number, outcome: Outcome & { kind: "updated" | "rejected" }): void {
    for (const request of this.#deferred) {
      if (request.revision === revision) this.#conclude(request, outcome);
    }
  }

  #conclude(request: OutstandingRequest, outcome: Outcome): void {
    this.#deferred.delete(request);
    (request.owner as RequestPipeline).onReconfigured(request, outcome);
  }

  // ---------------------------------------------------------------------------------------------------- the quorum

  #onStatusChange(): void {
    if (this.mode === "stopped") return;
    if (this.member.admission() === "stopping") {
      this.stop();
      return;
    }
    if (this.member.status.hasQuorum) this.#onQuorum();
    else if (this.mode === "serving") this.#beginGrace();
    this.#flushSoon(); // who was made to wait may go on
  }

  #onQuorum(): void {
    this.#stopGrace?.();
    this.#stopGrace = null;
    if (this.mode === "read-only") this.#closeAll("there is a quorum again");
    this.mode = "serving";
  }

  #beginGrace(): void {
    this.mode = "waiting";
    this.#stopGrace = this.options.clock.after(NO_QUORUM_GRACE_TICKS * this.options.tickTimeMs, () => {
      this.#stopGrace = null;
      this.mode = this.options.readOnlyMode ? "read-only" : "refusing";
      this.options.logger.warn(
        `no quorum: ${this.options.readOnlyMode ? "read-only clients alone are served" : "clients are turned away"}`,
      );
      this.#closeAll("there is no quorum");
    });
    for (const connection of this.#connections) connection.awaitQuorum();
  }

  #closeAll(reason: string): void {
    if (this.#connections.size > 0) this.options.logger.info(`${this.#connections.size} clients are let go: ${reason}`);
    for (const connection of this.#connections) if (connection.phase !== "answering") connection.end();
  }

  // ------------------------------------------------------------------------------------------------------ the turn

  /** Something is to be written, or the connection to be ended, once this turn's input is all there. */
  noteDirty(connection: Connection): void {
    this.#dirty.push(connection);
    this.#flushSoon();
  }

  /** It has requests that could not be taken: it is asked again whenever something was answered or has changed. */
  noteBlocked(connection: Connection): void {
    this.#blocked.add(connection);
  }

  noteUnblocked(connection: Connection): void {
    if (this.#blocked.size > 0) this.#blocked.delete(connection);
  }

  /** It may have requests that can be taken now, but not in the middle of what is going on. */
  noteReady(connection: Connection): void {
    this.#blocked.add(connection);
    this.#flushSoon();
  }

  isBlocked(connection: Connection): boolean {
    return this.#blocked.has(connection);
  }

  get isOverloaded(): boolean {
    return this.outstanding >= this.options.globalOutstandingLimit;
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.options.clock.defer(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    this.#isTurnTimeFresh = false;
    this.turnWork = 0;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
    if (this.#blocked.size === 0) return;
    const blocked = this.#blocked;
    this.#blocked = new Set();
    const unserved: Connection[] = [];
    for (const connection of blocked) {
      if (this.isTurnFull) unserved.push(connection);
      else connection.serve();
    }
    if (unserved.length === 0) return;
    this.#blocked = new Set([...unserved, ...this.#blocked]); // whoever had its share of this turn comes last in the next
    this.#flushSoon();
  }

  /** The rest waits for the next turn, after the peers, the disk and everyone else have been heard. */
  get isTurnFull(): boolean {
    return this.turnWork > this.#turnWorkMax;
  }

  /** The time of this turn, read from the clock again as a chunk comes in. It is no other turn's, also if nothing is answered. */
  refreshTurnTime(): number {
    this.#turnTime = this.options.clock.now();
    this.#isTurnTimeFresh = true;
    this.#flushSoon();
    return this.#turnTime;
  }

  get turnTime(): number {
    return this.#isTurnTimeFresh ? this.#turnTime : this.refreshTurnTime();
  }

  #scheduleTick(): void {
    this.#stopTicking = this.options.clock.after(this.options.tickTimeMs / TICK_PARTS, () => {
      this.#onTick();
      this.#scheduleTick();
    });
  }

  #onTick(): void {
    this.tick += 1;
    const untold = this.#droppedInTick - DROPPED_LINES_PER_TICK_MAX;
    if (untold > 0) this.options.logger.warn(`${untold} more connections closed, for reasons like those above`);
    this.#droppedInTick = 0;
    const unproved = this.#failedProofsInTick - FAILED_PROOF_LINES_PER_TICK_MAX;
    if (unproved > 0) this.options.logger.warn(`${unproved} more authentications failed, for reasons like those above`);
    this.#failedProofsInTick = 0;
    this.wallTime = this.options.clock.wall();
    const now = this.options.clock.now();
    if (this.#blocked.size > 0) this.#flushSoon();
    for (const connection of this.#connections) {
      if (connection.phase === "open") {
        if (connection.reading && now - connection.lastHeardAt > connection.sessionTimeoutMs)
          connection.drop("it was silent too long");
      } else if (connection.phase !== "opening" && now - connection.acceptedAt > HANDSHAKE_DEADLINE_MS) {
        this.counters.closedWithoutHandshake += 1;
        connection.drop("no handshake came");
      }
    }
  }

  // --------------------------------------------------------------------------------------------- what connections tell

  noteOpened(connection: Connection): void {
    this.#bySession.set(connection.sessionId, connection);
  }

  noteLeft(connection: Connection): void {
    this.#connections.delete(connection);
    this.#leaving.add(connection);
    this.#blocked.delete(connection);
    if (this.#bySession.get(connection.sessionId) === connection) this.#bySession.delete(connection.sessionId);
  }

  noteClosed(connection: Connection): void {
    this.#leaving.delete(connection);
  }

  /** So much more, or less, is held for a client. */
  noteHeld(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.options.bounds.heldBytesMax && !this.#isRelieving) this.#relieve();
  }

  /** What all clients have this member hold: replies not fetched, requests that wait, frames that are not whole. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Lets go whoever has got on least for longest, until there is room. */
  #relieve(): void {
    this.#isRelieving = true;
    const { heldBytesMax } = this.options.bounds;
    const connections = [...this.#connections, ...this.#leaving];
    for (const connection of connections) connection.account(); // some of it may have left meanwhile
    if (this.#heldBytes > heldBytesMax) {
      connections.sort((a, b) => a.gotOnInTick - b.gotOnInTick || b.heldBytes - a.heldBytes);
      for (const connection of connections) {
        if (this.#heldBytes <= heldBytesMax * HELD_SHARE_AFTER) break;
        if (connection.heldBytes === 0) continue;
        const holds = `${this.#heldBytes} bytes are held for all clients, ${heldBytesMax} at most`;
        connection.drop(`${holds}: it has got on least, and ${connection.heldBytes} are its own`);
      }
    }
    this.#isRelieving = false;
  }

  noteDropped(connection: Connection, reason: string): void {
    this.counters.connectionsDropped += 1;
    if (++this.#droppedInTick > DROPPED_LINES_PER_TICK_MAX) return;
    this.options.logger.warn(`${connection.name}: connection closed: ${reason}`);
  }

  /** Who it was and why; never what was given. */
  noteFailedProof(connection: Connection, reason: string): void {
    this.counters.authFailures += 1;
    if (++this.#failedProofsInTick > FAILED_PROOF_LINES_PER_TICK_MAX) return;
    this.options.logger.warn(`${connection.name}: authentication failed: ${reason}`);
  }

  noteFailed(connection: Connection, error: unknown): void {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.options.logger.error(`${connection.name}: a bug here, please report it: ${told}`);
  }

  noteDeferred(request: OutstandingRequest): void {
    this.#deferred.add(request);
  }

  newLocalId(): number {
    this.#nextLocalId += 1;
    return this.#nextLocalId;
  }

  noteTaken(): void {
    this.outstanding += 1;
  }

  noteAnswered(): void {
    this.outstanding -= 1;
    if (this.#blocked.size > 0) this.#flushSoon();
  }

  // ----------------------------------------------------------------------------------------------------- statistics

  get connections(): Iterable<ConnectionStats> {
    return this.#connections;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get localSessions(): number {
    let count = 0;
    for (const connection of this.#bySession.values()) if (connection.isLocal) count += 1;
    return count;
  }

  get isReadOnly(): boolean {
    return this.mode === "read-only";
  }

  get isServing(): boolean {
    return this.mode === "serving" || this.mode === "waiting" || this.mode === "read-only";
  }
}

function multiReadBytesMax({ frameBytesMax, bounds }: ServiceOptions): number {
  return Math.min(bounds.replyBytesMax, MULTI_READ_FRAMES_MAX * Math.max(frameBytesMax, FRAME_BYTES_MAX));
}
