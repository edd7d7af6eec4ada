// Where a scenario is played: programs with connections of their own to one service, and what can happen to them. An engine
// that wants to be held to the scenarios brings a stage.

import type {
  Coordination,
  Engine,
  HasDirectories,
  HasDoubleBarriers,
  HasElections,
  HasMutexes,
  HasQueues,
  HasSemaphores,
  HasSharedMutexes,
  HasTransactions,
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

/** Every ability that there are scenarios for. */
export type CompleteEngine = ExclusiveEngine &
  HasDirectories &
  HasValues &
  HasDoubleBarriers &
  HasQueues &
  HasTransactions &
  HasTrees;

/** One program, as far as the service knows: a session and connections of its own. */
export interface Program<E extends Engine> {
  readonly c: Coordination<E>;
  /** From here on nothing that it says arrives, nor what is said to it, and nobody closes anything. */
  silence(): void;
  /** Its connection is cut, and it may connect again. */
  cut(): void;
  /** What it writes next is done, and the answer lost with the connection. */
  loseNextAnswer(): void;
  /** It is reached again. */
  heal(): void;
  /** The service ends its session, as an operator would. */
  killSession(): Promise<void>;
}

/** What programs stand in line for, and where a double barrier's members gather. */
export type LineRecipe = "lock" | "read-write lock" | "semaphore" | "election" | "queue" | "double barrier";

export interface Stage<E extends Engine> {
  /**
   * By how much this stage may be slower than one whose time is virtual and whose network is quick: 1 there. On a real machine,
   * which others keep busy, it is more, and every deadline of a scenario is so many times as long.
   */
  readonly patience: number;
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
  inLine(recipe: LineRecipe, name: string): Promise<number>;
  /** Has the service elect another leader of its own; null where it cannot. */
  readonly changeLeader: (() => Promise<void>) | null;
}

export interface Scenario<E extends Engine> {
  /** The law, in words. */
  readonly law: string;
  play(stage: Stage<E>): Promise<void>;
}
