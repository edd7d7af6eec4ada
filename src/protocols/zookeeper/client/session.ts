// A session as its users see it: one life with the servers, from the first handshake to its loss. Whoever holds something
// by it (an ephemeral node, a lock) holds it no longer than its signal is silent.

import { assert } from "../../../base/assert.ts";
import { type SessionLostError, showSessionId } from "./errors.ts";
import type { ConnectResponse } from "./records.ts";

export interface Session {
  /** 64 bits; what `ephemeralOwner` of its nodes says. */
  readonly id: bigint;
  /** The secret that lets a session be attached to by another connection: not in what `JSON` or the console show of it. */
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
   * however long that answer took. (A blocked event loop delays every signal. Whoever
   * reads this property, or calls `expiresInMs`, after the deadline finds it aborted: that asks the clock.)
   */
  readonly signal: AbortSignal;
  /** Milliseconds to the deadline unless a ping is answered until then; 0 when the session is over. Never late. */
  expiresInMs(): number;
}

/** A session in logs: without its secret, in types that JSON has. */
export interface SessionView {
  readonly id: string;
  readonly timeoutMs: number;
  readonly isReadOnly: boolean;
  readonly isOver: boolean;
  readonly expiresInMs: number;
}

interface ManagedSessionOptions {
  readonly now: () => number;
  readonly rateMargin: number;
  /** Somebody wants to know how it stands: when its deadline has passed, it ends before they are told. */
  readonly onLook: () => void;
}

/** What Node's `console.log` and `util.inspect` call. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Nothing of it is an own property: whoever logs a session, or something that holds one, does not log its password. */
export class ManagedSession implements Session {
  readonly #id: bigint;
  #password: Uint8Array;
  #timeoutMs: number;
  #isReadOnly: boolean;
  /** When the last handshake or ping was sent that was answered by a server with a quorum. */
  #confirmedAt: number;
  /** Begun with a server that has no quorum, whose word alone it lives by. */
  readonly #isLocal: boolean;
  readonly #controller = new AbortController();
  readonly #options: ManagedSessionOptions;

  constructor(attached: ConnectResponse, sentAt: number, options: ManagedSessionOptions) {
    this.#id = attached.sessionId;
    this.#password = attached.password;
    this.#timeoutMs = attached.timeoutMs;
    this.#isReadOnly = attached.readOnly;
    this.#isLocal = attached.readOnly;
    this.#confirmedAt = sentAt;
    this.#options = options;
  }

  get id(): bigint {
    return this.#id;
  }

  get password(): Uint8Array {
    return this.#password;
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  get signal(): AbortSignal {
    this.#options.onLook();
    return this.#controller.signal;
  }

  /** By the client's clock. */
  get deadline(): number {
    return this.#confirmedAt + this.#timeoutMs * (1 - this.#options.rateMargin);
  }

  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  /** It lives on, on another connection. */
  renew(attached: ConnectResponse, sentAt: number): void {
    assert(attached.sessionId === this.#id && !this.isOver, "only a session that lives goes on");
    this.#password = attached.password;
    this.#timeoutMs = attached.timeoutMs;
    this.#isReadOnly = attached.readOnly;
    this.confirm(sentAt);
  }

  /** A server without a quorum cannot speak for those who have one, and count the time of a session that they opened. */
  confirm(sentAt: number): void {
    if (this.#isReadOnly && !this.#isLocal) return;
    if (sentAt > this.#confirmedAt) this.#confirmedAt = sentAt;
  }

  expiresInMs(): number {
    this.#options.onLook();
    return this.isOver ? 0 : Math.max(0, this.deadline - this.#options.now());
  }

  /** The first reason is the one that counts. */
  end(reason: SessionLostError): void {
    this.#controller.abort(reason);
  }

  toJSON(): SessionView {
    const { timeoutMs, isReadOnly, isOver } = this;
    const leftMs = isOver ? 0 : Math.max(0, this.deadline - this.#options.now());
    return { id: showSessionId(this.#id), timeoutMs, isReadOnly, isOver, expiresInMs: Math.round(leftMs) };
  }

  [INSPECT](): SessionView {
    return this.toJSON();
  }
}
