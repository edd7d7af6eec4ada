// The recipes on a member of this process, without a socket between: the ZooKeeper engine over connections in memory.

import { callSite, noteOpen } from "../../adapters/open-resources.ts";
import { whenAborted } from "../../base/abort.ts";
import { assert } from "../../base/assert.ts";
import { OPTION, type OptionRules } from "../../base/options.ts";
import { type Acl, type ClientOptions, nodePorts, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import { CONNECT, checkConfiguration } from "../../protocols/zookeeper/client/option-rules.ts";
import { ZOOKEEPER } from "../../protocols/zookeeper/door-kind.ts";
import { checkAcl } from "../../recipes/access.ts";
import { Coordination } from "../../recipes/index.ts";
import { checkPlace } from "../../recipes/names.ts";
import type { Acceptor } from "../../transport/connection.ts";
import { diagnosticsTracer } from "../diagnostics.ts";
import { LABEL, ownIdentity } from "../own-identity.ts";
import { CONNECT_TIMEOUT_MS, connectError } from "../zookeeper/connect-errors.ts";
import { ZooKeeperEngine } from "../zookeeper/engine.ts";
import { onClosed } from "../zookeeper/on-closed.ts";
import { ensembleError, type MemberOfEnsemble } from "./ensemble-error.ts";
import { MemoryTransport } from "./transport.ts";

export interface MemberConnectOptions
  extends Pick<ClientOptions, "sessionTimeoutMs" | "requestTimeoutMs" | "logger" | "auth"> {
  /**
   * Who may do what with the nodes that recipes make; anyone everything, unless given. The member serves others too, by its
   * sockets: `ACL.creator` keeps them out, with `auth` to say who this program is.
   */
  readonly acl?: readonly Acl[] | undefined;
  /** Everything stands below it: "/app". The root unless given. */
  readonly root?: string | undefined;
  /** Names this program beside its host and process, for those who see it hold a lock or wait for one: "billing". */
  readonly label?: string | undefined;
  /** Ends the wait for the first session. */
  readonly signal?: AbortSignal | undefined;
  /** How long the first session may take, which needs a quorum of members: 10,000 ms unless given. */
  readonly connectTimeoutMs?: number | undefined;
}

/** A member of this process. */
export interface ConnectableMember extends MemberOfEnsemble {
  /** Takes connections from this process to its first door of a kind; null: it has none. */
  acceptorOf(kind: string): Acceptor | null;
}

const { sessionTimeoutMs, requestTimeoutMs, logger, auth, signal, connectTimeoutMs } = CONNECT;
const EMBEDDED: OptionRules<MemberConnectOptions> = {
  sessionTimeoutMs,
  requestTimeoutMs,
  logger,
  auth,
  signal,
  connectTimeoutMs,
  acl: OPTION.any,
  root: OPTION.text,
  label: LABEL,
};

/**
 * Recipes on a member of this process, alone or as one of a cluster. That member renews the session: when it stops, or is cut off
 * from the others, the session ends in time and handles are lost.
 * `ending`, which has not aborted, ends the wait for the first session with `closed`.
 */
export async function connectToMember(
  member: ConnectableMember,
  options: MemberConnectOptions = {},
  ending: AbortSignal | null = null,
): Promise<Coordination<ZooKeeperEngine>> {
  const openedAt = callSite();
  checkConfiguration("member.connect", options, EMBEDDED);
  const door = member.acceptorOf(ZOOKEEPER.name);
  assert(door !== null, "a member inside a program without the door that recipes use");
  const node = nodePorts();
  const ports = { ...node, transport: new MemoryTransport(door, node.clock) };
  const servers = [{ host: "this process", port: 0 }];
  const { root = "/", acl, signal, label, connectTimeoutMs: timeoutMs = CONNECT_TIMEOUT_MS, ...rest } = options;
  if (acl !== undefined) checkAcl("member.connect", "configuration", acl);
  if (root !== "/") checkPlace("root", root);
  const client = new ZooKeeperClient({ servers, chroot: "/", isTls: false }, rest, ports);
  const ignoreEnding = ending === null ? () => {} : whenAborted(ending, () => void client.close());
  try {
    await client.connected({ signal, timeoutMs });
    const about = { logger: options.logger, tracer: diagnosticsTracer, identity: ownIdentity(label) };
    const engine = new ZooKeeperEngine(client, ports, { root, acl, ...about });
    onClosed(engine, noteOpen("connection", "member.connect", openedAt));
    return new Coordination(engine);
  } catch (error) {
    await client.close();
    throw ensembleError(error, member, timeoutMs) ?? (await connectError(error, servers, ports, timeoutMs));
  } finally {
    ignoreEnding();
  }
}
