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

/** A client of any protocol, as faults meet it. What it does not know to do is undefined. */
export interface FaultableClient {
  readonly id: number;
  /** Whom it is connected to; null: nobody. */
  readonly member: SimulatedMember | null;
  /** It has a session and runs: it can be asked to do something. */
  readonly isReady: boolean;
  /** Its process does nothing for so long. */
  pause(milliseconds: number): void;
  /** Leaves its connection for another. */
  hangUp?(): void;
  /** Hangs up without a word, and never comes back. */
  vanish?(): void;
  /** Asks for a read that only a leader may confirm. */
  readFresh?(): void;
  /** Asks for other members. */
  changeMembers?(change: MembershipChange): void;
}

/** The clients of one protocol in one simulation. */
export interface Workload {
  readonly clients: readonly FaultableClient[];
  /** From here on clients want one fresh answer each, and no more. Says whether all have it but those that vanished. */
  serveOnce(hasVanished: (client: FaultableClient) => boolean): () => boolean;
  /** Nothing is left of a client that vanished. */
  isForgotten(client: FaultableClient): boolean;
  /** What can only be judged when all is over. */
  checkEnd(): void;
  /** What clients did, by name, for the statistics. */
  figures(): Readonly<Record<string, number>>;
}

/** What a workload stands in. */
export interface WorkloadHost {
  readonly seed: number;
  readonly random: Random;
  readonly ensemble: SimulatedEnsemble;
  readonly network: ClientNetwork;
  /** A number for a client that no other has. */
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
