// Cabildo's front door: `connect` to a cluster, or `embedded` on a member of this process, and use recipes.

export { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "./base/errors.ts";
export { type Acceptor, type EmbeddedOptions, embedded } from "./engines/embedded/index.ts";
export { connect, type RecipeConnectOptions, ZooKeeperEngine } from "./engines/zookeeper/index.ts";
export { ACL, type Acl, PERMISSION } from "./protocols/zookeeper/client/index.ts";
export * from "./recipes/index.ts";
