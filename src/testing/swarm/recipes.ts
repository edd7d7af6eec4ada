// The list of all recipes, with the workload of each.

import type { Workload } from "./workload.ts";
import type { WorkloadContext } from "./workload-context.ts";
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

export const RECIPES = {
  barrier: (context) => new BarrierWorkload(context),
  configuration: (context) => new ConfigurationWorkload(context),
  counter: (context) => new CounterWorkload(context),
  "double barrier": (context) => new DoubleBarrierWorkload(context),
  election: (context) => new ElectionWorkload(context),
  group: (context) => new GroupWorkload(context),
  lock: (context) => new LockWorkload(context),
  partition: (context) => new PartitionWorkload(context),
  queue: (context) => new QueueWorkload(context),
  "read-write lock": (context) => new ReadWriteLockWorkload(context),
  semaphore: (context) => new SemaphoreWorkload(context),
  transaction: (context) => new TransactionWorkload(context),
  tree: (context) => new TreeWorkload(context),
} as const satisfies Readonly<Record<string, (context: WorkloadContext) => Workload>>;

export type RecipeName = keyof typeof RECIPES;

export const RECIPE_NAMES = Object.keys(RECIPES) as RecipeName[];
