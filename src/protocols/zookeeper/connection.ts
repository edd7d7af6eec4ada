// One client's connection, from its first byte to its last: how it begins and ends, and which requests may be read from it now.
// `request-pipeline.ts` keeps the order of its requests. Sockets and time come in through ports.

import { assert } from "../../base/assert.ts";
import type { ByteWriter } from "../../base/bytes.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { Machine } from "../../state/machine.ts";
import { allows, allowsAnyone, PERMISSION } from "../../state/tree/acl.ts";
import type { Tree } from "../../state/tree/tree.ts";
import type { Acl, Identity } from "../../state/tree/types.ts";
import { ClientFlow, type FlowOwner } from "../../transport/client-flow.ts";
import type { ConnectionHandler, ConnectionPort, Peer } from "../../transport/connection.ts";
import type { ConnectionHost, Phase } from "./connection-host.ts";
import { ConnectionTraffic } from "./connection-traffic.ts";
import { Credentials } from "./credentials.ts";
import { VISIT_WORK } from "./limits.ts";
import type { Operation } from "./operations/operation.ts";
import { type IntakeConnection, RequestIntake } from "./request-intake.ts";
import { type PipelineConnection, RequestPipeline } from "./request-pipeline.ts";
import { Session } from "./session.ts";
import type { Watches } from "./watches.ts";

/** A connection's peer, its certificate read. */
export interface CertifiedPeer extends Omit<Peer, "certificate"> {
  /** The subject of the certificate it proved, as RFC 2253 writes it. */
  readonly certificateName: string | null;
}

/** In the order in which a connection goes through them; some are left out. */
const PHASES: readonly Phase[] = ["greeting", "opening", "open", "answering", "ending", "closed"];

/**
 * Invariants: the phase only goes forward. Requests are taken, and watches held, in `open` alone. Everything that was
 * accounted for the connection is given back when it is closed.
 */
export class Connection implements ConnectionHandler, FlowOwner, IntakeConnection, PipelineConnection {
  readonly member: ReplicaPort;
  readonly machine: Machine;
  readonly tree: Tree;
  readonly watches: Watches;
  readonly peer: CertifiedPeer;
  readonly replyBytesMax: number;
  readonly multiReadBytesMax: number;
  readonly established: number;
  readonly acceptedAt: number;
  readonly session = new Session();
  readonly traffic = new ConnectionTraffic();
  readonly flow: ClientFlow;
  lastEvent = 0;
  watchBytes = 0;
  lastHeardAt: number;

  readonly #host: ConnectionHost;
  readonly #port: ConnectionPort;
  readonly #who: Credentials;
  readonly #pipeline: RequestPipeline;
  readonly #intake: RequestIntake;
  #phase: Phase = "greeting";

  constructor(host: ConnectionHost, port: ConnectionPort, peer: CertifiedPeer) {
    const { options } = host;
    this.#host = host;
    this.#port = port;
    this.peer = peer;
    this.member = host.member;
    this.machine = host.member.machine;
    this.tree = host.tree;
    this.watches = host.watches;
    this.replyBytesMax = options.bounds.replyBytesMax;
    this.multiReadBytesMax = host.multiReadBytesMax;
    this.established = options.clock.wall();
    this.acceptedAt = options.clock.now();
    this.lastHeardAt = this.acceptedAt;
    const { capacity } = host;
    this.flow = new ClientFlow({ port, capacity, bounds: options.bounds, openedAt: this.acceptedAt }, this);
    this.#who = new Credentials(peer, options, host.guesses);
    this.#pipeline = new RequestPipeline(this, host);
    this.#intake = new RequestIntake(this, host, { credentials: this.#who, pipeline: this.#pipeline });
  }

  get phase(): Phase {
    return this.#phase;
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  get sessionId(): number {
    return this.session.id;
  }

  get identities(): readonly Identity[] {
    return this.#who.identities;
  }

  get credentials(): Uint8Array {
    return this.#who.encoded;
  }

  // -------------------------------------------------------------------------------------------------- from the socket

  /** The chunk is this connection's from here on. */
  onChunk(chunk: Uint8Array): void {
    const host = this.#host;
    const phase = this.#phase;
    host.counters.bytesReceived += chunk.length;
    if (this.#intake.isDeaf || phase === "answering" || phase === "ending" || phase === "closed") return;
    this.lastHeardAt = host.turns.refreshTime();
    if (phase === "open") this.session.renew(this.member, host.tick);
    try {
      this.#intake.add(chunk);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.flow.serve();
  }

  /** The client has fetched everything that was written. */
  onDrain(): void {
    if (this.#phase !== "closed") this.flow.onDrain();
  }

  /** Whoever asked by a word, and has said its last, still waits for the answer; as does who is to have the last of its replies. */
  onEnd(): boolean {
    return this.phase === "answering" || this.phase === "ending";
  }

  /** The socket is gone, whoever closed it. */
  onClosed(): void {
    this.#leave("closed");
  }

  /** Answers what waited for room, then takes requests until there is none, or a reason to wait. */
  take(): boolean {
    if (this.#phase === "greeting" && !this.#intake.bringsFrames()) return false;
    this.#pipeline.advance();
    return this.#intake.take();
  }

  get requestBytes(): number {
    return this.#intake.heldBytes + this.#pipeline.heldBytes;
  }

  awaitQuorum(): void {
    this.#intake.awaitQuorum();
  }

  /** A reply that belongs to no request: the handshake's. */
  get writer(): ByteWriter {
    return this.flow.output.writer;
  }

  notify(frame: Uint8Array): void {
    if (this.#phase !== "open") return;
    this.notePacketSent();
    if (!this.flow.output.notify(frame)) this.drop("it does not fetch its notifications");
  }

  noteVisits(count: number): void {
    this.#host.turns.work += count * VISIT_WORK;
  }

  mayRead(acl: readonly Acl[]): boolean {
    return this.may(PERMISSION.read, acl);
  }

  may(permissions: number, acl: readonly Acl[]): boolean {
    return allowsAnyone(acl, permissions) || this.#host.skipsAcl || allows(acl, permissions, this.identities);
  }

  // --------------------------------------------------------------------------------------------- beginning and end

  #enter(phase: Phase): void {
    assert(PHASES.indexOf(phase) > PHASES.indexOf(this.#phase), `a connection went from ${this.#phase} to ${phase}`);
    this.#phase = phase;
  }

  onWord(): void {
    this.#enter("answering");
  }

  onOpening(): void {
    this.#enter("opening");
  }

  onOpened(): void {
    assert(this.session.id !== 0, "a connection is open without a session");
    this.#enter("open");
    this.#host.noteOpened(this);
    this.flow.goOnSoon(); // for what it has sent already
  }

  deafen(): void {
    this.#intake.deafen();
  }

  /** The lease of this session has ended; its own closing is answered first. */
  onLeaseEnded(): void {
    if (!this.#pipeline.isClosing) this.end();
  }

  /** Sends what is written, then closes. */
  end(): void {
    if (this.#phase === "ending" || this.#phase === "closed") return;
    this.flow.end();
    this.#leave("ending");
  }

  /** Closes at once, without another word. */
  drop(reason: string): void {
    if (this.#phase === "closed") return;
    this.#host.noteDropped(this, reason);
    this.#leave("closed");
    this.#port.destroy();
  }

  /** Something went wrong in here while this client was answered: that costs its connection, and nothing else. */
  fail(error: unknown): void {
    if (this.#phase === "closed") return;
    this.#host.noteFailed(this, error);
    this.member.abandon();
    this.drop("this member failed to answer it");
  }

  close(reason: string): void {
    this.#host.options.logger.info(`${this.name}: closed: ${reason}`);
    this.end();
  }

  onTurnEnd(bytesSent: number): void {
    this.#host.counters.bytesSent += bytesSent;
    this.#pipeline.endTurn();
  }

  #leave(phase: "ending" | "closed"): void {
    if (this.#phase === "closed") return;
    const isFirst = this.#phase !== "ending";
    this.#enter(phase);
    if (isFirst) {
      this.#intake.stop();
      this.watches.removeWatcher(this);
      this.#host.noteLeft(this);
      this.#pipeline.abandon();
      assert(this.watchBytes === 0, "a connection has left and holds watches");
    }
    if (phase === "closed") {
      this.#host.noteClosed(this);
      this.flow.close();
    } else {
      this.flow.account();
    }
  }

  // ----------------------------------------------------------------------------------------------------- statistics

  get name(): string {
    const { id } = this.session;
    const session = id === 0 ? "" : `, session 0x${id.toString(16)}`;
    return `client ${this.peer.address}:${this.peer.port}${session}`;
  }

  get remoteAddress(): string {
    return this.peer.address;
  }

  get remotePort(): number {
    return this.peer.port;
  }

  get secure(): boolean {
    return this.peer.secure;
  }

  get outstanding(): number {
    return this.#pipeline.count;
  }

  /** A reply is due, and nothing stands in its way. At the end of a turn that must never be so. */
  get owesReply(): boolean {
    return this.#phase === "open" && this.#pipeline.owesReply && this.unsentBytes === 0;
  }

  get reading(): boolean {
    return !this.flow.isPaused;
  }

  get unsentBytes(): number {
    return this.flow.output.unsentBytes;
  }

  notePacketSent(): void {
    this.traffic.packetsSent += 1;
    this.#host.counters.packetsSent += 1;
  }

  noteRequest(operation: Operation | undefined): void {
    this.traffic.packetsReceived += 1;
    this.#host.counters.noteRequest(operation);
  }

  noteReply(operation: Operation | null, xid: number, receivedAt: number): void {
    const { turns, counters } = this.#host;
    const { time } = turns;
    const elapsed = time - receivedAt;
    const abbreviation = operation === null ? null : operation.abbreviation;
    this.traffic.noteReply(abbreviation, xid, this.machine.sequence, turns.wallTime, elapsed);
    counters.noteReply(operation, elapsed, time);
  }
}
