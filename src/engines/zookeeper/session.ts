// The client's session as the engine port has it, with one listener on the client's signal for all who depend on it.

import { assert } from "../../base/assert.ts";
import { callBack } from "../../base/callback.ts";
import { type Session, SessionLostError } from "../../protocols/zookeeper/client/index.ts";
import type { EngineSession, SessionLossCause, SessionState } from "../../recipes/engine.ts";

/** As ZooKeeper's tools show it. */
export function showSessionId(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}

export class ZooKeeperSession implements EngineSession {
  readonly id: string;
  readonly #session: Session;
  readonly #onListenerError: (error: unknown) => void;
  #state: SessionState = { kind: "sure" };
  readonly #listeners = new Set<(state: SessionState) => void>();

  /** `onListenerError` gets what a listener throws; the others are told all the same. */
  constructor(session: Session, onListenerError: (error: unknown) => void) {
    this.#session = session;
    this.#onListenerError = onListenerError;
    this.id = showSessionId(session.id);
    const onLost = () => this.#become(lossOf(session.signal.reason));
    if (session.signal.aborted) onLost();
    else session.signal.addEventListener("abort", onLost, { once: true });
  }

  /** The client's session. Not an own property: it has a secret, and programs log this object with the status. */
  get session(): Session {
    return this.#session;
  }

  get timeoutMs(): number {
    return this.session.timeoutMs;
  }

  get state(): SessionState {
    this.session.expiresInMs(); // ends it now if its deadline has passed and no timer has run yet
    return this.#state;
  }

  expiresIn(): number {
    return this.session.expiresInMs();
  }

  onState(listener: (state: SessionState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onConnected(): void {
    if (this.#state.kind === "unsure") this.#become({ kind: "sure" });
  }

  onDisconnected(why: string): void {
    if (this.#state.kind === "sure") this.#become({ kind: "unsure", why });
  }

  toJSON(): Record<string, unknown> {
    const { id, timeoutMs } = this;
    return { id, timeoutMs, state: this.#state.kind, expiresInMs: Math.round(this.expiresIn()) };
  }

  #become(state: SessionState): void {
    assert(this.#state.kind !== "lost", "a lost session stays lost");
    this.#state = state;
    for (const listener of [...this.#listeners]) callBack(listener, state, this.#onListenerError);
    if (state.kind === "lost") this.#listeners.clear();
  }
}

function lossOf(reason: unknown): SessionState {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  return {
    kind: "lost",
    cause: error instanceof SessionLostError ? CAUSES[error.lossCause] : "session-expired",
    error,
  };
}

const CAUSES: Readonly<Record<SessionLostError["lossCause"], SessionLossCause>> = {
  expired: "session-expired",
  "auth-failed": "session-expired",
  deadline: "deadline",
  closed: "closed",
};
