// The order of one session's requests. Promises: (1) replies are sent in the order of the requests; (2) a read sees exactly the
// state after the writes before it; (3) a notification is sent before any reply that shows the change; (4) the zxids in replies
// and notifications never go back. Writes are proposed as they come, and many may be in flight. A read behind a write waits,
// and runs as part of that write's outcome. A write behind a `sync` is proposed after the sync has passed.

import { type ByteReader, type ByteWriter, MalformedError } from "../../base/bytes.ts";
import type { CoordinationError } from "../../base/errors.ts";
import type { ClientFlow } from "../../transport/client-flow.ts";
import { OPCODE } from "./codec/opcodes.ts";
import { REPLY_HEAD_BYTES, writeEmptyReply, writeReplyHead } from "./codec/records.ts";
import type { ConnectionHost, Phase } from "./connection-host.ts";
import { ERROR, refusalToWire } from "./errors.ts";
import { type Bounds, READS_AHEAD_OF_WRITE_MAX } from "./limits.ts";
import type { BarrierOperation, Client, Operation, ReadOperation, WriteOperation } from "./operations/operation.ts";
import { Refusal } from "./operations/refusals.ts";
import type { Outcome } from "./outcome.ts";
import type { OutstandingRequest, RequestOwner } from "./outstanding-requests.ts";
import { type Answer, asOf, encodedAnswer, resultOf, writeReply } from "./replies.ts";
import { RequestQueue } from "./request-queue.ts";
import type { Session } from "./session.ts";

/** The connection whose requests these are. */
export interface PipelineConnection extends Client {
  readonly flow: ClientFlow;
  readonly phase: Phase;
  readonly session: Session;
  /** When its client was last heard from, in monotonic milliseconds. */
  readonly lastHeardAt: number;
  /** Nothing that comes from now on is read. */
  deafen(): void;
  noteReply(operation: Operation | null, xid: number, receivedAt: number): void;
  end(): void;
}

export class RequestPipeline implements RequestOwner {
  /** The client has asked to close its session. */
  isClosing = false;
  readonly #connection: PipelineConnection;
  readonly #host: ConnectionHost;
  readonly #flow: ClientFlow;
  readonly #queue = new RequestQueue();
  readonly #bounds: Bounds;
  /** What replies have taken in this turn: bytes, and nodes looked at. */
  #urgentWork = 0;

  constructor(connection: PipelineConnection, host: ConnectionHost) {
    this.#connection = connection;
    this.#host = host;
    this.#flow = connection.flow;
    this.#bounds = host.options.bounds;
  }

  /** Requests taken and not answered. */
  get count(): number {
    return this.#queue.count;
  }

  /** What they hold of memory. */
  get heldBytes(): number {
    return this.#queue.heldBytes;
  }

  // -------------------------------------------------------------------------------------------------------- requests

  onRead(operation: ReadOperation, xid: number, reader: ByteReader): void {
    if (this.#queue.head === null) {
      this.#reply(this.#flow.output.writer, operation, xid, reader);
      this.#connection.noteReply(operation, xid, this.#connection.lastHeardAt);
      return;
    }
    const expectedBytes = operation.expectedBytes?.(this.#connection, reader) ?? 0;
    this.#keep(this.#enqueue(operation, xid, "waiting", expectedBytes), reader);
  }

  /** Says false when it cannot be taken now, and must be offered again. */
  onWrite(operation: WriteOperation, xid: number, reader: ByteReader): boolean {
    if (this.#connection.session.isReadOnly) {
      this.#refuseReadOnly(operation, xid);
      return true;
    }
    if (this.#isWriteToWait) return false;
    const admission = this.#connection.member.admission();
    if (admission !== "open") {
      if (admission === "no-space") {
        this.answerError(operation, xid, ERROR.systemError, false);
        return true;
      }
      return false; // it passes, or this member stops serving and closes the connection
    }
    const request = this.#host.requests.take(this, operation, xid, this.#connection.lastHeardAt);
    let refusal: Refusal | null = null;
    try {
      const proposed = operation.propose(this.#connection, reader);
      if (proposed instanceof Refusal) refusal = proposed;
      else request.note = proposed;
    } catch (error) {
      this.#host.requests.release(request);
      this.#connection.member.abandon();
      if (!(error instanceof MalformedError)) throw error;
      this.answerError(operation, xid, ERROR.marshallingError, false);
      return true;
    }
    request.state = "proposed";
    if (refusal !== null) {
      this.#append(request);
      this.#complete(request, refusal.outcome, this.#connection.machine.sequence);
      return true;
    }
    if (operation.ends === true) {
      request.ends = true;
      this.isClosing = true;
      this.#connection.deafen();
    }
    this.#append(request);
    const { leases, treeModel } = this.#host;
    if (operation.model === "leases") this.#connection.member.commit(leases, request);
    else this.#connection.member.commit(treeModel, request);
    return true;
  }

  /** What waits in front of it would have to be answered at its turn, whatever it takes, once the write is proposed. */
  get #isWriteToWait(): boolean {
    const { waiting, waitingBytes, holdsWrites } = this.#queue;
    return holdsWrites || waiting > READS_AHEAD_OF_WRITE_MAX || waitingBytes > this.#bounds.unsentBytesHigh;
  }

  /** Without a quorum nothing is written, and nobody can say what the latest is. */
  #refuseReadOnly(operation: Operation, xid: number): void {
    const isLocalClose = operation.opcode === OPCODE.closeSession && this.#connection.session.isLocal;
    this.answerError(operation, xid, isLocalClose ? ERROR.ok : ERROR.notReadOnly, isLocalClose);
  }

  onBarrier(operation: BarrierOperation, xid: number, reader: ByteReader): void {
    const connection = this.#connection;
    const renews = operation.renews === true;
    if (connection.session.isReadOnly) {
      if (renews) this.answerError(operation, xid, ERROR.ok, false);
      else this.#refuseReadOnly(operation, xid);
      return;
    }
    const request = this.#enqueue(operation, xid, "proposed");
    this.#keep(request, reader);
    connection.member.readBarrier(
      (error) => this.#onBarrierPassed(request, operation, error),
      renews ? connection.sessionId : null,
    );
  }

  #onBarrierPassed(request: OutstandingRequest, operation: BarrierOperation, error: CoordinationError | null): void {
    if (this.#hasLeft(request)) return;
    if (error !== null) {
      this.#dropWith(request, `${operation.name}: ${error.message}`);
      return;
    }
    try {
      this.#answerBarrier(request, operation);
    } catch (thrown) {
      this.#failed(request, thrown);
    }
  }

  #answerBarrier(request: OutstandingRequest, operation: BarrierOperation): void {
    if (request !== this.#queue.head) {
      this.#queue.becomeRead(request); // what is shown before its turn would be older than the replies before it
      return;
    }
    const reader = this.#host.reader.reset(request.bytes!, request.start, request.end);
    this.#reply(this.#flow.output.writer, operation, request.xid, reader);
    this.#endReply(request);
  }

  // -------------------------------------------------------------------------------------------------------- outcomes

  onOutcome(request: OutstandingRequest, outcome: Outcome, revision: number): void {
    if (this.#hasLeft(request)) return;
    try {
      this.#answer(request, outcome, revision);
    } catch (thrown) {
      this.#failed(request, thrown);
    }
  }

  #answer(request: OutstandingRequest, outcome: Outcome, revision: number): void {
    if (outcome.kind === "reconfiguring") {
      request.state = "deferred";
      request.revision = outcome.zxid;
      this.#host.noteDeferred(request);
      return;
    }
    if (outcome.kind === "rejected" && outcome.code === "session-moved") {
      this.#dropWith(request, "its session is served elsewhere");
      return;
    }
    this.#complete(request, outcome, revision);
  }

  onRefused(request: OutstandingRequest, error: CoordinationError): void {
    if (this.#hasLeft(request)) return;
    const code = refusalToWire(error.code);
    if (code === null || error.outcome !== "not-applied") {
      this.#dropWith(request, error.message);
      return;
    }
    try {
      writeEmptyReply(this.#beginReply(request), request.xid, this.#connection.machine.sequence, code);
      this.#endReply(request);
    } catch (thrown) {
      this.#failed(request, thrown);
    }
  }

  #complete(request: OutstandingRequest, outcome: Outcome, revision: number): void {
    const operation = request.operation as WriteOperation;
    const out = this.#beginReply(request);
    const mark = out.reserve(REPLY_HEAD_BYTES);
    const error = operation.reply(out, outcome, request.note, this.#connection);
    if (error !== ERROR.ok) out.length = mark + REPLY_HEAD_BYTES;
    writeReplyHead(out, mark, request.xid, revision, error);
    this.#endReply(request);
  }

  /** Where this reply is written: straight to the client if it is its turn, aside if another one is due before it. */
  #beginReply(request: OutstandingRequest): ByteWriter {
    return request === this.#queue.head ? this.#flow.output.writer : this.#host.scratch.clear();
  }

  #endReply(request: OutstandingRequest): void {
    if (request !== this.#queue.head) {
      request.held = this.#host.scratch.copy();
      this.#queue.hold(request.held.length);
      request.state = "ready";
      return;
    }
    this.#finishHead();
    this.advance();
  }

  /** The connection that asked is gone; says so, and lets the record go. */
  #hasLeft(request: OutstandingRequest): boolean {
    if (this.#connection.phase !== "closed" && this.#connection.phase !== "ending") return false;
    this.#host.noteAnswered();
    this.#host.requests.release(request);
    return true;
  }

  /** Closes because of what came of this request, which is not heard of again. */
  #dropWith(request: OutstandingRequest, reason: string): void {
    request.state = "ready";
    this.#connection.drop(reason);
  }

  /** In the middle of what others hear too: it ends here, with the connection. */
  #failed(request: OutstandingRequest, thrown: unknown): void {
    if (request.owner === this && request.state === "proposed") request.state = "ready"; // it is not heard of again
    this.#connection.fail(thrown);
  }

  // ----------------------------------------------------------------------------------------------------- the order

  #enqueue(
    operation: Operation | null,
    xid: number,
    state: OutstandingRequest["state"],
    expectedBytes = 0,
  ): OutstandingRequest {
    const request = this.#host.requests.take(this, operation, xid, this.#connection.lastHeardAt);
    request.state = state;
    request.expectedBytes = expectedBytes;
    this.#append(request);
    return request;
  }

  #keep(request: OutstandingRequest, reader: ByteReader): void {
    request.keep(reader);
    this.#queue.hold(request.end - request.start);
  }

  #append(request: OutstandingRequest): void {
    this.#queue.append(request);
    this.#host.noteTaken();
  }

  /** The reply that comes next could be written now, or as soon as the client has fetched. */
  get owesReply(): boolean {
    const state = this.#queue.head?.state;
    return state === "waiting" || state === "ready";
  }

  /** Answers whatever has its turn now. */
  advance(): void {
    const queue = this.#queue;
    for (let request = queue.head; request !== null && this.#connection.phase === "open"; request = queue.head) {
      if (request.state === "waiting") {
        if (queue.isHeadUrgent) {
          if (!this.#mayGoOnUrgently()) return;
        } else if (!this.#flow.mayGoOn()) {
          return;
        }
        const reader = this.#host.reader.reset(request.bytes!, request.start, request.end);
        this.#reply(
          this.#flow.output.writer,
          request.operation as ReadOperation | BarrierOperation,
          request.xid,
          reader,
        );
      } else if (request.state === "ready") {
        this.#flow.output.writer.raw(asOf(request.held!, this.#connection.machine.sequence));
      } else {
        return;
      }
      if (this.#connection.phase === "open") this.#finishHead();
    }
  }

  /**
   * A read in front of a proposed write has its turn now, fetched or not. That is bounded, too: whoever has it grow beyond
   * what was expected is let go.
   */
  #mayGoOnUrgently(): boolean {
    const { unsentBytesMax } = this.#bounds;
    if (this.#flow.output.unsentBytes > unsentBytesMax) {
      this.#connection.drop(`it has left ${this.#flow.output.unsentBytes} bytes unread, ${unsentBytesMax} at most`);
    } else if (this.#urgentWork > unsentBytesMax) {
      this.#connection.drop("its reads in front of a write take too long");
    } else {
      this.#flow.account();
    }
    return this.#connection.phase === "open";
  }

  /** A turn of the loop has ended. */
  endTurn(): void {
    this.#urgentWork = 0;
  }

  /** The reply of the first request is written: it leaves the queue. */
  #finishHead(): void {
    const request = this.#queue.shift();
    this.#host.noteAnswered();
    this.#connection.noteReply(request.operation, request.xid, request.receivedAt);
    const { ends } = request;
    this.#host.requests.release(request);
    if (ends) this.#connection.end();
  }

  // -------------------------------------------------------------------------------------------------------- replies

  #reply(out: ByteWriter, operation: ReadOperation | BarrierOperation, xid: number, reader: ByteReader): void {
    if (operation.kind === "read" && operation.notifies === true) {
      const { scratch } = this.#host;
      const error = resultOf(operation, this.#connection, reader, scratch.clear());
      if (this.#connection.phase === "open") writeEmptyReply(out, xid, this.#connection.machine.sequence, error);
      return;
    }
    const { turns } = this.#host;
    const workBefore = turns.work;
    const written = writeReply(out, operation, this.#connection, xid, reader);
    turns.work += written; // only now: the operation itself adds what it has looked at
    this.#urgentWork += turns.work - workBefore;
  }

  answerError(operation: Operation | null, xid: number, error: number, ends: boolean): void {
    this.answer(operation, xid, this.#connection.machine.sequence, { error, body: null, ends });
  }

  /** It leaves when its turn comes. */
  answer(operation: Operation | null, xid: number, zxid: number, answer: Answer): void {
    const { ends } = answer;
    if (ends) this.#connection.deafen();
    const request = this.#enqueue(operation, xid, "ready");
    request.held = encodedAnswer(xid, zxid, answer);
    this.#queue.hold(request.held.length);
    request.ends = ends;
    if (this.#queue.head === request) this.advance();
  }

  /** The connection has gone: what was proposed keeps its records until it is heard of; the rest ends here. */
  abandon(): void {
    for (const request of this.#queue.clear()) {
      if (request.state !== "waiting" && request.state !== "ready") continue;
      this.#host.noteAnswered();
      this.#host.requests.release(request);
    }
  }
}
