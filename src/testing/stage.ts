// Where a scenario is played: programs with connections of their own to one service, and what can happen to them. An engine
// that wants to be held to the scenarios brings a stage.

import type {
  Coordination,
  Engine,
  HasDirectories,
  HasElections,
  HasMutexes,
  HasSemaphores,
  HasSharedMutexes,
  HasTrees,
  HasValues,
} from "../recipes/index.ts";

/** What the scenarios of exclusion need. */
export type ExclusiveEngine = Engine & HasMutexes & HasSharedMutexes & HasSemaphores & HasElections;

/** What the scenarios of membership need. */
export type DirectoryEngine = Engine & HasDirectories;

/** What the scenarios of partitions need. */
export type PartitionEngine = DirectoryEngine & HasMutexes;

/** What the scenarios of configuration need. */
export type ValueEngine = Engine & HasValues;

/** What the scenarios of trees need: values at places of their own are what they are made of. */
export type TreeEngine = Engine & HasTrees & HasValues;

/** What every one of these scenarios needs, together. */
export type EngineOfAll<Played extends Scenario<never>> = (
  Played extends Scenario<infer E>
    ? (engine: E) => void
    : never
) extends (engine: infer All extends Engine) => void
  ? All
  : never;

/**
 * What can keep a write from being done for a while, and passes by itself. Answered at once: `no-space` (a member's disk is
 * full), `overloaded`, `quota-exceeded`. Not answered: `connection-lost` and `no-quorum` (it was not done, and the connection
 * ends; with `no-quorum` nobody serves for a while), `answer-lost` (it was done), `timeout` (nobody says anything any more).
 */
export type Refusal =
  | "no-space"
  | "overloaded"
  | "quota-exceeded"
  | "connection-lost"
  | "no-quorum"
  | "answer-lost"
  | "timeout";

export const REFUSALS: readonly Refusal[] = [
  "no-space",
  "overloaded",
  "quota-exceeded",
  "connection-lost",
  "no-quorum",
  "answer-lost",
  "timeout",
];

/** One program, as far as the service knows: a session and connections of its own. */
export interface Program<E extends Engine> {
  readonly c: Coordination<E>;
  /** From here on nothing that it says arrives, nor what is said to it, and nobody closes anything. */
  silence(): void;
  /** Its connection is cut, and it may connect again. */
  cut(): void;
  /** What it writes next is done, and the answer lost with the connection. */
  loseNextAnswer(): void;
  /** How many writes it has asked for so far; those too that were refused. */
  readonly writes: number;
  /** Of its writes from now on, those from the `from`th (1: the next) are refused, `times` of them; of others nothing is changed. */
  refuseWrites(refusal: Refusal, from: number, times: number): void;
  /** It is reached again, and nothing is refused any more. */
  heal(): void;
  /** The service ends its session, as an operator would. */
  killSession(): Promise<void>;
}

/** What programs stand in line for, and where a double barrier's members gather. */
export type ContendedRecipe = "lock" | "read-write lock" | "semaphore" | "election" | "queue" | "double barrier";

export interface Stage<E extends Engine> {
  /**
   * By how much this stage may be slower than one whose time is virtual and whose network is quick: 1 there. On a real machine,
   * which others keep busy, it is more, and every deadline of a scenario is so many times as long.
   */
  readonly slowdown: number;
  /** The silence after which the service lets go of what a program holds. */
  readonly sessionTimeoutMs: number;
  /** Another program. All of one scenario see the same, and nothing of other scenarios. */
  program(): Promise<Program<E>>;
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** Runs about `milliseconds` from now; returns how to call it off. */
  after(milliseconds: number, task: () => void): () => void;
  /**
   * How many stand in line on the servers: for a lock or an election its holder too; for permits and items those alone who
   * wait. At a double barrier, how many have come. Scenarios that need an order wait for this, and never for a time.
   */
  waitQueueLength(recipe: ContendedRecipe, name: string): Promise<number>;
  /** Has the service elect another leader of its own; null where it cannot. */
  readonly changeLeader: (() => Promise<void>) | null;
}

export interface Scenario<E extends Engine> {
  /** The law, in words. */
  readonly law: string;
  play(stage: Stage<E>): Promise<void>;
}
