// The recipes on ZooKeeper, or on a Cabildo cluster: `connect`.

import {
  type ConnectOptions,
  nodePorts,
  parseConnectString,
  ZooKeeperClient,
} from "../../protocols/zookeeper/client/index.ts";
import { Coordination } from "../../recipes/index.ts";
import { diagnosticsTracer } from "../diagnostics.ts";
import { ZooKeeperEngine } from "./engine.ts";

export { ZooKeeperEngine } from "./engine.ts";

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Connects to the servers of a URL, `zookeeper://host:port,host:port/chroot` (`zookeeper+tls://` with TLS), and completes with
 * the first session. Fails with a CoordinationError: "configuration" when the URL is wrong, "deadline" when no server gave a
 * session in time; nothing is left then. Later losses are healed: what is held is lost, what is asked next goes on.
 */
export async function connect(
  url: string,
  options: Omit<ConnectOptions, "onLoss" | "resume" | "readOnly"> = {},
): Promise<Coordination<ZooKeeperEngine>> {
  const parsed = parseConnectString(url);
  const ports = nodePorts(options.tls ?? parsed.isTls);
  const client = new ZooKeeperClient(
    { ...parsed, chroot: "/" },
    { ...options, onLoss: "new-session", readOnly: false },
    ports,
  );
  try {
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    await client.connected({ signal: options.signal, timeoutMs });
    return new Coordination(
      new ZooKeeperEngine(client, ports, { root: parsed.chroot, logger: options.logger, tracer: diagnosticsTracer }),
    );
  } catch (error) {
    await client.close();
    throw error;
  }
}
