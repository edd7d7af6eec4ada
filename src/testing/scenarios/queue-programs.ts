// Programs of the queue scenarios, and what they do with a queue.

import type { Engine, HasQueues, Job } from "../../recipes/index.ts";
import type { Program, Stage } from "../stage.ts";

export type QueueingEngine = Engine & HasQueues;

export async function programs(stage: Stage<QueueingEngine>, count: 2): Promise<[P, P]>;
export async function programs(stage: Stage<QueueingEngine>, count: 3): Promise<[P, P, P]>;
export async function programs(stage: Stage<QueueingEngine>, count: number): Promise<P[]>;
export async function programs(stage: Stage<QueueingEngine>, count: number): Promise<P[]> {
  return Promise.all(Array.from({ length: count }, () => stage.program()));
}

type P = Program<QueueingEngine>;

export function bound(program: P) {
  return { c: program.c, loseNextAnswer: () => program.loseNextAnswer() };
}

export async function consume<T>(
  { c }: P,
  name: string,
  signal: AbortSignal | undefined,
  work: (job: Job<T>) => Promise<void>,
): Promise<void> {
  for await (const job of c.queue<T>(name).consume({ signal })) await work(job);
}

/** What comes out of it now, in its order. */
export async function drain<T>(queue: { tryTake(): Promise<Job<T> | null> }): Promise<T[]> {
  const values: T[] = [];
  for (;;) {
    const job = await queue.tryTake();
    if (job === null) return values;
    values.push(job.value);
    await job.ack();
  }
}
