// The recipes on ZooKeeper, or on a Cabildo cluster: `connect`.

import {
  type Acl,
  type ConnectOptions,
  nodePorts,
  parseConnectString,
  ZooKeeperClient,
} from "../../protocols/zookeeper/client/index.ts";
import { checkAcl } from "../../recipes/access.ts";
import { Coordination } from "../../recipes/index.ts";
import { diagnosticsTracer } from "../diagnostics.ts";
import { ZooKeeperEngine } from "./engine.ts";

export { ZooKeeperEngine } from "./engine.ts";

export interface RecipeConnectOptions extends Omit<ConnectOptions, "onLoss" | "resume" | "readOnly"> {
  /**
   * Who may do what with the nodes that recipes make, directories included; anyone everything, unless given. `ACL.creator`: those
   * alone who prove to be the same as this program, by `auth` or `sasl`.
   */
  readonly acl?: readonly Acl[] | undefined;
}

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Connects to the servers of a URL, `zookeeper://host:port,host:port/chroot` (`zookeeper+tls://` with TLS), and completes with
 * the first session. Fails with a CoordinationError: "configuration" when the URL is wrong, "deadline" when no server gave a
 * session in time; nothing is left then. Later losses are healed: what is held is lost, what is asked next goes on.
 */
export async function connect(
  url: string,
  { acl, ...options }: RecipeConnectOptions = {},
): Promise<Coordination<ZooKeeperEngine>> {
  if (acl !== undefined) checkAcl("connect", "configuration", acl);
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
      new ZooKeeperEngine(client, ports, {
        root: parsed.chroot,
        acl,
        logger: options.logger,
        tracer: diagnosticsTracer,
      }),
    );
  } catch (error) {
    await client.close();
    throw error;
  }
}
