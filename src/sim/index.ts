/**
 * The simulator as a library: a whole run from a seed, or an ensemble for scenarios, with any protocol.
 *
 * @example
 * ```ts
 * import { simulate } from "cabildo/sim";
 *
 * const { violations, traceHash } = await simulate(7); // the same on every machine
 * console.log(traceHash, violations.length === 0 ? "every invariant held" : violations);
 * ```
 *
 * @module cabildo/sim
 */

export type { DoorHost, DoorServer, ServerConnection, SimulatedDoor } from "./kernel/door.ts";
export { SimulatedEnsemble, type SimulatedEnsembleOptions } from "./kernel/ensemble.ts";
export type { SimulatedMember } from "./kernel/member.ts";
export type { Violation } from "./kernel/member-invariants.ts";
export type { NetworkOptions } from "./kernel/network.ts";
export type { Fault } from "./kernel/parameters.ts";
export type { ReferenceMachine, ReferenceModel } from "./kernel/reference-machine.ts";
export { VirtualClock, VirtualTime } from "./kernel/time.ts";
export type { FaultableClient, ProtocolSetUp, SimulatedProtocol, Workload, WorkloadHost } from "./kernel/workload.ts";
export { PROTOCOLS, type Report, type SimulationOptions, simulate } from "./simulation.ts";
export { type ZooKeeperDoorOptions, zooKeeperDoor } from "./zookeeper/door.ts";
