// The seam between the kernel and a protocol's clients: the faults that can happen to a client, and what a protocol brings into
// a simulation. A new protocol is one more `SimulatedProtocol` in the list of `simulation.ts`.

import type { Random } from "../../base/random.ts";
import type { ModelFactory } from "../../state/models.ts";
import type { ClientNetwork } from "./client-network.ts";
import type { SimulatedDoor } from "./door.ts";
import type { SimulatedEnsemble } from "./ensemble.ts";
import type { SimulatedMember } from "./member.ts";
import type { MembershipChange } from "./membership-changes.ts";
import type { SimulationParameters } from "./parameters.ts";
import type { ReferenceMachine } from "./reference-machine.ts";

/** A client of any protocol, as faults see it. A fault that it does not support is undefined. */
export interface FaultableClient {
  readonly id: number;
  /** The member that it is connected to; null: none. */
  readonly member: SimulatedMember | null;
  /** Whether it has a session and runs, so that it can be asked to do something. */
  readonly isReady: boolean;
  /** Pauses its process. */
  pause(milliseconds: number): void;
  /** Closes its connection and opens another. */
  hangUp?(): void;
  /** Disappears silently, for good. */
  vanish?(): void;
  /** Sends a read that the leader has to confirm. */
  readFresh?(): void;
  /** Requests a change of the members. */
  changeMembers?(change: MembershipChange): void;
}

/** The clients of one protocol in one simulation. */
export interface Workload {
  readonly clients: readonly FaultableClient[];
  /** From here on each client wants one fresh answer, and no more. Returns a check whether all have it, except those that vanished. */
  serveOnce(hasVanished: (client: FaultableClient) => boolean): () => boolean;
  /** Whether nothing is left of a client that vanished. */
  isForgotten(client: FaultableClient): boolean;
  /** The checks at the end of a run. */
  checkEnd(): void;
  /** What clients did, by name, for the statistics. */
  figures(): Readonly<Record<string, number>>;
}

/** What a workload gets of the simulation. */
export interface WorkloadHost {
  readonly seed: number;
  readonly random: Random;
  readonly ensemble: SimulatedEnsemble;
  readonly network: ClientNetwork;
  /** A unique number for a client. */
  nextClientId(): number;
  violate(invariant: string, what: string): void;
  note(what: string): void;
}

/** A protocol with parameters drawn for one seed. */
export interface ProtocolSetUp {
  readonly door: SimulatedDoor;
  /** Models of the state that its commands need, besides those that every member has. */
  readonly models?: readonly ModelFactory[];
  /** For the first line of the trace. */
  readonly description: string;
  begin(host: WorkloadHost): Workload;
}

export interface SimulatedProtocol {
  readonly name: string;
  /** Draws its parameters, and adds its reference models to the machine. */
  setUp(parameters: SimulationParameters, random: Random, reference: ReferenceMachine): ProtocolSetUp;
}
