// The server as a library: load a member's configuration and start it in this process.

export { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "../base/errors.ts";
export type { Logger } from "../base/logger.ts";
export type { FollowerStatus, MemberStatus, ReplicaPort } from "../replica/replica-port.ts";
export type { Assembled } from "./configuration/assemble.ts";
export { ConfigurationError, type ServerConfiguration } from "./configuration/configuration.ts";
export type { DoorSection } from "./configuration/door-sections.ts";
export { type LoadOptions, loadConfiguration } from "./configuration/load.ts";
export type { DoorKind } from "./door-kind.ts";
export { type MemberExtensions, type RunningMember, startMember } from "./member.ts";
