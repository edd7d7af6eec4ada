// A client's first request. It opens a session, or attaches one that the client had on another member. Both go through the log,
// so that all members agree on who serves the session. Refusals are ZooKeeper's: a session of zeros if the session is unknown,
// a closed connection if another member may do better.

import { assert } from "../../base/assert.ts";
import { type ByteReader, type ByteWriter, MalformedError } from "../../base/bytes.ts";
import type { CoordinationError } from "../../base/errors.ts";
import { byteString, bytesOf, equalsSecretly } from "../../base/text.ts";
import type { Waiter } from "../../replica/replica-port.ts";
import { encodeAttachLease, encodeOpenLease, SECRET_BYTES } from "../../state/leases/commands.ts";
import type { LeaseOutcome } from "../../state/leases/lease.ts";
import { Leases } from "../../state/leases/leases.ts";
import { type ConnectRequest, readConnectRequest, writeConnectReply } from "./codec/records.ts";
import type { ConnectionHost, Phase } from "./connection-host.ts";
import { HANDSHAKE_WAIT_SHARE, PASSWORD_BYTES_MAX } from "./limits.ts";
import type { Session } from "./session.ts";

const NO_PASSWORD = new Uint8Array(SECRET_BYTES);

/** The connection whose client says who it is. */
export interface GreetingConnection {
  readonly phase: Phase;
  readonly session: Session;
  /** For the reply. */
  readonly writer: ByteWriter;
  /** The request is before the cluster: until it is decided, nothing more is taken. */
  onOpening(): void;
  /** The session is open and has been answered. */
  onOpened(): void;
  notePacketSent(): void;
  end(): void;
  drop(reason: string): void;
  fail(error: unknown): void;
}

/** One a connection. The request is decoded once; while it cannot be answered, it waits here. */
export class Handshake implements Waiter<LeaseOutcome> {
  readonly #connection: GreetingConnection;
  readonly #host: ConnectionHost;
  #request: ConnectRequest | null = null;
  /** When it came, in monotonic milliseconds. */
  #receivedAt = 0;
  #password = "";
  #stopWaiting: (() => void) | null = null;

  constructor(connection: GreetingConnection, host: ConnectionHost) {
    this.#connection = connection;
    this.#host = host;
  }

  /** The first frame. False: it cannot be answered now, and `retry` is to be called once that may have changed. */
  onFrame(reader: ByteReader): boolean {
    assert(this.#request === null, "a connection has one handshake");
    try {
      this.#request = readConnectRequest(reader);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#connection.drop("its first frame is no handshake");
      return true;
    }
    this.#receivedAt = this.#host.turns.time;
    const { counters } = this.#host;
    counters.handshakes += 1;
    if (this.#request.sessionId !== 0) counters.reattachments += 1;
    return this.retry();
  }

  /** Tries again to answer the request; says whether that was possible. */
  retry(): boolean {
    const request = this.#request;
    assert(request !== null && this.#connection.phase === "greeting", "a handshake that is not due");
    const { mode } = this.#host;
    if (mode === "waiting") {
      this.awaitQuorum();
      return false;
    }
    const refusal = this.#refusalOf(request);
    if (refusal !== null) this.#connection.drop(refusal);
    else if (mode === "read-only") this.#serveReadOnly(request);
    else return this.#propose(request);
    return true;
  }

  /**
   * There is no quorum for a moment. A handshake waits for it as long as its client can spare: it has other members to try
   * before its session is over.
   */
  awaitQuorum(): void {
    if (this.#request === null || this.#stopWaiting !== null || !this.#isUnanswered) return;
    const { clock } = this.#host.options;
    const until = this.#receivedAt + Math.max(0, this.#request.timeoutMs) * HANDSHAKE_WAIT_SHARE;
    this.#stopWaiting = clock.after(Math.max(0, until - clock.now()), () => {
      this.#stopWaiting = null;
      if (!this.#isUnanswered || this.#host.mode !== "waiting") return;
      this.#host.counters.closedWithoutQuorum += 1;
      this.#connection.drop("there is no quorum, and it can wait no longer");
    });
  }

  /** The connection has ended, or is open. */
  stop(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    this.#request = null; // it points into its frame, which may be long
  }

  get #isUnanswered(): boolean {
    const { phase } = this.#connection;
    return phase === "greeting" || phase === "opening";
  }

  /** Why this client should try another member. */
  #refusalOf({ lastZxidSeen, readOnly }: ConnectRequest): string | null {
    const { mode, member, counters } = this.#host;
    if (mode === "refusing" || (mode === "read-only" && readOnly !== true)) {
      counters.closedWithoutQuorum += 1;
      return mode === "refusing" ? "there is no quorum" : "there is no quorum, and it wants to write";
    }
    if (lastZxidSeen > member.machine.sequence) {
      return `it has seen 0x${lastZxidSeen.toString(16)}, this member 0x${member.machine.sequence.toString(16)}`;
    }
    return null;
  }

  #propose(request: ConnectRequest): boolean {
    const { member, options } = this.#host;
    if (request.sessionId !== 0 && !Number.isSafeInteger(request.sessionId)) {
      this.#refuse(); // no session was ever given such a number
      return true;
    }
    if ((request.password?.length ?? 0) > PASSWORD_BYTES_MAX) {
      this.#refuse();
      return true;
    }
    const admission = member.admission();
    if (admission === "no-space") {
      this.#connection.drop("the disk is full: no session can be opened");
      return true;
    }
    if (admission !== "open") return false;
    const timeoutMs = this.#clamp(request.timeoutMs);
    this.#connection.onOpening();
    if (request.sessionId === 0) {
      this.#password = textOf(options.hashes.randomBytes(SECRET_BYTES));
      encodeOpenLease(member.begin(), timeoutMs, this.#password);
    } else {
      this.#password = textOf(request.password ?? new Uint8Array(0));
      encodeAttachLease(member.begin(), request.sessionId, this.#password, timeoutMs);
    }
    member.commit(this.#host.leases, this);
    return true;
  }

  #clamp(timeoutMs: number): number {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#host.options;
    return Math.min(maxSessionTimeoutMs, Math.max(minSessionTimeoutMs, timeoutMs));
  }

  onOutcome(outcome: LeaseOutcome, _revision: number): void {
    if (this.#connection.phase !== "opening") return; // gone meanwhile: the session ends by its timeout
    try {
      if (outcome.kind === "lease-opened" || outcome.kind === "lease-attached") {
        this.#accept(outcome.id, outcome.timeoutMs ?? 0);
      } else {
        this.#refuse();
      }
    } catch (thrown) {
      this.#connection.fail(thrown);
    }
  }

  onRefused(error: CoordinationError): void {
    if (this.#connection.phase === "opening") this.#connection.drop(error.message);
  }

  /** Without a quorum: a session of this member alone, or one of the cluster's that it remembers. */
  #serveReadOnly(request: ConnectRequest): void {
    const { member, options } = this.#host;
    const { session } = this.#connection;
    session.isReadOnly = true;
    if (request.sessionId === 0) {
      this.#password = textOf(options.hashes.randomBytes(SECRET_BYTES));
      session.isLocal = true;
      this.#accept(this.#host.newLocalId(), this.#clamp(request.timeoutMs));
      return;
    }
    const lease = member.machine.model(Leases).get(request.sessionId);
    this.#password = textOf(request.password ?? new Uint8Array(0));
    const isProved = lease?.secret != null && equalsSecretly(lease.secret, this.#password);
    if (!isProved) this.#refuse();
    else this.#accept(lease.id, this.#clamp(request.timeoutMs));
  }

  #accept(sessionId: number, timeoutMs: number): void {
    this.#reply(timeoutMs, sessionId, bytesOf(this.#password));
    this.stop();
    this.#connection.session.open(sessionId, timeoutMs);
    this.#connection.onOpened();
  }

  #refuse(): void {
    this.#reply(0, 0, NO_PASSWORD);
    this.#connection.end();
  }

  #reply(timeoutMs: number, sessionId: number, password: Uint8Array): void {
    // The reply ends with `readOnly` where the client's record did.
    const readOnly = this.#request!.readOnly === null ? null : this.#connection.session.isReadOnly;
    writeConnectReply(this.#connection.writer, { protocolVersion: 0, timeoutMs, sessionId, password, readOnly });
    this.#connection.notePacketSent();
  }
}

function textOf(bytes: Uint8Array): string {
  return byteString(bytes, 0, bytes.length);
}
