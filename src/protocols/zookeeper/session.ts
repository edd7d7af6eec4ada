// One client's connection and the order of its requests. Promises: replies leave in the order of the requests; a read sees
// exactly the state that the writes before it left; a notification leaves before any reply that shows what it tells of.
// Writes are proposed as they come, many in flight. Nothing here knows of sockets or of time but through ports.

import { type ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import type { CoordinationError } from "../../base/errors.ts";
import { toByteString } from "../../base/text.ts";
import type { Member } from "../../replica/member.ts";
import type { Machine } from "../../state/machine.ts";
import { allows, allowsAnyone } from "../../state/tree/acl.ts";
import type { Acl, Identity, Outcome } from "../../state/types.ts";
import { OPCODE } from "./codec/opcodes.ts";
import { REPLY_HEAD_BYTES, REQUEST_HEADER_BYTES, writeEmptyReply, writeReplyHead, XID } from "./codec/records.ts";
import { Credentials } from "./credentials.ts";
import { ERROR, refusalToWire } from "./errors.ts";
import { FrameCutter } from "./frames.ts";
import { Handshake } from "./handshake.ts";
import { OUTSTANDING_PER_CONNECTION_MAX, READS_AHEAD_OF_WRITE_MAX } from "./limits.ts";
import { operationOf } from "./operations/index.ts";
import type {
  BarrierOperation,
  Client,
  ConnectionOperation,
  Operation,
  ReadOperation,
  WriteOperation,
} from "./operations/operation.ts";
import { type ConnectionPort, Outgoing } from "./outgoing.ts";
import type { PendingOwner, PendingRequest } from "./pending.ts";
import { RequestQueue } from "./request-queue.ts";
import type { Service } from "./service.ts";
import { type ConnectionStats, Latency } from "./stats.ts";
import type { Watches } from "./watches.ts";

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

const scratch = new ByteWriter(1024);

export class Session implements Client, PendingOwner, ConnectionStats {
  readonly member: Member;
  readonly machine: Machine;
  readonly watches: Watches;
  readonly peer: Peer;
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
  readonly #queue = new RequestQueue();
  /** Four bytes have come, and were no word. */
  #hasBegun = false;
  #isClosing = false;
  #isPaused = false;
  /** Its last request has come: nothing that comes after it is read. */
  #isDeaf = false;

  constructor(service: Service, port: ConnectionPort, peer: Peer) {
    const { options } = service;
    this.#service = service;
    this.#port = port;
    this.peer = peer;
    this.member = service.member;
    this.machine = service.member.machine;
    this.watches = service.watches;
    this.established = options.clock.wall();
    this.acceptedAt = options.clock.now();
    this.lastHeardAt = this.acceptedAt;
    this.#frames = new FrameCutter(options.frameBytesMax);
    this.#outgoing = new Outgoing(port, service.buffers, () => service.noteDirty(this));
    this.#who = new Credentials(peer, options);
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
    service.noteReceived(chunk.length);
    if (this.#isDeaf || this.phase === "answering" || this.phase === "ending" || this.phase === "closed") return;
    this.lastHeardAt = service.refreshTurnTime();
    if (this.phase === "open" && this.renewedInTick !== service.tick) this.#renew();
    this.#frames.add(chunk);
    this.serve();
  }

  /** The client has fetched everything that was written. */
  onDrain(): void {
    if (this.phase === "closed") return;
    this.#advance();
    this.serve();
  }

  /** The socket is gone, whoever closed it. */
  onClosed(): void {
    this.#leave("closed");
  }

  /** Takes requests until there is none, or a reason to wait. */
  serve(): void {
    if (this.phase === "greeting" && !this.#bringsFrames()) return;
    while (this.#mayTake()) {
      const found = this.#frames.next();
      if (found === "more") break;
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
  }

  /** Before a handshake four letters may come instead of a length. Says whether frames are what comes. */
  #bringsFrames(): boolean {
    if (this.#hasBegun) return true;
    const word = this.#frames.peekFour();
    if (word === null) return false;
    this.#hasBegun = true;
    if (!/^[a-z]{4}$/.test(word)) return true;
    const { fourLetterWord } = this.#service.options;
    this.phase = "answering";
    const isKnown = fourLetterWord?.(word, (text) => this.#answerWord(text), this) ?? false;
    if (!isKnown) this.drop(`"${word}" is no word that is known here`);
    return false;
  }

  #answerWord(text: string): void {
    if (this.phase !== "answering") return;
    this.#outgoing.writer.text(toByteString(text));
    this.end();
  }

  #mayTake(): boolean {
    if (this.#isDeaf || (this.phase !== "open" && this.phase !== "greeting")) return false;
    if (!this.#outgoing.isBackedUp && this.#queue.count < OUTSTANDING_PER_CONNECTION_MAX) {
      if (this.#queue.count === 0 || !this.#service.isOverloaded) return true;
    }
    this.#service.noteBlocked(this);
    return false;
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
      this.#note(null);
      this.#answerError(null, xid, ERROR.unimplemented, true);
      return true;
    }
    if (this.#service.requiredSchemes !== null && !this.#isAdmitted(operation)) {
      this.#answerError(operation, xid, ERROR.sessionClosedRequireSaslAuth, true);
      return true;
    }
    switch (operation.kind) {
      case "read":
        this.#onRead(operation, opcode === OPCODE.ping ? XID.ping : xid, reader);
        return true;
      case "write":
        return this.#onWrite(operation, xid, reader);
      case "barrier":
        return this.#onBarrier(operation, xid, reader);
      case "auth":
      case "sasl":
        this.#onProof(operation, xid, reader);
        return true;
    }
  }

  #onGreeting(reader: ByteReader): boolean {
    const { mode } = this.#service;
    if (mode === "waiting") return false;
    if (!new Handshake(this, this.#service).onRequest(reader)) return false;
    this.#note(null);
    return true;
  }

  #isAdmitted({ kind }: Operation): boolean {
    if (kind === "auth" || kind === "sasl") return true;
    return this.#who.hasAnyOf(this.#service.requiredSchemes!);
  }

  #onRead(operation: ReadOperation, xid: number, reader: ByteReader): void {
    this.#note(operation);
    if (this.#queue.head === null) {
      this.#reply(this.#outgoing.writer, operation, xid, reader);
      this.#noteReply(operation, xid, this.lastHeardAt);
      return;
    }
    this.#enqueue(operation, xid, "waiting").keep(reader);
  }

  #onWrite(operation: WriteOperation, xid: number, reader: ByteReader): boolean {
    if (this.readOnly) {
      this.#refuseReadOnly(operation, xid);
      return true;
    }
    if (this.#queue.waiting > READS_AHEAD_OF_WRITE_MAX) return false;
    const admission = this.member.admission();
    if (admission !== "open") {
      if (admission === "no-space") {
        this.#answerError(operation, xid, ERROR.systemError, false);
        return true;
      }
      return false; // it passes, or this member stops serving and closes the connection
    }
    this.#note(operation);
    const request = this.#service.pending.take(this, operation, xid, this.lastHeardAt);
    try {
      request.note = operation.propose(this, reader);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#service.pending.release(request);
      this.#answerError(operation, xid, ERROR.marshallingError, false);
      return true;
    }
    request.state = "proposed";
    if (operation.ends === true) {
      request.ends = true;
      this.#isClosing = true;
      this.#isDeaf = true;
    }
    this.#append(request);
    this.member.commit(request);
    return true;
  }

  /** Without a quorum nothing is written, and nobody can say what the latest is. */
  #refuseReadOnly(operation: Operation, xid: number): void {
    const isLocalClose = operation.opcode === OPCODE.closeSession && this.isLocal;
    this.#answerError(operation, xid, isLocalClose ? ERROR.ok : ERROR.notReadOnly, isLocalClose);
  }

  #onBarrier(operation: BarrierOperation, xid: number, reader: ByteReader): boolean {
    if (this.readOnly) {
      this.#refuseReadOnly(operation, xid);
      return true;
    }
    this.#note(operation);
    const request = this.#enqueue(operation, xid, "proposed");
    request.keep(reader);
    this.member.readBarrier((error) => this.#onBarrierPassed(request, operation, error));
    return true;
  }

  #onBarrierPassed(request: PendingRequest, operation: BarrierOperation, error: CoordinationError | null): void {
    if (this.#hasLeft(request)) return;
    if (error !== null) {
      this.#dropWith(request, `sync: ${error.message}`);
      return;
    }
    const reader = this.#service.reader.reset(request.bytes!, request.start, request.end);
    const out = this.#beginReply(request);
    this.#reply(out, operation, request.xid, reader);
    this.#endReply(request);
  }

  #onProof(operation: ConnectionOperation, xid: number, reader: ByteReader): void {
    this.#note(operation);
    const answer = operation.kind === "auth" ? this.#who.onAuth(reader) : this.#who.onSasl(reader);
    if (answer.failure !== null) {
      this.#service.noteAuthFailure();
      this.#service.options.logger.warn(`${this.name}: authentication failed: ${answer.failure}`);
    }
    if (answer.kind === "unreadable") this.drop("an authentication that cannot be read");
    else this.#answer(operation, xid, 0, answer.error, answer.body, answer.ends);
  }

  // -------------------------------------------------------------------------------------------------------- outcomes

  onOutcome(request: PendingRequest, outcome: Outcome, revision: number): void {
    if (this.#hasLeft(request)) return;
    if (outcome.kind === "reconfiguring") {
      request.state = "deferred";
      request.revision = outcome.revision;
      this.#service.noteDeferred(request);
      return;
    }
    if (outcome.kind === "rejected" && outcome.code === "session-moved") {
      this.#dropWith(request, "its session is served elsewhere");
      return;
    }
    this.#complete(request, outcome, revision);
  }

  /** A reconfiguration that was taken up has ended. */
  onReconfigured(request: PendingRequest, outcome: Outcome): void {
    if (!this.#hasLeft(request)) this.#complete(request, outcome, this.machine.revision);
  }

  onRefused(request: PendingRequest, error: CoordinationError): void {
    if (this.#hasLeft(request)) return;
    const code = refusalToWire(error.code);
    if (code === null || error.outcome !== "not-applied") {
      this.#dropWith(request, error.message);
      return;
    }
    const out = this.#beginReply(request);
    writeEmptyReply(out, request.xid, this.machine.revision, code);
    this.#endReply(request);
  }

  #complete(request: PendingRequest, outcome: Outcome, revision: number): void {
    const operation = request.operation as WriteOperation;
    const out = this.#beginReply(request);
    const mark = out.reserve(REPLY_HEAD_BYTES);
    const error = operation.reply(out, outcome, request.note, this);
    if (error !== ERROR.ok) out.length = mark + REPLY_HEAD_BYTES;
    writeReplyHead(out, mark, request.xid, revision, error);
    this.#endReply(request);
  }

  /** Where this reply is written: straight to the client if it is its turn, aside if another one is due before it. */
  #beginReply(request: PendingRequest): ByteWriter {
    return request === this.#queue.head ? this.#outgoing.writer : scratch.clear();
  }

  #endReply(request: PendingRequest): void {
    if (request !== this.#queue.head) {
      request.held = scratch.copy();
      request.state = "ready";
      return;
    }
    this.#finishHead();
    this.#advance();
  }

  /** The connection that asked is gone; says so, and lets the record go. */
  #hasLeft(request: PendingRequest): boolean {
    if (this.phase !== "closed" && this.phase !== "ending") return false;
    this.#service.noteAnswered();
    this.#service.pending.release(request);
    return true;
  }

  // ----------------------------------------------------------------------------------------------------- the order

  #enqueue(operation: Operation | null, xid: number, state: PendingRequest["state"]): PendingRequest {
    const request = this.#service.pending.take(this, operation, xid, this.lastHeardAt);
    request.state = state;
    this.#append(request);
    return request;
  }

  #append(request: PendingRequest): void {
    this.#queue.append(request);
    this.#service.noteTaken();
  }

  /** Answers whatever has its turn now. */
  #advance(): void {
    const queue = this.#queue;
    for (let request = queue.head; request !== null && this.phase === "open"; request = queue.head) {
      if (request.state === "waiting") {
        if (!queue.isHeadUrgent && this.#outgoing.isBackedUp) return; // goes on when the client has fetched
        const reader = this.#service.reader.reset(request.bytes!, request.start, request.end);
        this.#reply(this.#outgoing.writer, request.operation as ReadOperation, request.xid, reader);
      } else if (request.state === "ready") {
        this.#outgoing.writer.raw(request.held!);
      } else {
        return;
      }
      if (this.phase === "open") this.#finishHead();
    }
  }

  /** The reply of the first request is written: it leaves the queue. */
  #finishHead(): void {
    const request = this.#queue.shift();
    this.#service.noteAnswered();
    this.#noteReply(request.operation, request.xid, request.receivedAt);
    const { ends } = request;
    this.#service.pending.release(request);
    if (ends) this.end();
  }

  // -------------------------------------------------------------------------------------------------------- replies

  #reply(out: ByteWriter, operation: ReadOperation | BarrierOperation, xid: number, reader: ByteReader): void {
    if (operation.kind === "read" && operation.notifies === true) {
      this.#replyAfterNotifying(out, operation, xid, reader);
      return;
    }
    const mark = out.reserve(REPLY_HEAD_BYTES);
    let error: number;
    try {
      error = operation.run(this, reader, out);
    } catch (thrown) {
      if (!(thrown instanceof MalformedError)) throw thrown;
      error = ERROR.marshallingError;
    }
    if (error !== ERROR.ok) out.length = mark + REPLY_HEAD_BYTES;
    writeReplyHead(out, mark, xid, this.machine.revision, error);
  }

  /** Its notifications go out while it runs: only then does its reply begin. It has no body. */
  #replyAfterNotifying(out: ByteWriter, operation: ReadOperation, xid: number, reader: ByteReader): void {
    let error: number;
    try {
      error = operation.run(this, reader, scratch.clear());
    } catch (thrown) {
      if (!(thrown instanceof MalformedError)) throw thrown;
      error = ERROR.marshallingError;
    }
    if (this.phase === "open") writeEmptyReply(out, xid, this.machine.revision, error);
  }

  #answerError(operation: Operation | null, xid: number, error: number, ends: boolean): void {
    this.#answer(operation, xid, this.machine.revision, error, null, ends);
  }

  /** A reply that is known at once; it leaves when its turn comes. */
  #answer(
    operation: Operation | null,
    xid: number,
    zxid: number,
    error: number,
    body: Uint8Array | null,
    ends: boolean,
  ): void {
    const frame = new ByteWriter(REPLY_HEAD_BYTES + (body?.length ?? 0));
    const mark = frame.reserve(REPLY_HEAD_BYTES);
    if (body !== null) frame.raw(body);
    writeReplyHead(frame, mark, xid, zxid, error);
    if (ends) this.#isDeaf = true;
    const request = this.#enqueue(operation, xid, "ready");
    request.held = frame.view();
    request.ends = ends;
    if (this.#queue.head === request) this.#advance();
  }

  /** A reply that belongs to no request: the handshake's. */
  get writer(): ByteWriter {
    return this.#outgoing.writer;
  }

  notify(frame: Uint8Array): void {
    if (this.phase !== "open") return;
    this.packetsSent += 1;
    this.#service.noteNotification();
    if (!this.#outgoing.notify(frame)) this.drop("it does not fetch its notifications");
  }

  mayRead(acl: readonly Acl[]): boolean {
    return this.may(1, acl);
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
    if (!this.#isClosing) this.end();
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

  /** Closes because of what came of this request, which is not heard of again. */
  #dropWith(request: PendingRequest, reason: string): void {
    request.state = "ready";
    this.drop(reason);
  }

  close(reason: string): void {
    this.#service.options.logger.info(`${this.name}: closed: ${reason}`);
    this.end();
  }

  flush(): void {
    this.#service.noteSent(this.#outgoing.flush());
    if (this.phase === "ending") this.#port.end();
  }

  #leave(phase: "ending" | "closed"): void {
    if (this.phase === "closed") return;
    const isFirst = this.phase !== "ending";
    this.phase = phase;
    if (!isFirst) return;
    this.watches.removeWatcher(this);
    this.#service.noteLeft(this);
    // Proposed requests keep their records until they are heard of; the others end here.
    for (const request of this.#queue.clear()) {
      if (request.state !== "waiting" && request.state !== "ready") continue;
      this.#service.noteAnswered();
      this.#service.pending.release(request);
    }
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
    return this.#queue.count;
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

  #note(operation: Operation | null): void {
    this.packetsReceived += 1;
    this.#service.noteRequest(operation === null ? 0 : operation.opcode);
  }

  #noteReply(operation: Operation | null, xid: number, receivedAt: number): void {
    const service = this.#service;
    const elapsed = service.turnTime - receivedAt;
    this.packetsSent += 1;
    this.lastXid = xid;
    this.lastZxid = this.machine.revision;
    this.lastResponseTime = service.wallTime;
    if (operation !== null) this.lastOperation = operation.abbreviation;
    this.latency.add(elapsed);
    service.noteReply(operation, elapsed);
  }
}
