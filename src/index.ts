// Cabildo's front door: `connect` to a cluster, and use recipes. A member of this process has a `connect` of its own (`cabildo/server`).

export { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "./base/errors.ts";
export { type CloseSignal, connect, type RecipeConnectOptions, ZooKeeperEngine } from "./engines/zookeeper/index.ts";
export { ACL, type Acl, PERMISSION } from "./protocols/zookeeper/client/index.ts";
export * from "./recipes/index.ts";
