// ZooKeeper's protocol on one member: what all its connections share. It knows whether clients are served at all, which
// connection serves which session, and passes the state's events to watches and sessions.

import { assert } from "../../base/assert.ts";
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { LeaseEvents } from "../../state/leases/events.ts";
import { Leases } from "../../state/leases/leases.ts";
import { TreeModel } from "../../state/tree/model.ts";
import type { Tree } from "../../state/tree/tree.ts";
import type { Acl, NodeEvent, TreeEvents, TreeOutcome } from "../../state/tree/types.ts";
import type { ClientCapacity } from "../../transport/client-capacity.ts";
import type { ConnectionPort } from "../../transport/connection.ts";
import { RationedWarnings } from "../../transport/rationed-warnings.ts";
import type { Turns } from "../../transport/turns.ts";
import { type CertifiedPeer, Connection } from "./connection.ts";
import type { ConnectionHost, HostedConnection, ServiceMode } from "./connection-host.ts";
import { Counters, type LiveService } from "./counters.ts";
import { multiReadBytesMax, type ServiceOptions } from "./door-options.ts";
import { Guesses } from "./guesses.ts";
import {
  DROPPED_LINES_PER_TICK_MAX,
  FAILED_PROOF_LINES_PER_TICK_MAX,
  HANDSHAKE_DEADLINE_MS,
  NO_QUORUM_GRACE_TICKS,
  TICK_PARTS,
} from "./limits.ts";
import type { Outcome } from "./outcome.ts";
import { type OutstandingRequest, RequestPool } from "./outstanding-requests.ts";
import type { ConnectionStats } from "./stats.ts";
import { Watches } from "./watches.ts";

/** Ids of read-only sessions: those of a member 0, which there is none. */
const LOCAL_IDS_FROM = 2 ** 44;

/** Invariants: each open connection serves one session and stands under its number; `outstanding` is never negative. */
export class Service implements ConnectionHost, TreeEvents, LeaseEvents, LiveService {
  readonly member: ReplicaPort;
  readonly tree: Tree;
  readonly treeModel: TreeModel;
  readonly leases: Leases;
  readonly options: ServiceOptions;
  readonly capacity: ClientCapacity;
  readonly turns: Turns;
  readonly watches: Watches;
  readonly counters: Counters;
  readonly guesses = new Guesses();
  readonly requests = new RequestPool();
  readonly reader = new ByteReader(new Uint8Array(0));
  readonly scratch = new ByteWriter(1024);
  readonly multiReadBytesMax: number;
  readonly requiredSchemes: ReadonlySet<string> | null;
  readonly skipsAcl: boolean;
  mode: ServiceMode = "waiting";
  tick = 0;
  outstanding = 0;

  readonly #connections = new Set<HostedConnection>();
  /** What is written for them still leaves. */
  readonly #leaving = new Set<HostedConnection>();
  readonly #bySession = new Map<number, HostedConnection>();
  readonly #deferred = new Set<OutstandingRequest>();
  readonly #droppedWarnings: RationedWarnings;
  readonly #proofWarnings: RationedWarnings;
  #nextLocalId = LOCAL_IDS_FROM;
  #stopTicking: () => void = () => {};
  #stopGrace: (() => void) | null = null;

  constructor(member: ReplicaPort, options: ServiceOptions) {
    const { clock, logger, capacity, bounds, enforceAuthSchemes } = options;
    this.member = member;
    this.treeModel = member.machine.model(TreeModel);
    this.leases = member.machine.model(Leases);
    this.tree = this.treeModel.tree;
    this.options = options;
    this.capacity = capacity;
    this.turns = capacity.turns;
    capacity.memory.add(() => [...this.#connections, ...this.#leaving].map(({ flow }) => flow));
    this.watches = new Watches(capacity.watchMemory, bounds, () => clock.now());
    this.counters = new Counters(this, () => clock.now());
    this.multiReadBytesMax = multiReadBytesMax(options);
    this.requiredSchemes = enforceAuthSchemes.length === 0 ? null : new Set(enforceAuthSchemes);
    this.skipsAcl = options.policy.skipAcl === true;
    this.#droppedWarnings = new RationedWarnings(logger, DROPPED_LINES_PER_TICK_MAX, "connections closed");
    this.#proofWarnings = new RationedWarnings(logger, FAILED_PROOF_LINES_PER_TICK_MAX, "authentications failed");
    this.#listen();
    this.#scheduleTick();
    member.onStatusChange(() => this.#onStatusChange());
    this.#beginGrace();
    this.#onStatusChange();
  }

  /** A client has connected. */
  accept(port: ConnectionPort, peer: CertifiedPeer): Connection {
    const connection = new Connection(this, port, peer);
    this.#connections.add(connection);
    return connection;
  }

  /** Closes all connections. Their sessions live on, elsewhere. */
  stop(): void {
    this.mode = "stopped";
    this.#stopTicking();
    this.#stopGrace?.();
    this.#closeAll("this member stops");
  }

  // --------------------------------------------------------------------------------------------------------- events

  #listen(): void {
    const { machine } = this.member;
    machine.events.add({ onRestored: () => this.onRestored() });
    this.leases.events.add(this);
    this.treeModel.events.add(this);
  }

  onNode(event: NodeEvent, path: string, revision: number, acl: readonly Acl[]): void {
    this.watches.onNode(event, path, revision, acl);
  }

  onLeaseEnded(id: number, _cause: "closed" | "expired"): void {
    this.#bySession.get(id)?.onLeaseEnded();
  }

  onLeaseMoved(id: number): void {
    // Attached elsewhere, or here by another connection: that one is only entered once it has heard so.
    this.#bySession.get(id)?.drop("its session was attached again");
  }

  /** Watchers missed what happened in between. Clients come back, and their watches are compared. */
  onRestored(): void {
    const { size } = this.#connections;
    this.#closeAll("the state was replaced by a leader's");
    if (size > 0) this.options.events.add(`${size} connections were closed: the state was replaced by a leader's`);
    for (const request of this.#deferred) this.#conclude(request, { kind: "rejected", code: "session-moved" });
  }

  onReconfigured(revision: number, outcome: TreeOutcome & { kind: "updated" | "rejected" }): void {
    for (const request of this.#deferred) {
      if (request.revision === revision) this.#conclude(request, outcome);
    }
  }

  #conclude(request: OutstandingRequest, outcome: Outcome): void {
    this.#deferred.delete(request);
    request.owner!.onOutcome(request, outcome, this.member.machine.sequence);
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
    this.turns.flushSoon(); // who was made to wait may go on
  }

  #onQuorum(): void {
    this.#stopGrace?.();
    this.#stopGrace = null;
    if (this.mode === "read-only") this.#closeAll("there is a quorum again");
    if (this.mode === "read-only" || this.mode === "refusing") {
      this.options.events.add("there is a quorum again: all clients are served");
    }
    this.mode = "serving";
  }

  #beginGrace(): void {
    this.mode = "waiting";
    this.#stopGrace = this.options.clock.after(NO_QUORUM_GRACE_TICKS * this.options.tickTimeMs, () => {
      this.#stopGrace = null;
      this.mode = this.options.readOnlyMode ? "read-only" : "refusing";
      const whom = this.options.readOnlyMode ? "read-only clients alone are served" : "clients are turned away";
      this.options.logger.warn(`no quorum: ${whom}`);
      this.options.events.add(`no quorum: ${whom}`);
      this.#closeAll("there is no quorum");
    });
    for (const connection of this.#connections) connection.awaitQuorum();
  }

  #closeAll(reason: string): void {
    if (this.#connections.size > 0)
      this.options.logger.info(`closing the connections of ${this.#connections.size} clients: ${reason}`);
    for (const connection of this.#connections) if (connection.phase !== "answering") connection.end();
  }

  // ------------------------------------------------------------------------------------------------------ the tick

  #scheduleTick(): void {
    this.#stopTicking = this.options.clock.after(this.options.tickTimeMs / TICK_PARTS, () => {
      this.#onTick();
      this.#scheduleTick();
    });
  }

  #onTick(): void {
    this.tick += 1;
    this.#droppedWarnings.endTick();
    this.#proofWarnings.endTick();
    this.turns.unblockSoon();
    const now = this.options.clock.now();
    for (const connection of this.#connections) {
      if (connection.phase === "open") {
        const silentMs = now - connection.lastHeardAt;
        if (connection.reading && silentMs > connection.session.timeoutMs) connection.drop("it was silent too long");
      } else if (connection.phase !== "opening" && now - connection.acceptedAt > HANDSHAKE_DEADLINE_MS) {
        this.counters.closedWithoutHandshake += 1;
        connection.drop("no handshake came");
      }
    }
  }

  // --------------------------------------------------------------------------------------------- what connections tell

  noteOpened(connection: HostedConnection): void {
    assert(connection.phase === "open", "a session is served by an open connection");
    this.#bySession.set(connection.session.id, connection);
  }

  noteLeft(connection: HostedConnection): void {
    const { id } = connection.session;
    this.#connections.delete(connection);
    this.#leaving.add(connection);
    if (this.#bySession.get(id) === connection) this.#bySession.delete(id);
  }

  noteClosed(connection: HostedConnection): void {
    this.#leaving.delete(connection);
  }

  noteDropped(connection: HostedConnection, reason: string): void {
    this.counters.connectionsDropped += 1;
    this.#droppedWarnings.warn(() => `${connection.name}: connection closed: ${reason}`);
  }

  /** Who it was and why; never what was given. */
  noteFailedProof(connection: HostedConnection, reason: string): void {
    this.counters.authFailures += 1;
    this.#proofWarnings.warn(() => `${connection.name}: authentication failed: ${reason}`);
  }

  noteFailed(connection: HostedConnection, error: unknown): void {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.options.logger.error(`${connection.name}: a bug in this server, please report it: ${told}`);
  }

  noteDeferred(request: OutstandingRequest): void {
    this.#deferred.add(request);
  }

  newLocalId(): number {
    this.#nextLocalId += 1;
    return this.#nextLocalId;
  }

  get isOverloaded(): boolean {
    return this.outstanding >= this.options.globalOutstandingLimit;
  }

  noteTaken(): void {
    this.outstanding += 1;
  }

  noteAnswered(): void {
    this.outstanding -= 1;
    assert(this.outstanding >= 0, "more requests were answered than were taken");
    this.turns.unblockSoon();
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
    for (const connection of this.#bySession.values()) if (connection.session.isLocal) count += 1;
    return count;
  }

  get isReadOnly(): boolean {
    return this.mode === "read-only";
  }

  get isServing(): boolean {
    return this.mode === "serving" || this.mode === "waiting" || this.mode === "read-only";
  }
}
