// The recipes on ZooKeeper, or on a Cabildo cluster: `connect`.

import { CLOSE_ON, type CloseSignal, checkCloseOn, closeOnSignals } from "../../adapters/close-on-signals.ts";
import { callSite, noteOpen } from "../../adapters/open-resources.ts";
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
import { LABEL, ownIdentity } from "../own-identity.ts";
import { CONNECT_TIMEOUT_MS, connectError } from "./connect-errors.ts";
import { ZooKeeperEngine } from "./engine.ts";
import { onClosed } from "./on-closed.ts";

export type { CloseSignal } from "../../adapters/close-on-signals.ts";
export { type OpenResource, openResources } from "../../adapters/open-resources.ts";
export { ZooKeeperEngine } from "./engine.ts";

export interface RecipeConnectOptions
  extends Omit<ConnectOptions, "onLoss" | "resume" | "readOnly" | "connectTimeoutMs"> {
  /**
   * Who may do what with the nodes that recipes make, directories included; anyone everything, unless given. `ACL.creator`: those
   * alone who prove to be the same as this program, by `auth` or `sasl`.
   */
  readonly acl?: readonly Acl[] | undefined;
  /** Names this program beside its host and process, for those who see it hold a lock or wait for one: "billing". */
  readonly label?: string | undefined;
  /** How long the first session may take, over all servers and rounds: 10,000 ms unless given. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Goes on trying while every server refuses the connection, until `connectTimeoutMs`: for programs that start before their
   * servers do. Unless given, `connect` fails at once then.
   */
  readonly waitForServers?: boolean | undefined;
  /**
   * At the first of these signals it closes, and the process ends once everything that has this option is closed, unless the program
   * listens to the signal as well. A second signal ends the process at once. Nothing is listened to unless given.
   */
  readonly closeOn?: readonly CloseSignal[] | undefined;
}

const { onLoss: _ownLoss, resume: _noResume, readOnly: _neverReadOnly, ...CONNECT_OF_RECIPES } = CONNECT;
const CONNECT_RECIPES: OptionRules<RecipeConnectOptions> = {
  ...CONNECT_OF_RECIPES,
  acl: OPTION.any,
  waitForServers: OPTION.flag,
  label: LABEL,
  closeOn: CLOSE_ON,
};

/**
 * Connects to the servers of a URL, `zookeeper://host:port,host:port/chroot` (`zookeeper+tls://` with TLS), and completes with
 * the first session. Fails with a CoordinationError, and leaves nothing: "configuration" when the URL is wrong, "connection-lost"
 * at once when every server refuses the connection, "no-quorum" and "deadline" when no server gave a session in time. Later
 * losses are healed: what is held is lost, what is asked next goes on.
 */
export async function connect(url: string, options: RecipeConnectOptions = {}): Promise<Coordination<ZooKeeperEngine>> {
  const openedAt = callSite();
  checkConfiguration("connect", options, CONNECT_RECIPES);
  const { acl, tls, signal, label, waitForServers = false, connectTimeoutMs, closeOn = [], ...rest } = options;
  checkCloseOn("connect", closeOn);
  const timeoutMs = connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  if (acl !== undefined) checkAcl("connect", "configuration", acl);
  const parsed = parseConnectString(url);
  const ports = nodePorts(tls ?? parsed.isTls);
  const client = new ZooKeeperClient(
    { ...parsed, chroot: "/" },
    { ...rest, onLoss: "new-session", readOnly: false },
    ports,
  );
  try {
    await client.connected({ signal, timeoutMs, failWhenRefused: !waitForServers });
    const { chroot: root } = parsed;
    const about = { logger: rest.logger, tracer: diagnosticsTracer, identity: ownIdentity(label) };
    const engine = new ZooKeeperEngine(client, ports, { root, acl, ...about });
    onClosed(engine, noteOpen("connection", `connect ${url}`, openedAt));
    if (closeOn.length > 0)
      onClosed(
        engine,
        closeOnSignals(closeOn, "connection", () => engine.close()),
      );
    return new Coordination(engine);
  } catch (error) {
    await client.close();
    throw await connectError(error, parsed.servers, ports, timeoutMs);
  }
}
