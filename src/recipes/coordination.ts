// The recipes, by their names, over one engine. Every method exists; it compiles where the engine has the abilities that the
// recipe needs.

import { CoordinationError } from "../base/errors.ts";
import type { AccessOptions } from "./access.ts";
import { Barrier } from "./barrier.ts";
import { Configuration } from "./configuration.ts";
import { Counter } from "./counter.ts";
import { DoubleBarrier, type DoubleBarrierOptions } from "./double-barrier.ts";
import { Election, type ElectionOptions } from "./election.ts";
import type {
  Engine,
  FullEngine,
  HasDirectories,
  HasDoubleBarriers,
  HasElections,
  HasMutexes,
  HasNodes,
  HasQueues,
  HasSemaphores,
  HasSharedMutexes,
  HasTransactions,
  HasTrees,
  HasValues,
} from "./engine.ts";
import { Group } from "./group.ts";
import { LocalQueues } from "./local-queue.ts";
import { Lock } from "./lock.ts";
import { MultiLock } from "./multi-lock.ts";
import { Nodes } from "./nodes.ts";
import { Partition, type PartitionOptions } from "./partition.ts";
import { Queue, type QueueOptions } from "./queue.ts";
import { ReadWriteLock } from "./read-write-lock.ts";
import { Semaphore, type SemaphoreOptions } from "./semaphore.ts";
import { Sequence } from "./sequence.ts";
import { Service, type ServiceOptions } from "./service.ts";
import type { ServiceMeta } from "./service-instance.ts";
import type { StandardSchema, Validator, WithSchema } from "./standard-schema.ts";
import { type CoordinationStatus, followStatus, plainStatus } from "./status.ts";
import { Transaction } from "./transaction.ts";
import { Tree } from "./tree.ts";

/** `Coordination`, as it stands, is the type of a parameter that takes any connection with all recipes. */
export class Coordination<E extends Engine = FullEngine> implements AsyncDisposable {
  /** For recipes of one's own. */
  readonly engine: E;
  readonly #queues = new LocalQueues();
  /** Callers that change one number take turns. */
  readonly #changes = new LocalQueues();
  /** Callers that want an item of one queue take turns. */
  readonly #consumers = new LocalQueues();

  constructor(engine: E) {
    this.engine = engine;
  }

  /** How the connection stands now, as plain data: for a health check, or a log. */
  get status(): CoordinationStatus {
    return plainStatus(this.engine.status);
  }

  /** Calls the listener at each change of the status. Returns a function that stops that. */
  onStatus(listener: (status: CoordinationStatus) => void): () => void {
    return followStatus(this.engine, listener);
  }

  /** One holder at a time, first come, first served. */
  lock(this: Coordination<E & HasMutexes>, name: string, options: AccessOptions = {}): Lock {
    return new Lock(this.engine, name, this.#queues, options);
  }

  /** Several locks, all of them or none. */
  multiLock(this: Coordination<E & HasMutexes>, names: readonly string[], options: AccessOptions = {}): MultiLock {
    if (!Array.isArray(names)) {
      throw new CoordinationError("rejected", "not-applied", "multi-lock: the names are a list");
    }
    return new MultiLock(
      this.engine,
      names.map((name) => this.lock(name, options)),
    );
  }

  /** Many readers or one writer. */
  rwLock(this: Coordination<E & HasSharedMutexes>, name: string, options: AccessOptions = {}): ReadWriteLock {
    return new ReadWriteLock(this.engine, name, options);
  }

  /** A fixed number of permits. */
  semaphore(this: Coordination<E & HasSemaphores>, name: string, options: SemaphoreOptions): Semaphore {
    return new Semaphore(this.engine, name, options);
  }

  /** One leader at a time, and a list of candidates that everyone may see. */
  election(this: Coordination<E & HasElections>, name: string, options: ElectionOptions = {}): Election {
    return new Election(this.engine, name, options);
  }

  /** The members that are there, with their data. */
  group(this: Coordination<E & HasDirectories>, name: string, options: AccessOptions = {}): Group {
    return new Group(this.engine, name, options);
  }

  /** The instances of a service, and which to call next. */
  service<Meta extends ServiceMeta>(
    this: Coordination<E & HasDirectories>,
    name: string,
    options: WithSchema<ServiceOptions<Meta>, Meta>,
  ): Service<Meta>;
  service<Meta extends ServiceMeta = ServiceMeta>(
    this: Coordination<E & HasDirectories>,
    name: string,
    options?: ServiceOptions<Meta>,
  ): Service<Meta>;
  service<Meta extends ServiceMeta>(
    this: Coordination<E & HasDirectories>,
    name: string,
    options: ServiceOptions<Meta> = {},
  ): Service<Meta> {
    return new Service(this.engine, name, options);
  }

  /**
   * A value that everybody reads, checked by a validator: Zod, Valibot, ArkType, any Standard Schema, or a function that returns the
   * value or throws. Either may answer later, with a promise.
   */
  config<Input, Output>(
    this: Coordination<E & HasValues>,
    name: string,
    schema: StandardSchema<Input, Output>,
    options?: AccessOptions,
  ): Configuration<Input, Output>;
  config<T>(
    this: Coordination<E & HasValues>,
    name: string,
    schema: Validator<T | PromiseLike<T>>,
    options?: AccessOptions,
  ): Configuration<T, T>;
  config<Input, Output>(
    this: Coordination<E & HasValues>,
    name: string,
    schema: StandardSchema<Input, Output> | Validator<Output | PromiseLike<Output>>,
    options: AccessOptions = {},
  ): Configuration<Input, Output> {
    return new Configuration(this.engine, name, schema, options);
  }

  /** A copy in memory of everything below a place, and its changes. */
  tree(this: Coordination<E & HasTrees>, name: string): Tree {
    return new Tree(this.engine, name);
  }

  /** The items of a set, spread over the members that are there; each item has one owner at a time. */
  partition(this: Coordination<E & HasDirectories & HasMutexes>, name: string, options: PartitionOptions): Partition {
    return new Partition(this.engine, name, options);
  }

  /** While it is set everyone waits; when it is removed all go on. */
  barrier(this: Coordination<E & HasValues>, name: string, options: AccessOptions = {}): Barrier {
    return new Barrier(this.engine, name, options);
  }

  /** Members begin together and end together. */
  doubleBarrier(this: Coordination<E & HasDoubleBarriers>, name: string, options: DoubleBarrierOptions): DoubleBarrier {
    return new DoubleBarrier(this.engine, name, options);
  }

  /** A number that many programs change. */
  counter(this: Coordination<E & HasValues>, name: string, options: AccessOptions = {}): Counter {
    return new Counter(this.engine, name, this.#changes, options);
  }

  /** Numbers that are given out once, each larger than all before. */
  sequence(this: Coordination<E & HasValues>, name: string, options: AccessOptions = {}): Sequence {
    return new Sequence(this.engine, name, this.#changes, options);
  }

  /** Work items, each leased to one consumer at a time. JSON, unless `options.codec` says otherwise. */
  queue<T>(this: Coordination<E & HasQueues>, name: string, options: WithSchema<QueueOptions<T>, T>): Queue<T>;
  queue<T>(this: Coordination<E & HasQueues>, name: string, options?: QueueOptions<T>): Queue<T>;
  queue<T>(this: Coordination<E & HasQueues>, name: string, options: QueueOptions<T> = {}): Queue<T> {
    return new Queue(this.engine, name, options, this.#consumers);
  }

  /** Changes of several places as one. */
  transaction(this: Coordination<E & HasTransactions>, options: AccessOptions = {}): Transaction {
    return new Transaction(this.engine, options);
  }

  /** Single nodes by their absolute paths: get, set, create, delete, children, watch. */
  get nodes(): E extends HasValues & HasNodes ? Nodes : never {
    return new Nodes(this.engine as Engine as FullEngine) as E extends HasValues & HasNodes ? Nodes : never;
  }

  /** Ends the session: handles are lost ("closed"), waits fail. No socket and no timer is left. Never fails. */
  close(): Promise<void> {
    return this.engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
