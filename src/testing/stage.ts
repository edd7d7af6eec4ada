// The stage of a scenario: programs with connections of their own to one service, and the faults that can happen to them. A new
// engine brings a stage, and then runs the scenarios.

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

/** All abilities that these scenarios need, together. */
export type EngineOfAll<Played extends Scenario<never>> = (
  Played extends Scenario<infer E>
    ? (engine: E) => void
    : never
) extends (engine: infer All extends Engine) => void
  ? All
  : never;

/**
 * What can prevent a write for a while, and passes by itself. Answered at once: `no-space` (a member's disk is full), `overloaded`,
 * `quota-exceeded`. Not answered: `connection-lost` and `no-quorum` (it was not applied, and the connection ends; with `no-quorum`
 * no server answers for a while), `answer-lost` (it was applied), `timeout` (the servers are silent from then on).
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

/** One program: a session and connections of its own. */
export interface Program<E extends Engine> {
  readonly c: Coordination<E>;
  /** From now on nothing arrives in either direction, and no connection is closed. */
  silence(): void;
  /** Its connection is cut, and it may connect again. */
  cut(): void;
  /** Its next write is applied, and the answer is lost with the connection. */
  loseNextAnswer(): void;
  /** How many writes it has sent so far, refused ones included. */
  readonly writes: number;
  /** Of its writes from now on, `times` of them are refused, from the `from`th on (1: the next). */
  refuseWrites(refusal: Refusal, from: number, times: number): void;
  /** Ends its faults: it is reached again, and nothing is refused. */
  heal(): void;
  /** The service ends its session, as an operator would. */
  killSession(): Promise<void>;
}

/** The recipes with a queue of contenders, and double barriers with their participants. */
export type ContendedRecipe = "lock" | "read-write lock" | "semaphore" | "election" | "queue" | "double barrier";

export interface Stage<E extends Engine> {
  /**
   * By which factor this stage may be slower than virtual time with a quick network, where it is 1. On a busy real machine it is more:
   * every deadline of a scenario is so many times as long.
   */
  readonly slowdown: number;
  /** The service ends a program's session after so many milliseconds of silence. */
  readonly sessionTimeoutMs: number;
  /** Another program. All programs of one scenario see the same nodes, and nothing of other scenarios. */
  program(): Promise<Program<E>>;
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** Runs the task after about `milliseconds`. Returns a function that cancels it. */
  after(milliseconds: number, task: () => void): () => void;
  /**
   * How many contenders are on the servers: for a lock or an election with its holder; for permits and items only those who
   * wait. At a double barrier, how many have come. Scenarios that need an order wait for this, and never for a time.
   */
  waitQueueLength(recipe: ContendedRecipe, name: string): Promise<number>;
  /** Makes the servers elect another leader; null where the stage cannot. */
  readonly changeLeader: (() => Promise<void>) | null;
}

export interface Scenario<E extends Engine> {
  /** What must hold, in words. */
  readonly invariant: string;
  play(stage: Stage<E>): Promise<void>;
}
