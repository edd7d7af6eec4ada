// The recipes and the port that they run over.

export type { AccessOptions } from "./access.ts";
export type { AcquireOptions } from "./acquire.ts";
export type { Assignment } from "./assignment.ts";
export { Barrier } from "./barrier.ts";
export type { Codec } from "./codec.ts";
export { Configuration, type InvalidConfiguration, type Reading } from "./configuration.ts";
export { Coordination } from "./coordination.ts";
export { Counter } from "./counter.ts";
export { type BarrierEntry, DoubleBarrier, type DoubleBarrierOptions } from "./double-barrier.ts";
export {
  type CampaignOptions,
  type CandidateInfo,
  Election,
  type ElectionOptions,
  type ElectionView,
  type Term,
} from "./election.ts";
export type * from "./engine.ts";
export {
  InvalidValueError,
  LockLostError,
  type LossCause,
  ReleasedError,
  type StepFailure,
  TransactionError,
} from "./errors.ts";
export { Group, type GroupMember, type JoinOptions, type Membership } from "./group.ts";
export type { Handle, HandleState as HeldState, HoldOptions } from "./handle.ts";
export type { ContenderInfo, Waiting } from "./identity.ts";
export { Latch } from "./latch.ts";
export { Lock } from "./lock.ts";
export { MultiLock, type MultiLockHandle } from "./multi-lock.ts";
export { type ChangeOptions, type NodeData, Nodes } from "./nodes.ts";
export { OpenConfiguration, type OpenOptions } from "./open-configuration.ts";
export { Partition, type PartitionOptions, type ShareOptions } from "./partition.ts";
export type { PartitionMembership } from "./partition-membership.ts";
export { type DownPolicy, Provider, type ProviderOptions } from "./provider.ts";
export { type ConsumeOptions, type Job, type PutOptions, Queue, type QueuedItem, type QueueOptions } from "./queue.ts";
export { ReadWriteLock, type SharedContenderInfo, type WriteLockHandle } from "./read-write-lock.ts";
export type { RegistrationState } from "./registration.ts";
export { type PermitContenderInfo, type PermitOptions, Semaphore, type SemaphoreOptions } from "./semaphore.ts";
export { Sequence } from "./sequence.ts";
export { type RegisterOptions, Service, type ServiceOptions, type ServiceRegistration } from "./service.ts";
export type { InstanceDetails, ServiceInstance, ServiceMeta } from "./service-instance.ts";
export type { Share } from "./share.ts";
export type {
  SchemaIssue,
  SchemaResult,
  StandardSchema,
  Validator,
  ValueSchema,
  WithSchema,
} from "./standard-schema.ts";
export type { CoordinationStatus, SessionStatus } from "./status.ts";
export type { Strategy, StrategyName } from "./strategies.ts";
export type { SubscribedView } from "./subscribed-view.ts";
export type { SubscribeOptions } from "./subscription.ts";
export { Transaction } from "./transaction.ts";
export { OpenTree, Tree, type TreeChange, type TreeNode } from "./tree.ts";
export type { WaitOptions } from "./wait-scope.ts";
