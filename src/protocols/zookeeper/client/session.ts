// A session, from the first handshake to its loss. What depends on it (an ephemeral node, a lock) is held only until its signal
// aborts.

import { assert } from "../../../base/assert.ts";
import { type SessionLostError, showSessionId } from "./errors.ts";
import type { ConnectResponse } from "./records.ts";

export interface Session {
  /** 64 bits; the `ephemeralOwner` of its nodes. */
  readonly id: bigint;
  /** The secret with which another connection can attach to the session; not shown by `JSON` and the console. */
  readonly password: Uint8Array;
  /** The servers expire the session after so many milliseconds of silence; agreed with them. */
  readonly timeoutMs: number;
  /**
   * Served by a server without a quorum, which answers reads only. The client moves to a server with a quorum when it finds one; a
   * session that was begun without a quorum ends then.
   */
  readonly isReadOnly: boolean;
  /**
   * Aborts when the session is lost or closed, with a {@link SessionLostError} as its reason; at the latest at the session's deadline.
   * The deadline is counted from when the last answered ping was sent, so no server can have expired the session earlier. A blocked
   * event loop delays every signal; but this property and `expiresInMs` read the clock, and abort it after the deadline.
   */
  readonly signal: AbortSignal;
  /** Milliseconds to the deadline, which an answered ping moves; 0 when the session is over. Reads the clock. */
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
  /** Called before the session's state is read: after its deadline it ends first. */
  readonly onLook: () => void;
}

/** Called by Node's `console.log` and `util.inspect`. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** It has no own properties, so that logging a session, or an object that has one, does not log its password. */
export class ManagedSession implements Session {
  readonly #id: bigint;
  #password: Uint8Array;
  #timeoutMs: number;
  #isReadOnly: boolean;
  /** When the last handshake or ping that a server with a quorum answered was sent. */
  #confirmedAt: number;
  /** Begun with a server without a quorum, and known only there. */
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

  /** It goes on with another connection. */
  renew(attached: ConnectResponse, sentAt: number): void {
    assert(attached.sessionId === this.#id && !this.isOver, "only a session that lives goes on");
    this.#password = attached.password;
    this.#timeoutMs = attached.timeoutMs;
    this.#isReadOnly = attached.readOnly;
    this.confirm(sentAt);
  }

  /** A server without a quorum cannot renew a session that the quorum opened. */
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
