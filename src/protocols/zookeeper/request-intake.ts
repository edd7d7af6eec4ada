// Cuts the bytes of a client into frames and dispatches each by its opcode. What cannot be accepted now waits here, and in the
// end in the client's own socket.

import type { ByteReader } from "../../base/bytes.ts";
import { bytesOf, toByteString } from "../../base/text.ts";
import type { ClientFlow } from "../../transport/client-flow.ts";
import { FrameReader } from "../../transport/frame-reader.ts";
import { OPCODE } from "./codec/opcodes.ts";
import { REQUEST_HEADER_BYTES, XID } from "./codec/records.ts";
import type { ConnectionHost, HostedConnection } from "./connection-host.ts";
import type { Credentials } from "./credentials.ts";
import { ERROR } from "./errors.ts";
import { type GreetingConnection, Handshake } from "./handshake.ts";
import { OUTSTANDING_PER_CONNECTION_MAX } from "./limits.ts";
import { operationOf } from "./operations/index.ts";
import type { ConnectionOperation, Operation } from "./operations/operation.ts";
import type { RequestPipeline } from "./request-pipeline.ts";

/** A request that nobody knows is answered before anything was looked at, so its reply shows no state. */
const NO_ZXID = -1;

const WORD_BYTES = 4;
/** What follows a word, where something does: the new trace mask. */
const WORD_ARGUMENT_BYTES: Readonly<Record<string, number>> = { stmk: 8 };

/** The connection that the bytes come over. */
export interface IntakeConnection extends HostedConnection, GreetingConnection {
  /** Four letters came instead of a handshake: the answer to them is all that it gets. */
  onWord(): void;
  noteRequest(operation: Operation | undefined): void;
}

/** What the intake works with, each the connection's own. */
export interface IntakeParts {
  readonly credentials: Credentials;
  readonly pipeline: RequestPipeline;
}

export class RequestIntake {
  readonly #connection: IntakeConnection;
  readonly #host: ConnectionHost;
  readonly #flow: ClientFlow;
  readonly #credentials: Credentials;
  readonly #pipeline: RequestPipeline;
  readonly #frames: FrameReader;
  readonly #requestBytesHigh: number;
  /** Four bytes have come, and were no word. */
  #hasBegun = false;
  #handshake: Handshake | null = null;
  #isDeaf = false;
  /** A password waits to be looked at: ends the waiting. */
  #stopProofWait: (() => void) | null = null;

  constructor(connection: IntakeConnection, host: ConnectionHost, parts: IntakeParts) {
    const { frameBytesMax, bounds } = host.options;
    this.#connection = connection;
    this.#host = host;
    this.#flow = connection.flow;
    this.#credentials = parts.credentials;
    this.#pipeline = parts.pipeline;
    this.#frames = new FrameReader(frameBytesMax);
    this.#requestBytesHigh = bounds.requestBytesHigh;
  }

  /** Its last request has come: nothing that comes after it is read. */
  get isDeaf(): boolean {
    return this.#isDeaf;
  }

  /** Bytes of memory held for what has come and was not taken. */
  get heldBytes(): number {
    return this.#frames.held;
  }

  /** The chunk is the intake's from here on. */
  add(chunk: Uint8Array): void {
    this.#frames.add(chunk);
  }

  deafen(): void {
    this.#isDeaf = true;
  }

  awaitQuorum(): void {
    this.#handshake?.awaitQuorum();
  }

  /** The connection ends: nothing is taken any more. */
  stop(): void {
    this.#handshake?.stop();
    this.#stopProofWait?.();
  }

  /** Takes requests until there is none, or a reason to wait. Says whether any was there. */
  take(): boolean {
    let isAny = false;
    while (this.#mayTake()) {
      const found = this.#frames.next();
      if (found === "more") break;
      isAny = true;
      if (found === "malformed") {
        this.#connection.drop(`a frame of ${this.#frames.announced} bytes is announced`);
        return true;
      }
      if (this.#onFrame()) continue;
      this.#frames.putBack();
      this.#flow.wait();
      break;
    }
    this.#flow.regulate(this.#frames.pending > 0 && (this.#flow.isWaiting || this.#connection.phase === "opening"));
    return isAny;
  }

  /** Before a handshake four letters may come instead of a length. Says whether frames are what comes. */
  bringsFrames(): boolean {
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
    if (this.#host.turns.isFull) {
      this.#flow.goOnSoon();
      return false;
    }
    this.#hasBegun = true;
    this.#connection.onWord();
    const { fourLetterWord } = this.#host.options;
    const argument = bytesOf(whole.slice(WORD_BYTES));
    const isKnown = fourLetterWord?.(word, (text) => this.#answerWord(text), this.#connection, argument) ?? false;
    if (!isKnown) this.#connection.drop(`"${word}" is no word that is known here`);
    return false;
  }

  #answerWord(text: string): void {
    if (this.#connection.phase !== "answering") return;
    this.#flow.output.writer.text(toByteString(text));
    this.#host.turns.work += text.length;
    this.#connection.end();
  }

  #mayTake(): boolean {
    if (this.#isDeaf || (this.#connection.phase !== "open" && this.#connection.phase !== "greeting")) return false;
    if (this.#stopProofWait !== null) {
      this.#flow.wait();
      return false;
    }
    if (!this.#flow.mayGoOn()) return false;
    if (this.#hasRoomForRequests && (this.#pipeline.count === 0 || !this.#host.isOverloaded)) return true;
    this.#flow.wait();
    return false;
  }

  get #hasRoomForRequests(): boolean {
    const { count, heldBytes } = this.#pipeline;
    return count < OUTSTANDING_PER_CONNECTION_MAX && heldBytes <= this.#requestBytesHigh;
  }

  // ------------------------------------------------------------------------------------------------------- requests

  /** Says false when the frame cannot be taken now, and must be offered again. */
  #onFrame(): boolean {
    const { bytes, start, end } = this.#frames;
    const reader = this.#host.reader.reset(bytes, start, end);
    if (this.#connection.phase === "greeting") return this.#onGreeting(reader);
    if (end - start < REQUEST_HEADER_BYTES) {
      this.#connection.drop("a request without a whole header");
      return true;
    }
    const xid = reader.int32();
    const opcode = reader.int32();
    const operation = operationOf(opcode);
    if (operation === undefined) {
      this.#pipeline.answer(null, xid, NO_ZXID, { error: ERROR.unimplemented, body: null, ends: true });
    } else if (this.#host.requiredSchemes !== null && !this.#isAdmitted(operation)) {
      this.#pipeline.answerError(operation, xid, ERROR.sessionClosedRequireSaslAuth, true);
    } else if (!this.#onRequest(operation, opcode === OPCODE.ping ? XID.ping : xid, reader)) {
      return false;
    }
    this.#connection.noteRequest(operation);
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
    let isAnswered: boolean;
    if (this.#handshake === null) {
      this.#handshake = new Handshake(this.#connection, this.#host);
      isAnswered = this.#handshake.onFrame(reader);
    } else {
      isAnswered = this.#handshake.retry();
    }
    if (isAnswered) this.#connection.noteRequest(undefined);
    return isAnswered;
  }

  #isAdmitted({ kind }: Operation): boolean {
    if (kind === "auth" || kind === "sasl") return true;
    return this.#credentials.hasAnyOf(this.#host.requiredSchemes!);
  }

  /** Says false when its password may not be looked at yet: it waits, with all that comes behind it. */
  #onProof(operation: ConnectionOperation, xid: number, reader: ByteReader): boolean {
    const now = this.#host.turns.time;
    const answer =
      operation.kind === "auth" ? this.#credentials.onAuth(reader, now) : this.#credentials.onSasl(reader, now);
    if (answer.kind === "wait") {
      this.#awaitTurnToProve(answer.milliseconds);
      return false;
    }
    if (answer.failure !== null) this.#host.noteFailedProof(this.#connection, answer.failure);
    if (answer.kind === "unreadable") this.#connection.drop("an authentication that cannot be read");
    else this.#pipeline.answer(operation, xid, 0, answer); // ZooKeeper gives no revision here
    return true;
  }

  #awaitTurnToProve(milliseconds: number): void {
    this.#stopProofWait = this.#host.options.clock.after(milliseconds, () => {
      this.#stopProofWait = null;
      this.#flow.goOnSoon();
    });
  }
}
