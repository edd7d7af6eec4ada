// A session as its users see it: one life with the servers, from the first handshake to its loss. Whoever holds something
// by it (an ephemeral node, a lock) holds it no longer than its signal is silent.

import type { SessionLostError } from "./errors.ts";
import type { Attached } from "./records.ts";

export interface Session {
  /** 64 bits; what `ephemeralOwner` of its nodes says. */
  readonly id: bigint;
  /** The secret that lets a session be attached to by another connection. */
  readonly password: Uint8Array;
  /** As the servers agreed to it: so much silence, and they expire it. */
  readonly timeoutMs: number;
  /**
   * Served by a server without a quorum: it answers reads, and changes nothing. When one with a quorum is found the client goes
   * there; a session that was begun without one ends then.
   */
  readonly isReadOnly: boolean;
  /**
   * Aborts when the session is lost or closed, with a {@link SessionLostError} as its reason. At the latest at the session's
   * deadline, which is counted from when the last answered ping was sent: no server can have expired it earlier,
   * however long that answer took. (A blocked event loop delays every signal; `expiresInMs` does not wait for it.)
   */
  readonly signal: AbortSignal;
  /** Milliseconds to the deadline unless a ping is answered until then; 0 when the session is over. Never late. */
  expiresInMs(): number;
}

export class LiveSession implements Session {
  readonly id: bigint;
  password: Uint8Array;
  timeoutMs: number;
  isReadOnly: boolean;
  /** When the last handshake or ping was sent that was answered by a server with a quorum. */
  confirmedAt: number;
  /** Begun with a server that has no quorum, whose word alone it lives by. */
  readonly #isLocal: boolean;
  readonly #controller = new AbortController();
  readonly #now: () => number;
  readonly #rateMargin: number;

  constructor(attached: Attached, sentAt: number, now: () => number, rateMargin: number) {
    this.id = attached.sessionId;
    this.password = attached.password;
    this.timeoutMs = attached.timeoutMs;
    this.isReadOnly = attached.readOnly;
    this.#isLocal = attached.readOnly;
    this.confirmedAt = sentAt;
    this.#now = now;
    this.#rateMargin = rateMargin;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** By the client's clock. */
  get deadline(): number {
    return this.confirmedAt + this.timeoutMs * (1 - this.#rateMargin);
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** It lives on, on another connection. */
  renew(attached: Attached, sentAt: number): void {
    this.password = attached.password;
    this.timeoutMs = attached.timeoutMs;
    this.isReadOnly = attached.readOnly;
    this.confirm(sentAt);
  }

  /** A server without a quorum cannot speak for those who have one, and count the time of a session that they opened. */
  confirm(sentAt: number): void {
    if (this.isReadOnly && !this.#isLocal) return;
    if (sentAt > this.confirmedAt) this.confirmedAt = sentAt;
  }

  expiresInMs(): number {
    return this.isOver ? 0 : Math.max(0, this.deadline - this.#now());
  }

  /** The first reason is the one that counts. */
  end(reason: SessionLostError): void {
    this.#controller.abort(reason);
  }
}
