// The wait for a connected session.

import { whenAborted } from "../../../base/abort.ts";
import { CoordinationError } from "../../../base/errors.ts";
import type { ClientState } from "./client-state.ts";
import { CONNECTED, checkCall } from "./option-rules.ts";
import type { CallOptions } from "./options.ts";
import type { ClientPorts } from "./ports.ts";
import type { Session } from "./session.ts";
import type { SessionManager } from "./session-manager.ts";

type FailureCode = "aborted" | "closed" | "connection-lost" | "deadline" | "session-expired";

/** Whose state is waited for. */
interface StateSource {
  readonly state: ClientState;
  onState(listener: (state: ClientState) => void): () => void;
}

/** Of the wait for a session. */
export interface ConnectedOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /** Fails at once ("connection-lost") when every server refuses the connection, instead of trying them again. */
  readonly failWhenRefused?: boolean | undefined;
}

/** As `ZooKeeperClient.connected`. */
export function whenConnected(
  client: StateSource,
  manager: Pick<SessionManager, "isClosing" | "isStopped" | "troubles" | "outageLog">,
  clock: Pick<ClientPorts["clock"], "after">,
  options: ConnectedOptions,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    checkCall("connected", null, options, CONNECTED);
    const { signal, timeoutMs, failWhenRefused = false } = options;
    const settle = (how: () => void) => {
      forget();
      stopTimer();
      unlink();
      ignoreRefusals();
      how();
    };
    const fail = (code: FailureCode, why: string, cause?: unknown) => {
      const options = cause === undefined ? {} : { cause };
      settle(() => reject(new CoordinationError(code, "not-applied", `not connected: ${why}`, options)));
    };
    const onAbort = () => fail("aborted", "the wait was aborted", signal?.reason);
    const onState = (state: ClientState) => {
      if (state.kind === "connected") settle(() => resolve(state.session));
      else if (state.kind === "closed" || manager.isClosing) fail("closed", "the client is closed");
      else if (state.kind === "lost" && manager.isStopped) {
        fail("session-expired", state.reason.message, state.reason);
      }
    };
    let stopTimer = () => {};
    let unlink = () => {};
    let ignoreRefusals = () => {};
    if (failWhenRefused) {
      const onRefused = () => fail("connection-lost", `every server refused the connection (${manager.troubles})`);
      ignoreRefusals = manager.outageLog.onAllRefused(onRefused);
    }
    const forget = client.onState(onState);
    if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
      const late = () => fail("deadline", `no server gave a session within ${timeoutMs} ms (${manager.troubles})`);
      stopTimer = clock.after(timeoutMs, late);
    }
    if (signal !== undefined) unlink = whenAborted(signal, onAbort);
    if (signal?.aborted) onAbort();
    else onState(client.state);
  });
}
