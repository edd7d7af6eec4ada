// The wait for a connected session.

import { whenAborted } from "../../../base/abort.ts";
import { CoordinationError } from "../../../base/errors.ts";
import type { ClientState } from "./client-state.ts";
import { checkCall, WAIT } from "./option-rules.ts";
import type { CallOptions } from "./options.ts";
import type { ClientPorts } from "./ports.ts";
import type { Session } from "./session.ts";
import type { SessionManager } from "./session-manager.ts";

/** Whose state is waited for. */
interface StateSource {
  readonly state: ClientState;
  onState(listener: (state: ClientState) => void): () => void;
}

/** As `ZooKeeperClient.connected`. */
export function whenConnected(
  client: StateSource,
  manager: Pick<SessionManager, "isClosing" | "isStopped" | "troubles">,
  clock: Pick<ClientPorts["clock"], "after">,
  options: Pick<CallOptions, "signal" | "timeoutMs">,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    checkCall("connected", null, options, WAIT);
    const { signal, timeoutMs } = options;
    const settle = (how: () => void) => {
      forget();
      stopTimer();
      unlink();
      how();
    };
    const fail = (code: "aborted" | "closed" | "deadline" | "session-expired", why: string, cause?: unknown) => {
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
