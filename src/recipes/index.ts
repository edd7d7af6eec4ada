// The recipes and the port that they run over.

export { Barrier } from "./barrier.ts";
export type { Codec } from "./codec.ts";
export { Coordination } from "./coordination.ts";
export { Counter } from "./counter.ts";
export { DoubleBarrier, type DoubleBarrierOptions, type Inside } from "./double-barrier.ts";
export {
  type CampaignOptions,
  type CandidateInfo,
  Election,
  type ElectionOptions,
  type ElectionView,
  type Term,
} from "./election.ts";
export type * from "./engine.ts";
export { LockLostError, type LossCause, ReleasedError } from "./errors.ts";
export type { Held, HeldState, HoldOptions } from "./held.ts";
export { type AcquireOptions, Lock } from "./lock.ts";
export { type MultiHeld, MultiLock } from "./multi-lock.ts";
export type { WaitOptions } from "./patience.ts";
export { type Job, type PutOptions, Queue, type QueuedItem, type QueueOptions } from "./queue.ts";
export { ReadWriteLock, type WriteHeld } from "./read-write-lock.ts";
export { type PermitOptions, Semaphore, type SemaphoreOptions } from "./semaphore.ts";
export { Sequence } from "./sequence.ts";
