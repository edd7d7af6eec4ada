// One client's connection, from its first bytes to its last: what may be taken from it now, what it asks for, and how it
// begins and ends. The order of its requests is kept by `request-pipeline.ts`. Sockets and time come in through ports.

import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { bytesOf, toByteString } from "../../base/text.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { Machine } from "../../state/machine.ts";
import { allows, allowsAnyone, PERMISSION } from "../../state/tree/acl.ts";
import type { Acl, Identity } from "../../state/types.ts";
import { OPCODE } from "./codec/opcodes.ts";
import { REQUEST_HEADER_BYTES, XID } from "./codec/records.ts";
import { Credentials } from "./credentials.ts";
import { ERROR } from "./errors.ts";
import { FrameCutter } from "./frames.ts";
import { askedTimeoutMs, Handshake } from "./handshake.ts";
import { HANDSHAKE_WAIT_SHARE, OUTSTANDING_PER_CONNECTION_MAX, VISIT_WORK } from "./limits.ts";
import { operationOf } from "./operations/index.ts";
import type { Client, ConnectionOperation, Operation } from "./operations/operation.ts";
import { type ConnectionPort, Outgoing } from "./outgoing.ts";
import { RequestPipeline } from "./request-pipeline.ts";
import type { Service } from "./service.ts";
import { type ConnectionStats, Latency } from "./stats.ts";
import type { Watches } from "./watches.ts";

/** A request that nobody knows is answered before anything was looked at, so its reply shows no state. */
const NO_ZXID = -1;

const WORD_BYTES = 4;
/** What follows a word, where something does: the new trace mask. */
const WORD_ARGUMENT_BYTES: Readonly<Record<string, number>> = { stmk: 8 };

export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly secure: boolean;
  /** The subject of the certificate it proved, as RFC 2253 writes it. */
  readonly certificateName: string | null;
}

/**
 * `greeting`: nothing understood yet. `opening`: its session is being opened or attached. `open`: served. `answering`: a
 * four-letter word is. `ending`: what is written still leaves. `closed`: nothing more in either direction.
 */
export type Phase = "greeting" | "opening" | "open" | "answering" | "ending" | "closed";

export class Connection implements Client, ConnectionStats {
  readonly member: ReplicaPort;
  readonly machine: Machine;
  readonly watches: Watches;
  readonly peer: Peer;
  readonly replyBytesMax: number;
  readonly multiReadBytesMax: number;
  readonly established: number;
  readonly acceptedAt: number;
  readonly latency = new Latency();
  phase: Phase = "greeting";
  sessionId = 0;
  sessionTimeoutMs = 0;
  /** Served by a member without a quorum: reads alone. */
  readOnly = false;
  /** A session that only this read-only member knows. */
  isLocal = false;
  lastEvent = 0;
  watchBytes = 0;
  /** What this member held for it when it last looked. */
  heldBytes = 0;
  /** The last tick in which its client had fetched everything, and asked for more or had nothing left to ask. */
  gotOnInTick: number;
  lastHeardAt: number;
  renewedInTick = -1;
  packetsReceived = 0;
  packetsSent = 0;
  lastXid = 0;
  lastZxid = 0;
  lastOperation = "NA";
  lastResponseTime = 0;

  readonly #service: Service;
  readonly #port: ConnectionPort;
  readonly #frames: FrameCutter;
  readonly #outgoing: Outgoing;
  readonly #who: Credentials;
  readonly #pipeline: RequestPipeline;
  readonly #requestBytesHigh: number;
  /** Four bytes have come, and were no word. */
  #hasBegun = false;
  #isPaused = false;
  /** A password waits to be looked at: ends the waiting. */
  #stopProofWait: (() => void) | null = null;
  /** When its handshake came, and which timeout it asks for. */
  #greeted: { readonly at: number; readonly timeoutMs: number } | null = null;
  #stopAwaiting: (() => void) | null = null;
  /** Its last request has come: nothing that comes after it is read. */
  isDeaf = false;

  constructor(service: Service, port: ConnectionPort, peer: Peer) {
    const { options } = service;
    this.#service = service;
    this.#port = port;
    this.peer = peer;
    this.member = service.member;
    this.machine = service.member.machine;
    this.watches = service.watches;
    this.gotOnInTick = service.tick;
    this.replyBytesMax = options.bounds.replyBytesMax;
    this.multiReadBytesMax = service.multiReadBytesMax;
    this.#requestBytesHigh = options.bounds.requestBytesHigh;
    this.established = options.clock.wall();
    this.acceptedAt = options.clock.now();
    this.lastHeardAt = this.acceptedAt;
    this.#frames = new FrameCutter(options.frameBytesMax);
    this.#outgoing = new Outgoing(port, service.buffers, options.bounds, () => service.noteDirty(this));
    this.#who = new Credentials(peer, options, service.guesses);
    this.#pipeline = new RequestPipeline(this, service, this.#outgoing);
  }

  get identities(): readonly Identity[] {
    return this.#who.identities;
  }

  get credentials(): Uint8Array {
    return this.#who.encoded;
  }

  // -------------------------------------------------------------------------------------------------- from the socket

  /** The chunk is this session's from here on. */
  onChunk(chunk: Uint8Array): void {
    const service = this.#service;
    service.counters.bytesReceived += chunk.length;
    if (this.isDeaf || this.phase === "answering" || this.phase === "ending" || this.phase === "closed") return;
    this.lastHeardAt = service.refreshTurnTime();
    if (this.phase === "open" && this.renewedInTick !== service.tick) this.#renew();
    try {
      this.#frames.add(chunk);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.serve();
  }

  /** The client has fetched everything that was written. */
  onDrain(): void {
    if (this.phase === "closed") return;
    this.gotOnInTick = this.#service.tick;
    this.account();
    this.serve();
  }

  /** The socket is gone, whoever closed it. */
  onClosed(): void {
    this.#leave("closed");
  }

  /** Answers what waited for room, then takes requests until there is none, or a reason to wait. */
  serve(): void {
    try {
      this.#serve();
    } catch (error) {
      this.fail(error);
    }
  }

  #serve(): void {
    if (this.phase === "greeting" && !this.#bringsFrames()) {
      this.account();
      return;
    }
    this.#service.noteUnblocked(this);
    this.#pipeline.advance();
    let isGettingOn = false;
    while (this.#mayTake()) {
      const found = this.#frames.next();
      if (found === "more") break;
      isGettingOn = true;
      if (found === "malformed") {
        this.drop(`a frame of ${this.#frames.announced} bytes is announced`);
        return;
      }
      if (this.#onFrame()) continue;
      this.#frames.putBack();
      this.#service.noteBlocked(this);
      break;
    }
    this.#regulate();
    if (isGettingOn && this.#port.unsentBytes === 0) this.gotOnInTick = this.#service.tick;
    this.account();
  }

  /** Tells the member what it holds for this client. */
  account(): void {
    const held =
      this.phase === "closed" ? 0 : this.#outgoing.unsentBytes + this.#frames.held + this.#pipeline.heldBytes;
    const more = held - this.heldBytes;
    if (more === 0) return;
    this.heldBytes = held;
    this.#service.noteHeld(more);
  }

  /** Before a handshake four letters may come instead of a length. Says whether frames are what comes. */
  #bringsFrames(): boolean {
    if (this.#hasBegun) return true;
    const word = this.#frames.peek(WORD_BYTES);
    if (word === null) return false;
    const isWord = /^[a-z]{4}$/.test(word);
    const whole = isWord ? this.#frames.peek(WORD_BYTES + (WORD_ARGUMENT_BYTES[word] ?? 0)) : word;
    if (whole === null) return false; // its argument is to come
    if (!isWord) {
      this.#hasBegun = true;
      return true;
    }
    const { fourLetterWord } = this.#service.options;
    if (this.#service.isTurnFull) {
      this.#service.noteReady(this);
      return false;
    }
    this.#hasBegun = true;
    this.phase = "answering";
    const argument = bytesOf(whole.slice(WORD_BYTES));
    const isKnown = fourLetterWord?.(word, (text) => this.#answerWord(text), this, argument) ?? false;
    if (!isKnown) this.drop(`"${word}" is no word that is known here`);
    return false;
  }

  #answerWord(text: string): void {
    if (this.phase !== "answering") return;
    this.#outgoing.writer.text(toByteString(text));
    this.#service.turnWork += text.length;
    this.end();
  }

  #mayTake(): boolean {
    if (this.isDeaf || (this.phase !== "open" && this.phase !== "greeting")) return false;
    if (this.#stopProofWait !== null) {
      this.#service.noteBlocked(this);
      return false;
    }
    if (this.#service.isTurnFull) {
      this.#service.noteReady(this);
      return false;
    }
    if (!this.#outgoing.isBackedUp && this.#hasRoomForRequests) {
      if (this.#pipeline.count === 0 || !this.#service.isOverloaded) return true;
    }
    this.#service.noteBlocked(this);
    return false;
  }

  get #hasRoomForRequests(): boolean {
    const { count, heldBytes } = this.#pipeline;
    return count < OUTSTANDING_PER_CONNECTION_MAX && heldBytes <= this.#requestBytesHigh;
  }

  /** Lets chunks come, or not: those that cannot be taken stay in the client's socket. */
  #regulate(): void {
    const isFull = this.#frames.pending > 0 && !this.#mayTakeQuietly();
    if (isFull === this.#isPaused || this.phase === "closed") return;
    this.#isPaused = isFull;
    if (isFull) this.#port.pause();
    else this.#port.resume();
  }

  #mayTakeQuietly(): boolean {
    return !this.#service.isBlocked(this) && this.phase !== "opening";
  }

  // ------------------------------------------------------------------------------------------------------- requests

  /** Says false when the frame cannot be taken now, and must be offered again. */
  #onFrame(): boolean {
    const { bytes, start, end } = this.#frames;
    const reader = this.#service.reader.reset(bytes, start, end);
    if (this.phase === "greeting") return this.#onGreeting(reader);
    if (end - start < REQUEST_HEADER_BYTES) {
      this.drop("a request without a whole header");
      return true;
    }
    const xid = reader.int32();
    const opcode = reader.int32();
    const operation = operationOf(opcode);
    if (operation === undefined) {
      this.#pipeline.answer(null, xid, NO_ZXID, { error: ERROR.unimplemented, body: null, ends: true });
    } else if (this.#service.requiredSchemes !== null && !this.#isAdmitted(operation)) {
      this.#pipeline.answerError(operation, xid, ERROR.sessionClosedRequireSaslAuth, true);
    } else if (!this.#onRequest(operation, opcode === OPCODE.ping ? XID.ping : xid, reader)) {
      return false;
    }
    this.#noteRequest(operation);
    return true;
  }

  #onRequest(operation: Operation, xid: number, reader: ByteReader): boolean {
    switch (operation.kind) {
      case "read":
        this.#pipeline.onRead(operation, xid, reader);
        return true;
      case "write":
        return this.#pipeline.onWrite(operation, xid, reader);
      case "barrier":
        this.#pipeline.onBarrier(operation, xid, reader);
        return true;
      case "auth":
      case "sasl":
        return this.#onProof(operation, xid, reader);
    }
  }

  #onGreeting(reader: ByteReader): boolean {
    this.#greeted ??= { at: this.#service.turnTime, timeoutMs: askedTimeoutMs(reader) };
    if (this.#service.mode === "waiting") {
      this.awaitQuorum();
      return false;
    }
    if (!new Handshake(this, this.#service).onRequest(reader)) return false;
    this.#noteRequest(undefined);
    return true;
  }

  /**
   * There is no quorum for a moment. A handshake waits for it as long as its client can spare: it has other members to try
   * before its session is over.
   */
  awaitQuorum(): void {
    if (this.#greeted === null || (this.phase !== "greeting" && this.phase !== "opening")) return;
    if (this.#stopAwaiting !== null) return;
    const { clock } = this.#service.options;
    const until = this.#greeted.at + this.#greeted.timeoutMs * HANDSHAKE_WAIT_SHARE;
    this.#stopAwaiting = clock.after(Math.max(0, until - clock.now()), () => {
      this.#stopAwaiting = null;
      if (this.phase !== "greeting" && this.phase !== "opening") return;
      if (this.#service.mode !== "waiting") return;
      this.#service.counters.closedWithoutQuorum += 1;
      this.drop("there is no quorum, and it can wait no longer");
    });
  }

  #isAdmitted({ kind }: Operation): boolean {
    if (kind === "auth" || kind === "sasl") return true;
    return this.#who.hasAnyOf(this.#service.requiredSchemes!);
  }

  /** Says false when its password may not be looked at yet: it waits, with all that comes behind it. */
  #onProof(operation: ConnectionOperation, xid: number, reader: ByteReader): boolean {
    const now = this.#service.turnTime;
    const answer = operation.kind === "auth" ? this.#who.onAuth(reader, now) : this.#who.onSasl(reader, now);
    if (answer.kind === "wait") {
      this.#awaitTurnToProve(answer.milliseconds);
      return false;
    }
    if (answer.failure !== null) this.#service.noteFailedProof(this, answer.failure);
    if (answer.kind === "unreadable") this.drop("an authentication that cannot be read");
    else this.#pipeline.answer(operation, xid, 0, answer); // ZooKeeper gives no revision here
    return true;
  }

  #awaitTurnToProve(milliseconds: number): void {
    this.#stopProofWait = this.#service.options.clock.after(milliseconds, () => {
      this.#stopProofWait = null;
      this.#service.noteReady(this);
    });
  }

  /** A reply that belongs to no request: the handshake's. */
  get writer(): ByteWriter {
    return this.#outgoing.writer;
  }

  notify(frame: Uint8Array): void {
    if (this.phase !== "open") return;
    this.packetsSent += 1;
    this.#service.counters.packetsSent += 1;
    if (!this.#outgoing.notify(frame)) this.drop("it does not fetch its notifications");
  }

  get isOpen(): boolean {
    return this.phase === "open";
  }

  noteVisits(count: number): void {
    this.#service.turnWork += count * VISIT_WORK;
  }

  mayRead(acl: readonly Acl[]): boolean {
    return this.may(PERMISSION.read, acl);
  }

  may(permissions: number, acl: readonly Acl[]): boolean {
    return allowsAnyone(acl, permissions) || this.#service.skipsAcl || allows(acl, permissions, this.identities);
  }

  // --------------------------------------------------------------------------------------------- beginning and end

  /** The handshake has succeeded. */
  onOpened(sessionId: number, timeoutMs: number): void {
    this.sessionId = sessionId;
    this.sessionTimeoutMs = timeoutMs;
    this.phase = "open";
    this.#service.noteOpened(this);
    this.#service.noteReady(this); // for what it has sent already
  }

  #renew(): void {
    this.renewedInTick = this.#service.tick;
    if (!this.isLocal) this.member.renew(this.sessionId);
  }

  /** The lease of this session has ended; its own closing is answered first. */
  onLeaseEnded(): void {
    if (!this.#pipeline.isClosing) this.end();
  }

  /** Sends what is written, then closes. */
  end(): void {
    if (this.phase === "ending" || this.phase === "closed") return;
    this.#service.noteDirty(this);
    this.#leave("ending");
  }

  /** Closes at once, without another word. */
  drop(reason: string): void {
    if (this.phase === "closed") return;
    this.#service.noteDropped(this, reason);
    this.#outgoing.discard();
    this.#leave("closed");
    this.#port.destroy();
  }

  /** Something went wrong in here while this client was answered: that costs its connection, and nothing else. */
  fail(error: unknown): void {
    if (this.phase === "closed") return;
    this.#service.noteFailed(this, error);
    this.member.abandon();
    this.drop("this member failed to answer it");
  }

  close(reason: string): void {
    this.#service.options.logger.info(`${this.name}: closed: ${reason}`);
    this.end();
  }

  flush(): void {
    try {
      this.#service.counters.bytesSent += this.#outgoing.flush();
      this.#pipeline.endTurn();
      this.account();
      if (this.phase === "ending") this.#port.end();
    } catch (error) {
      this.fail(error);
    }
  }

  #leave(phase: "ending" | "closed"): void {
    if (this.phase === "closed") return;
    const isFirst = this.phase !== "ending";
    this.phase = phase;
    if (isFirst) {
      this.#stopAwaiting?.();
      this.#stopProofWait?.();
      this.watches.removeWatcher(this);
      this.#service.noteLeft(this);
      this.#pipeline.abandon();
    }
    if (phase === "closed") this.#service.noteClosed(this);
    this.account();
  }

  // ----------------------------------------------------------------------------------------------------- statistics

  get name(): string {
    const session = this.sessionId === 0 ? "" : `, session 0x${this.sessionId.toString(16)}`;
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
    return this.phase === "open" && this.#pipeline.owesReply && this.unsentBytes === 0;
  }

  get reading(): boolean {
    return !this.#isPaused;
  }

  get unsentBytes(): number {
    return this.#outgoing.unsentBytes;
  }

  resetStats(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.lastOperation = "NA";
    this.latency.reset();
  }

  #noteRequest(operation: Operation | undefined): void {
    this.packetsReceived += 1;
    this.#service.counters.noteRequest(operation === undefined ? OPCODE.notification : operation.opcode);
  }

  noteReply(operation: Operation | null, xid: number, receivedAt: number): void {
    const service = this.#service;
    const elapsed = service.turnTime - receivedAt;
    this.packetsSent += 1;
    this.lastXid = xid;
    this.lastZxid = this.machine.revision;
    this.lastResponseTime = service.wallTime;
    if (operation !== null) this.lastOperation = operation.abbreviation;
    this.latency.add(elapsed);
    service.counters.noteReply(operation, elapsed, service.turnTime);
  }
}
