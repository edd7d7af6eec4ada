// The simulator, as others use it: a seed's whole story, or an ensemble to write one's own scenarios with.

export { SimulatedEnsemble, type SimulatedEnsembleOptions } from "./ensemble.ts";
export type { Violation } from "./laws.ts";
export type { Observer, SimulatedMember } from "./member.ts";
export type { NetworkOptions } from "./network.ts";
export { type Report, simulate } from "./simulation.ts";
export type { Fault } from "./swarm.ts";
export { VirtualClock, VirtualTime } from "./time.ts";
