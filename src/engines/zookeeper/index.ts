// The recipes on ZooKeeper, or on a Cabildo cluster: `connect`.

import { OPTION, type OptionRules } from "../../base/options.ts";
import {
  type Acl,
  type ConnectOptions,
  nodePorts,
  parseConnectString,
  ZooKeeperClient,
} from "../../protocols/zookeeper/client/index.ts";
import { CONNECT, checkConfiguration } from "../../protocols/zookeeper/client/option-rules.ts";
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

const { onLoss: _ownLoss, resume: _noResume, readOnly: _neverReadOnly, ...CONNECT_OF_RECIPES } = CONNECT;
const CONNECT_RECIPES: OptionRules<RecipeConnectOptions> = { ...CONNECT_OF_RECIPES, acl: OPTION.any };

/**
 * Connects to the servers of a URL, `zookeeper://host:port,host:port/chroot` (`zookeeper+tls://` with TLS), and completes with
 * the first session. Fails with a CoordinationError: "configuration" when the URL is wrong, "deadline" when no server gave a
 * session in time; nothing is left then. Later losses are healed: what is held is lost, what is asked next goes on.
 */
export async function connect(url: string, options: RecipeConnectOptions = {}): Promise<Coordination<ZooKeeperEngine>> {
  checkConfiguration("connect", options, CONNECT_RECIPES);
  const { acl, tls, signal, connectTimeoutMs: timeoutMs = CONNECT_TIMEOUT_MS, ...rest } = options;
  if (acl !== undefined) checkAcl("connect", "configuration", acl);
  const parsed = parseConnectString(url);
  const ports = nodePorts(tls ?? parsed.isTls);
  const client = new ZooKeeperClient(
    { ...parsed, chroot: "/" },
    { ...rest, onLoss: "new-session", readOnly: false },
    ports,
  );
  try {
    await client.connected({ signal, timeoutMs });
    return new Coordination(
      new ZooKeeperEngine(client, ports, {
        root: parsed.chroot,
        acl,
        logger: rest.logger,
        tracer: diagnosticsTracer,
      }),
    );
  } catch (error) {
    await client.close();
    throw error;
  }
}
