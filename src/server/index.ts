/**
 * The server as a library: a member in this process.
 *
 * @example
 * ```ts
 * import { startMember } from "cabildo/server";
 *
 * await using member = await startMember({ data: "./data" });
 * await member.ready();
 * await using c = await member.connect();
 * await c.counter("starts").add();
 * ```
 *
 * @module cabildo/server
 */

export type { CloseSignal } from "../adapters/close-on-signals.ts";
export { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "../base/errors.ts";
export type { Logger } from "../base/logger.ts";
export type { MemberConnectOptions } from "../engines/embedded/index.ts";
export type { DoorKind } from "../protocols/door-kind.ts";
export type { DoorSection } from "../protocols/door-section.ts";
export type { FollowerStatus } from "../replica/replica-port.ts";
export { ConfigurationError } from "./configuration/configuration.ts";
export { type CloseOptions, type Extensions, type Member, type MemberOptions, startMember } from "./embedded-member.ts";
export type { EmbeddedStatus, ListedMember } from "./embedded-status.ts";
export type {
  DiskSettings,
  DoorListenSettings,
  Duration,
  EnsembleSettings,
  ManagementSettings,
  MemberAddress,
  MemberSettings,
  PeerPortSettings,
  PrometheusSettings,
  RaftSettings,
  Size,
  TlsFiles,
  ZnodeSettings,
  ZooKeeperDoorSettings,
  ZooKeeperSecuritySettings,
} from "./member-settings.ts";
export type { ReadyOptions } from "./readiness.ts";
