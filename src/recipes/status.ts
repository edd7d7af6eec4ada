// The connection's status as plain data, for health checks and logs.

import { callBack } from "../base/callback.ts";
import type { Engine, EngineSession, EngineStatus } from "./engine.ts";
import { messageOf } from "./handle.ts";

/**
 * `connecting`: there is no session. `ready`: there is one; it is `unsure` while the servers are not reached. `closed`: there will be
 * none any more.
 */
export type CoordinationStatus =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly session: SessionStatus }
  | { readonly kind: "closed"; readonly reason: string };

export interface SessionStatus {
  /** As the servers' tools show it. */
  readonly id: string;
  /** The servers release what the session holds after so many milliseconds of silence. */
  readonly timeoutMs: number;
  readonly state: "sure" | "unsure" | "lost";
  /** Milliseconds for which it certainly lives. */
  readonly expiresInMs: number;
}

export function plainStatus(status: EngineStatus): CoordinationStatus {
  if (status.kind === "connecting") return { kind: "connecting" };
  if (status.kind === "closed") return { kind: "closed", reason: status.reason.message };
  const { id, timeoutMs, state } = status.session;
  const expiresInMs = Math.round(status.session.expiresIn());
  return { kind: "ready", session: { id, timeoutMs, state: state.kind, expiresInMs } };
}

/**
 * Calls the listener at each change, also between sure and unsure. Returns a function that stops that. The logger is told of a
 * listener that fails.
 */
export function followStatus(engine: Engine, listener: (status: CoordinationStatus) => void): () => void {
  let followed: EngineSession | null = null;
  let stopSession = () => {};
  const follow = (status: EngineStatus) => {
    const session = status.kind === "ready" ? status.session : null;
    if (session === followed) return;
    stopSession();
    followed = session;
    stopSession = session?.onState(({ kind }) => (kind === "lost" ? undefined : tell())) ?? (() => {});
  };
  const onError = (error: unknown) => engine.logger.error(`a listener of the status failed: ${messageOf(error)}`);
  const tell = () => callBack(listener, plainStatus(engine.status), onError);
  const stop = engine.onStatus((status) => {
    follow(status);
    tell();
  });
  follow(engine.status);
  return () => {
    stop();
    stopSession();
  };
}
