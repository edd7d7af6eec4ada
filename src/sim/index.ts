// The simulator, as others use it: a seed's whole story, or an ensemble to write one's own scenarios with.

export { SimulatedEnsemble, type SimulatedEnsembleOptions } from "./kernel/ensemble.ts";
export type { Observer, SimulatedMember } from "./kernel/member.ts";
export type { Violation } from "./kernel/member-invariants.ts";
export type { NetworkOptions } from "./kernel/network.ts";
export type { Fault } from "./kernel/parameters.ts";
export { VirtualClock, VirtualTime } from "./kernel/time.ts";
export { type Report, simulate } from "./simulation.ts";
