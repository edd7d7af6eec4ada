// A client's first request: a session is opened, or one that it had elsewhere is attached here, through the log, so that
// every member agrees who serves it. What cannot be is answered as ZooKeeper does: with a session of zeros for one that is
// not known any more, with a closed connection where another member may do better.

import { type ByteReader, MalformedError } from "../../base/bytes.ts";
import type { CoordinationError } from "../../base/errors.ts";
import { byteString, bytesOf, equalsSecretly } from "../../base/text.ts";
import type { Waiter } from "../../replica/replica-port.ts";
import { encodeAttachLease, encodeOpenLease, PASSWORD_BYTES } from "../../state/leases/commands.ts";
import type { Outcome } from "../../state/types.ts";
import { type ConnectRequest, readConnectRequest, writeConnectReply } from "./codec/records.ts";
import type { Connection } from "./connection.ts";
import { PASSWORD_BYTES_MAX } from "./limits.ts";
import type { Service } from "./service.ts";

const NO_PASSWORD = new Uint8Array(PASSWORD_BYTES);

/** The session's timeout that a handshake asks for; 0 where it cannot be read. */
export function askedTimeoutMs(reader: ByteReader): number {
  const { offset } = reader;
  try {
    return Math.max(0, readConnectRequest(reader).timeoutMs);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return 0;
  } finally {
    reader.offset = offset;
  }
}

export class Handshake implements Waiter {
  readonly #connection: Connection;
  readonly #service: Service;
  #password = "";
  /** The client's record ends with `readOnly`, and so will its reply's. */
  #knowsReadOnly = false;

  constructor(connection: Connection, service: Service) {
    this.#connection = connection;
    this.#service = service;
  }

  /** Says false when it cannot be answered now, and should be offered again. */
  onRequest(reader: ByteReader): boolean {
    let request: ConnectRequest;
    try {
      request = readConnectRequest(reader);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#connection.drop("its first frame is no handshake");
      return true;
    }
    const refusal = this.#refusalOf(request);
    if (refusal !== null) {
      this.#note(request);
      this.#connection.drop(refusal);
      return true;
    }
    this.#knowsReadOnly = request.readOnly !== null;
    if (this.#service.mode === "read-only") this.#serveReadOnly(request);
    else return this.#propose(request);
    return true;
  }

  /** Counts it, once: a handshake that cannot be answered yet is offered again. */
  #note({ sessionId }: ConnectRequest): void {
    const { counters } = this.#service;
    counters.handshakes += 1;
    if (sessionId !== 0) counters.reattachments += 1;
  }

  /** Why this client should try another member. */
  #refusalOf({ lastZxidSeen, readOnly }: ConnectRequest): string | null {
    const { mode, member } = this.#service;
    if (mode === "refusing" || (mode === "read-only" && readOnly !== true)) {
      this.#service.counters.closedWithoutQuorum += 1;
    }
    if (mode === "refusing") return "there is no quorum";
    if (mode === "read-only" && readOnly !== true) return "there is no quorum, and it wants to write";
    if (lastZxidSeen > member.machine.revision) {
      return `it has seen 0x${lastZxidSeen.toString(16)}, this member 0x${member.machine.revision.toString(16)}`;
    }
    return null;
  }

  #propose(request: ConnectRequest): boolean {
    const { member, options } = this.#service;
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
    this.#note(request);
    const timeoutMs = this.#clamp(request.timeoutMs);
    this.#connection.phase = "opening";
    if (request.sessionId === 0) {
      this.#password = textOf(options.hashes.randomBytes(PASSWORD_BYTES));
      encodeOpenLease(member.begin(), timeoutMs, this.#password);
    } else {
      this.#password = textOf(request.password ?? new Uint8Array(0));
      encodeAttachLease(member.begin(), request.sessionId, this.#password, timeoutMs);
    }
    member.commit(this);
    return true;
  }

  #clamp(timeoutMs: number): number {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#service.options;
    return Math.min(maxSessionTimeoutMs, Math.max(minSessionTimeoutMs, timeoutMs));
  }

  onOutcome(outcome: Outcome, _revision: number): void {
    if (this.#connection.phase !== "opening") return; // gone meanwhile: the session ends by its timeout
    try {
      if (outcome.kind === "lease-opened" || outcome.kind === "lease-attached") {
        this.#accept(outcome.id, outcome.timeoutMs);
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
    const { member, options } = this.#service;
    this.#note(request);
    this.#connection.readOnly = true;
    if (request.sessionId === 0) {
      this.#password = textOf(options.hashes.randomBytes(PASSWORD_BYTES));
      this.#connection.isLocal = true;
      this.#accept(this.#service.newLocalId(), this.#clamp(request.timeoutMs));
      return;
    }
    const lease = member.machine.lease(request.sessionId);
    this.#password = textOf(request.password ?? new Uint8Array(0));
    if (lease === undefined || !equalsSecretly(lease.password, this.#password)) this.#refuse();
    else this.#accept(lease.id, this.#clamp(request.timeoutMs));
  }

  #accept(sessionId: number, timeoutMs: number): void {
    this.#reply(timeoutMs, sessionId, bytesOf(this.#password));
    this.#connection.onOpened(sessionId, timeoutMs);
  }

  #refuse(): void {
    this.#reply(0, 0, NO_PASSWORD);
    this.#connection.end();
  }

  #reply(timeoutMs: number, sessionId: number, password: Uint8Array): void {
    const readOnly = this.#knowsReadOnly ? this.#connection.readOnly : null;
    writeConnectReply(this.#connection.writer, { protocolVersion: 0, timeoutMs, sessionId, password, readOnly });
    this.#connection.packetsSent += 1;
    this.#service.counters.packetsSent += 1;
  }
}

function textOf(bytes: Uint8Array): string {
  return byteString(bytes, 0, bytes.length);
}
