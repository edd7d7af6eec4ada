/**
 * A ZooKeeper client for TypeScript, by itself: `cabildo/zookeeper-client`.
 *
 * @example
 * ```ts
 * import { connectZooKeeper } from "cabildo/zookeeper-client";
 *
 * await using client = await connectZooKeeper("127.0.0.1:2181");
 * await client.create("/worker-", "10.0.0.1", { mode: "ephemeral-sequential" });
 * console.log(await client.getChildren("/"));
 * ```
 *
 * @module cabildo/zookeeper-client
 */

export { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "../../../base/errors.ts";
export type { Logger } from "../../../base/logger.ts";
export type { Random } from "../../../base/random.ts";
export { ZooKeeperClient } from "./client.ts";
export type { ClientState } from "./client-state.ts";
export { type ConnectString, parseConnectString } from "./connect-string.ts";
export { type LossCause, MultiError, SessionLostError, ZooKeeperError, type ZooKeeperReason } from "./errors.ts";
export {
  type CheckOperation,
  type CreateOperation,
  type CreateOperationOptions,
  type DeleteOperation,
  type MultiOperation,
  type MultiResult,
  type MultiResults,
  op,
  type ReadOperation,
  type ReadResult,
  type ReadResults,
  read,
  type SetDataOperation,
} from "./multi.ts";
export { type ConnectOptions, connectZooKeeper, type NodeClientOptions, nodePorts, openZooKeeper } from "./node.ts";
export type { WatchKind } from "./operations.ts";
export type {
  AddWatchOptions,
  CallOptions,
  ClientOptions,
  CreateOptions,
  ReconfigOptions,
  VersionOptions,
  WatchingOptions,
} from "./options.ts";
export { type Missed, PersistentWatch, type WatchItem } from "./persistent-watch.ts";
export type { ClientPorts, Link, LinkEvents, Target, Transport } from "./ports.ts";
export type { SaslCredentials } from "./sasl.ts";
export type { Server } from "./server-selector.ts";
export type { Session } from "./session.ts";
export type { Credential } from "./session-requests.ts";
export {
  ACL,
  type Acl,
  type CreateMode,
  type Data,
  type Identity,
  type Lifetime,
  type NodeEvent,
  type NodeEventType,
  PERMISSION,
  type Stat,
  type Watcher,
} from "./types.ts";
