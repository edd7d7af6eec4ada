// Every recipe, and what plays it.

import type { Workload } from "./workload.ts";
import { BarrierWorkload } from "./workloads/barrier.ts";
import { ConfigurationWorkload } from "./workloads/configuration.ts";
import { CounterWorkload } from "./workloads/counter.ts";
import { DoubleBarrierWorkload } from "./workloads/double-barrier.ts";
import { ElectionWorkload } from "./workloads/election.ts";
import { GroupWorkload } from "./workloads/group.ts";
import { LockWorkload } from "./workloads/lock.ts";
import { PartitionWorkload } from "./workloads/partition.ts";
import { QueueWorkload } from "./workloads/queue.ts";
import { ReadWriteLockWorkload } from "./workloads/read-write-lock.ts";
import { SemaphoreWorkload } from "./workloads/semaphore.ts";
import { TransactionWorkload } from "./workloads/transaction.ts";
import { TreeWorkload } from "./workloads/tree.ts";
import type { World } from "./world.ts";

export const RECIPES = {
  barrier: (world) => new BarrierWorkload(world),
  configuration: (world) => new ConfigurationWorkload(world),
  counter: (world) => new CounterWorkload(world),
  "double barrier": (world) => new DoubleBarrierWorkload(world),
  election: (world) => new ElectionWorkload(world),
  group: (world) => new GroupWorkload(world),
  lock: (world) => new LockWorkload(world),
  partition: (world) => new PartitionWorkload(world),
  queue: (world) => new QueueWorkload(world),
  "read-write lock": (world) => new ReadWriteLockWorkload(world),
  semaphore: (world) => new SemaphoreWorkload(world),
  transaction: (world) => new TransactionWorkload(world),
  tree: (world) => new TreeWorkload(world),
} as const satisfies Readonly<Record<string, (world: World) => Workload>>;

export type RecipeName = keyof typeof RECIPES;

export const RECIPE_NAMES = Object.keys(RECIPES) as RecipeName[];
