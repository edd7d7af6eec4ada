// One connection to one server, from its dialling to its end: handshake, frames, requests and replies in their order. It is used
// once; the session and the watches, which outlive it, are in `session-manager.ts`.
//
// Replies and events that arrive together are delivered in separate turns of the loop, in the order of the wire. So a watch never
// fires before the read that set it has returned, and new data is never seen before the event that announces it.

import { ByteReader, ByteWriter, MalformedError } from "../../../base/bytes.ts";
import { FrameReader } from "../../../transport/frame-reader.ts";
import { beginFrame, endFrame, readText } from "../codec/jute.ts";
import { EVENT_TYPE, REPLY_HEADER_BYTES, XID } from "../codec/records.ts";
import { ERROR } from "../errors.ts";
import type { Call } from "./call.ts";
import { badArguments, errorOf, reasonOf } from "./errors.ts";
import type { ClientPorts, Link, LinkEvents, Target } from "./ports.ts";
import { type ConnectRequest, type ConnectResponse, readConnectResponse, writeConnectRequest } from "./records.ts";
import type { NodeEventType } from "./types.ts";

export interface ServerEvent {
  readonly type: NodeEventType;
  /** The server's path, a character a byte. */
  readonly path: string;
  readonly zxid: bigint | null;
}

export interface ConnectionOwner {
  /** The server's answer to the handshake, whose request left at `sentAt`. */
  onAttached(connection: Connection, attached: ConnectResponse, sentAt: number): void;
  /** The server answered in its state of `zxid`: this session has seen so much. */
  onAnswered(connection: Connection, zxid: bigint): void;
  /** The leader has renewed the session, no earlier than `sentAt`, when the request was sent. */
  onConfirmed(connection: Connection, sentAt: number): void;
  onEvent(connection: Connection, event: ServerEvent): void;
  /** A chunk was handled, or as much of it as can be in this turn. */
  onHeard(connection: Connection): void;
  /** An answer that concerns the session, not only its request. */
  onFatalAnswer(connection: Connection, errorCode: number): void;
  /** Once, unless it was ended by `destroy`. `why` is half a sentence: "closed the connection". */
  onEnded(connection: Connection, why: string): void;
}

export interface ConnectionOptions {
  readonly requestBytesMax: number;
  readonly replyBytesMax: number;
}

const EVENT_TYPES: ReadonlyMap<number, NodeEventType> = new Map(
  Object.entries(EVENT_TYPE).map(([type, number]) => [number, type as NodeEventType]),
);
/** Answers that concern the session, not only the request. */
const FATAL: ReadonlySet<number> = new Set([
  ERROR.sessionExpired,
  ERROR.sessionMoved,
  ERROR.sessionClosedRequireSaslAuth,
]);

/** `dialing`: not connected yet. `greeting`: the handshake is under way. `open`: requests may be sent. */
type ConnectionPhase = "dialing" | "greeting" | "open" | "ended";

export class Connection implements LinkEvents {
  readonly target: Target;
  readonly openedAt: number;
  phase: ConnectionPhase = "dialing";
  /** Nobody listens there. */
  wasRefused = false;
  /** When the last bytes came. */
  heardAt: number;
  /** When the handshake or the last ping was sent, and when the last answer to one of them came. */
  pingedAt: number;
  confirmationHeardAt: number;
  readonly #owner: ConnectionOwner;
  readonly #clock: ClientPorts["clock"];
  readonly #options: ConnectionOptions;
  readonly #connectRequest: ConnectRequest;
  readonly #link: Link;
  readonly #frames: FrameReader;
  readonly #writer = new ByteWriter(1024);
  readonly #reader = new ByteReader(new Uint8Array(0));
  readonly #ordinary = new Waiting();
  /** Answered out of turn: pings, proofs of identity and watches set again, each among themselves in order. */
  readonly #extraordinary = new Map<number, Waiting>();
  #nextXid = 1;
  /** What was delivered last in this turn of the loop. */
  #told: "nothing" | "reply" | "event" = "nothing";
  #isWaitingForTurn = false;

  constructor(
    target: Target,
    connectRequest: ConnectRequest,
    owner: ConnectionOwner,
    { transport, clock }: Pick<ClientPorts, "transport" | "clock">,
    options: ConnectionOptions,
  ) {
    this.target = target;
    this.#connectRequest = connectRequest;
    this.#owner = owner;
    this.#clock = clock;
    this.#options = options;
    this.#frames = new FrameReader(options.replyBytesMax);
    this.openedAt = clock.now();
    this.heardAt = this.openedAt;
    this.pingedAt = this.openedAt;
    this.confirmationHeardAt = this.openedAt;
    this.#link = transport.dial(target, this);
  }

  /** The calls without an answer. */
  *calls(): Iterable<Call> {
    for (const waiting of this.#extraordinary.values()) yield* waiting.calls();
    yield* this.#ordinary.calls();
  }

  /** When the oldest request without an answer was sent; null: all are answered. */
  get oldestRequestAt(): number | null {
    let oldest = this.#ordinary.oldestAt;
    for (const { oldestAt } of this.#extraordinary.values()) {
      if (oldestAt !== null && (oldest === null || oldestAt < oldest)) oldest = oldestAt;
    }
    return oldest;
  }

  /** When the oldest ping without an answer was sent; null: all are answered. */
  get oldestPingAt(): number | null {
    return this.#extraordinary.get(XID.ping)?.oldestAt ?? null;
  }

  // ------------------------------------------------------------------------------------------------------ to the server

  /** Sends them in one write. */
  send(calls: Iterable<Call>): void {
    const now = this.#clock.now();
    for (const call of calls) this.#encode(call, now);
    this.#flush();
  }

  #encode(call: Call, now: number): void {
    const { request } = call;
    const xid = request.xid ?? this.#nextXid;
    const writer = this.#writer;
    const mark = beginFrame(writer);
    writer.int32(xid);
    writer.int32(request.opcode);
    request.encode(writer);
    endFrame(writer, mark);
    const bytes = writer.length - mark - 4;
    if (bytes > this.#options.requestBytesMax) {
      writer.length = mark;
      const why = `the request is ${bytes} bytes long, ${this.#options.requestBytesMax} are allowed (requestBytesMax)`;
      call.reject(badArguments(request.name, request.path, why));
      return;
    }
    call.sentAt = now;
    if (request.xid === XID.ping) this.pingedAt = now;
    if (request.xid === undefined) {
      this.#nextXid = this.#nextXid === 0x7fffffff ? 1 : this.#nextXid + 1;
      this.#ordinary.push({ xid, call });
    } else {
      const waiting = this.#extraordinary.get(xid) ?? new Waiting();
      waiting.push({ xid, call });
      this.#extraordinary.set(xid, waiting);
    }
  }

  #flush(): void {
    if (this.#writer.length === 0) return;
    const bytes = this.#writer.copy();
    this.#writer.clear();
    this.#link.write(bytes);
  }

  /** Cuts it without telling its owner; returns the calls without an answer. `done` is called when nothing of it is left. */
  destroy(done?: () => void): Call[] {
    this.phase = "ended";
    this.#link.destroy(done);
    const calls = [...this.calls()];
    this.#extraordinary.clear();
    this.#ordinary.clear();
    for (const call of calls) call.release();
    return calls;
  }

  /** Ends it from this side. */
  end(why: string): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.#link.destroy();
    this.#owner.onEnded(this, why);
  }

  // ---------------------------------------------------------------------------------------------------- from the server

  onOpen(): void {
    if (this.phase !== "dialing") return;
    this.phase = "greeting";
    this.pingedAt = this.#clock.now();
    writeConnectRequest(this.#writer, this.#connectRequest);
    this.#flush();
  }

  onData(chunk: Uint8Array): void {
    if (this.phase === "ended") return;
    this.heardAt = this.#clock.now();
    this.#frames.add(chunk);
    if (!this.#isWaitingForTurn) this.#readFrames();
  }

  onClose(error: Error | null): void {
    if (this.phase === "ended") return;
    const wasDialing = this.phase === "dialing";
    this.wasRefused = wasDialing && error !== null && "code" in error && error.code === "ECONNREFUSED";
    const why = error === null ? "closed the connection" : wasDialing ? "cannot be reached" : "was cut off";
    this.end(error === null ? why : `${why}: ${error.message}`);
  }

  #readFrames(): void {
    try {
      while (this.#isOpen() && !this.#isWaitingForTurn) {
        const found = this.#frames.next();
        if (found === "malformed")
          this.end(`announced a frame of ${this.#frames.announced} bytes: is this a ZooKeeper?`);
        if (found !== "frame") break;
        this.#onFrame(this.#reader.reset(this.#frames.bytes, this.#frames.start, this.#frames.end));
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.end(`sent what cannot be read: ${error.message}`);
    }
    if (this.#isOpen()) this.#owner.onHeard(this);
  }

  /** Checked after every call to the owner, which may have ended the connection. */
  #isOpen(): boolean {
    return this.phase !== "ended";
  }

  #onFrame(reader: ByteReader): void {
    if (this.phase === "greeting") {
      if (reader.remaining === REPLY_HEADER_BYTES) {
        reader.skip(REPLY_HEADER_BYTES - 4);
        this.end(`refused a session: ${reasonOf(reader.int32())}`); // a ZooKeeper without a quorum, nor local sessions
        return;
      }
      const attached = readConnectResponse(reader);
      this.phase = "open";
      this.confirmationHeardAt = this.heardAt;
      this.#owner.onAttached(this, attached, this.pingedAt);
      return;
    }
    const xid = reader.int32();
    const kind = xid === XID.notification ? "event" : "reply";
    if (this.#told !== "nothing" && this.#told !== kind) {
      this.#frames.putBack();
      this.#waitForTurn();
      return;
    }
    this.#tell(kind);
    const zxid = reader.bigint64();
    const errorCode = reader.int32();
    if (kind === "event") this.#onNotification(reader, zxid);
    else this.#onReply(xid, zxid, errorCode, reader);
  }

  #onNotification(reader: ByteReader, zxid: bigint): void {
    const type = EVENT_TYPES.get(reader.int32());
    reader.int32(); // the state, which the connection shows better
    const path = readText(reader);
    if (type === undefined) throw new MalformedError("an event of no known type");
    this.#owner.onEvent(this, { type, path, zxid: zxid > 0n ? zxid : null });
  }

  #onReply(xid: number, zxid: bigint, errorCode: number, reader: ByteReader): void {
    const next = (this.#extraordinary.get(xid) ?? this.#ordinary).shift();
    if (next?.xid !== xid) {
      if (next !== undefined) this.#ordinary.unshift(next);
      this.end(`answered request ${xid} where ${next === undefined ? "none" : next.xid} was due`);
      return;
    }
    const { call } = next;
    call.release();
    if (FATAL.has(errorCode)) {
      call.answer(errorCode, reader, answerError(errorCode));
      this.#owner.onFatalAnswer(this, errorCode);
      return;
    }
    this.#owner.onAnswered(this, zxid);
    if (call.request.isConfirmedByLeader === true && errorCode === ERROR.ok) this.#onConfirmed(call.sentAt!);
    try {
      call.answer(errorCode, reader, answerError(errorCode));
    } catch (error) {
      if (error instanceof MalformedError) call.fail("connection-lost", "was answered with what cannot be read");
      throw error;
    }
  }

  #onConfirmed(sentAt: number): void {
    this.confirmationHeardAt = this.heardAt;
    this.#owner.onConfirmed(this, sentAt);
  }

  // ------------------------------------------------------------------------------------------- one kind of message a turn

  #tell(kind: "reply" | "event"): void {
    if (this.#told === "nothing") {
      this.#clock.defer(() => {
        this.#told = "nothing";
        if (!this.#isWaitingForTurn) return;
        this.#isWaitingForTurn = false;
        this.#readFrames();
      });
    }
    this.#told = kind;
  }

  #waitForTurn(): void {
    this.#isWaitingForTurn = true;
  }
}

function answerError(errorCode: number): (call: Call) => Error {
  return ({ request }) => errorOf(errorCode, request.name, request.path, request.isWrite);
}

interface Sent {
  readonly xid: number;
  readonly call: Call;
}

/** First in, first out. */
class Waiting {
  #sent: Sent[] = [];
  #head = 0;

  /** When the first of them was sent. */
  get oldestAt(): number | null {
    return this.#sent[this.#head]?.call.sentAt ?? null;
  }

  *calls(): Iterable<Call> {
    for (let i = this.#head; i < this.#sent.length; i++) yield this.#sent[i]!.call;
  }

  push(sent: Sent): void {
    this.#sent.push(sent);
  }

  shift(): Sent | undefined {
    const first = this.#sent[this.#head];
    if (first === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#sent.length) {
      this.#sent = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 > this.#sent.length) {
      this.#sent = this.#sent.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  unshift(sent: Sent): void {
    this.#sent = [sent, ...this.#sent.slice(this.#head)];
    this.#head = 0;
  }

  clear(): void {
    this.#sent = [];
    this.#head = 0;
  }
}
