// What `connect` of the library and of a member say when there is no first session: what was tried, why it failed, and which option says otherwise.

import { CoordinationError } from "../../base/errors.ts";
import type { ClientPorts, Server } from "../../protocols/zookeeper/client/index.ts";
import { probeServers, type ServerFinding } from "../../protocols/zookeeper/client/server-probe.ts";

/** How long the first session may take unless `connectTimeoutMs` says otherwise. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** The error for the caller. Asks the servers once more why they gave no session: without a quorum they say so. */
export async function connectError(
  error: unknown,
  servers: readonly Server[],
  ports: Pick<ClientPorts, "transport" | "clock">,
  timeoutMs: number,
): Promise<unknown> {
  if (!(error instanceof CoordinationError)) return error;
  const { code, message } = error;
  if (code === "connection-lost") {
    return new CoordinationError(code, "not-applied", `${message}; ${WAIT_OPTION}`, { cause: error });
  }
  if (code !== "deadline") return error;
  const why = whyNoQuorum(await probeServers(servers, ports));
  if (why !== null) {
    const told = `not connected: no quorum within ${timeoutMs} ms (connectTimeoutMs): ${why}`;
    return new CoordinationError("no-quorum", "not-applied", told, { cause: error });
  }
  return new CoordinationError(code, "not-applied", message.replace(" ms (", " ms (connectTimeoutMs; "), {
    cause: error,
  });
}

const WAIT_OPTION = "with waitForServers, connect waits until one listens";

/** Null: that is not why. */
function whyNoQuorum(findings: readonly ServerFinding[]): string | null {
  const without = findings.filter(({ kind }) => kind === "no-quorum");
  if (without.length === 0 || findings.some(({ kind }) => kind === "serving")) return null;
  const parts = [
    `${without.map(({ server }) => server).join(", ")} ${without.length === 1 ? "runs" : "run"} without one`,
  ];
  const missing = findings.filter(({ kind }) => kind === "unreached");
  if (missing.length > 0) {
    parts.push(`not reached: ${missing.map(({ server, why }) => `${server} (${why})`).join(", ")}`);
  }
  const silent = findings.filter(({ kind }) => kind === "silent");
  if (silent.length > 0) parts.push(`reached, but without an answer: ${silent.map(({ server }) => server).join(", ")}`);
  return parts.join("; ");
}
