/**
 * Cabildo's front door: `connect` to a cluster, and use recipes. A member of this process has a `connect` of its own
 * (`cabildo/server`).
 *
 * @example
 * ```ts
 * import { connect } from "cabildo";
 *
 * await using c = await connect("zookeeper://127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183");
 * await c.lock("billing").run(async (held) => {
 *   console.log(`only one of us is here, with token ${held.token}`);
 * });
 * ```
 *
 * @module cabildo
 */

export { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "./base/errors.ts";
export {
  type CloseSignal,
  connect,
  type OpenResource,
  openResources,
  type RecipeConnectOptions,
  ZooKeeperEngine,
} from "./engines/zookeeper/index.ts";
export { ACL, type Acl, PERMISSION } from "./protocols/zookeeper/client/index.ts";
export * from "./recipes/index.ts";
