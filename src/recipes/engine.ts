// What recipes need of a coordination service, and nothing of how it keeps it: the port between the recipes and their
// engines.
//
// It is cut at what recipes speak of (a session, a line of contenders, a value, a directory), not at znodes, keys or
// leases, because each engine has to use the layout of its own system's recipes, so that programs in other languages
// exclude ours: on ZooKeeper Curator's nodes, on etcd keys under a prefix ordered by create revision, on Consul one key
// and its session. What an engine cannot do it does not have: each ability is an interface of its own, a recipe asks for
// those it needs, and where one is missing the program does not compile.
//
// Two ideas run through it. *Looking*: an engine never calls back with news; it answers what is so now, and with a
// promise that is kept when looking again is worthwhile. Recipes look until they have what they want, so a wake-up
// that is too early, doubled or for somebody else does no harm, and one that is missed cannot be. *Leaving*: what was
// begun for a session can be taken back at any instant, also before the engine knows whether it was begun.

import type { Random } from "../base/random.ts";

// ------------------------------------------------------------------------------------------------------- every engine

/** Time and chance, for pure recipes. */
export interface Runtime {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock: for people and for dates that programs agree on, never for a deadline. */
  wall(): number;
  /** Runs about `milliseconds` from now; returns how to call it off. */
  after(milliseconds: number, task: () => void): () => void;
  readonly random: Random;
}

/** Hears what nobody waits for: what could not be taken back. The server's and the client's loggers are such. */
export interface RecipeLogger {
  warn(message: string): void;
  error(message: string): void;
}

/**
 * Hears what recipes do with what is held, for tracing. `trace` runs the work and gives what came of it, whoever listens or
 * not; with nobody listening it is nothing more than that.
 */
export interface RecipeTracer {
  trace<T>(operation: "acquire" | "release", about: TracedOperation, work: () => Promise<T>): Promise<T>;
  /** What was acquired is not held any more. Asks about it only if somebody listens. */
  onEnd(about: () => TracedEnd): void;
}

export interface TracedOperation {
  /** As errors speak of it: `lock "billing"`, `2 permits of semaphore "gpu"`. */
  readonly what: string;
  readonly name: string;
  /** Set with the grant; null: it was not to be had at once. */
  token?: bigint | null;
}

export interface TracedEnd {
  readonly what: string;
  readonly name: string;
  readonly token: bigint;
  readonly end: "lost" | "released";
  /** The reason of the handle's signal. */
  readonly reason: Error;
}

/** What every engine is. Its abilities are added to it: `Engine & HasMutexes & HasValues`. */
export interface Engine {
  readonly runtime: Runtime;
  readonly logger: RecipeLogger;
  /** Nobody listens unless there is one. */
  readonly tracer?: RecipeTracer | undefined;
  readonly status: EngineStatus;
  /** Tells of every change of the status, as it happens; returns how to stop that. Must not be called in its own turn. */
  onStatus(listener: (status: EngineStatus) => void): () => void;
  /**
   * Whether what failed so may be done when it is asked again, though nobody changes what is asked: a disk is full, a quota is
   * reached, a server has too much to do. What an engine does not tell is taken for lasting.
   */
  mayPass?(error: unknown): boolean;
  /** Gives its session up, and with it whatever it holds. Leaves no timer and no socket. Never fails. */
  close(): Promise<void>;
}

/** `connecting`: there is no session. `closed`: there will be none any more. */
export type EngineStatus =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly session: EngineSession }
  | { readonly kind: "closed"; readonly reason: Error };

/** What grants, entries and places in line stand on: they end with it, here by its deadline, there soon after it. */
export interface EngineSession {
  /** As the engine's own tools show it. */
  readonly id: string;
  /** The silence after which the servers let go of what the session holds, as they agreed to it. */
  readonly timeoutMs: number;
  /**
   * Milliseconds until the servers may give away what this session holds, counted from before the last renewal that was
   * answered had been sent, less a margin for clocks of different rates; 0 once it is over. Asks the clock, so it is
   * right also where no timer could run.
   */
  expiresIn(): number;
  readonly state: SessionState;
  /** Tells of each change of the state; returns how to stop that. `lost` is the last, told once. */
  onState(listener: (state: SessionState) => void): () => void;
}

/** `unsure`: the servers are not reached, and the session may yet be saved. */
export type SessionState =
  | { readonly kind: "sure" }
  | { readonly kind: "unsure"; readonly why: string }
  | { readonly kind: "lost"; readonly cause: SessionLossCause; readonly error: Error };

/** `session-expired`: the servers said so. `deadline`: they may have. `closed`: by this side. */
export type SessionLossCause = "session-expired" | "deadline" | "closed";

/** Something as it was, and when to look again. */
export interface WatchedRead<T> {
  readonly value: T;
  /** Kept when it may be different, or when its change can no longer be told. Never fails. */
  readonly changed: Promise<void>;
  /** Nobody waits for `changed` any more. */
  unwatch(): void;
}

/** How a look is taken. */
export interface ReadOptions {
  /** With everything that was acknowledged to anybody before. Else it may be what a server that lags knows. */
  readonly isFresh?: boolean | undefined;
}

/** Hears of each refusal of what is being taken back. */
export type OnRefused = (refusal: Error) => void;

/** One line of an access list, as the engine's system has them: what (`perms`, bits) whom (`scheme`, `id`). */
export interface AccessRule {
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/** How the things are made that a recipe makes. */
export interface PlaceOptions {
  /** Who may do what with them; as all of the connection's recipes, unless given. */
  readonly acl?: readonly AccessRule[] | undefined;
  /** The place from which down the access list holds: that of the thing itself, unless given. */
  readonly within?: string | undefined;
}

// -------------------------------------------------------------------------------------------------------- contention

/**
 * One that wants something that is not everyone's. Made at once and without asking anybody; `look` enters the line. It is
 * for one session, and over with it.
 */
export interface Contender {
  /**
   * Enters the line, if that has not been done, and says where it stands. Goes on through lost connections, as long as
   * the session lives; fails with the session, or when the servers refuse.
   */
  poll(): Promise<ContenderState>;
  /**
   * Watches over what was granted: `onGone` is called once if it is taken away while the session lives. Returns how to
   * stop that.
   */
  guard(onGone: (cause: "deleted" | "revoked") => void): () => void;
  /**
   * Takes back whatever `look` did or may yet have done, whatever instant this comes at; completes when nothing is
   * left, or the session is over. Wakes nobody but who waited for it. What the servers refuse is tried again until then, by
   * and by, and at once when this is called again; `onRefused` hears of it. Never fails.
   */
  release(onRefused?: OnRefused): Promise<void>;
}

/**
 * `granted`: until it leaves. `token` is larger than that of every grant before it of the same thing, and will never be
 * given again. `waiting`: for what is before it; `changed` is kept when the one that it waits for is gone. `gone`: somebody
 * took it out of the line; another contender may enter.
 */
export type ContenderState =
  | { readonly kind: "granted"; readonly token: bigint }
  | { readonly kind: "waiting"; readonly ahead: number; readonly changed: Promise<void> }
  | { readonly kind: "gone" };

/** Things that one may have at a time, first come, first served. */
export interface HasMutexes {
  /** Throws where the name is none (see `names.ts`). */
  mutex(name: string, options?: PlaceOptions): Mutex;
}

export interface Mutex {
  /** `data`: what others see of it in the line. */
  contend(session: EngineSession, data: Uint8Array): Contender;
}

/** Things that many may read or one may write, first come, first served. */
export interface HasSharedMutexes {
  sharedMutex(name: string, options?: PlaceOptions): SharedMutex;
}

export interface SharedMutex {
  contend(session: EngineSession, mode: "read" | "write", data: Uint8Array): Contender;
  /**
   * A reader who stands where the writer stands that holds it, and so is granted at once, before all who wait, with the writer's
   * token: what it holds is the same. `look` fails ("rejected") when the writer is not there any more as this one comes.
   */
  contendBehind(writer: Contender, session: EngineSession, data: Uint8Array): Contender;
}

/** Things that there are several of. */
export interface HasSemaphores {
  /** All who use it have to agree on how many permits there are. */
  semaphore(name: string, permits: number, options?: PlaceOptions): Permits;
}

export interface Permits {
  /** Wants `count` of them, all at once: nobody holds some while waiting for more. */
  contend(session: EngineSession, count: number, data: Uint8Array): Contender;
}

/** Leader elections: one leader at a time, with a list of candidates that everyone may see. */
export interface HasElections {
  election(name: string, form: ElectionForm, options?: PlaceOptions): EngineElection;
}

/** Whom it is shared with on ZooKeeper: Curator's LeaderLatch, or its LeaderSelector. */
export type ElectionForm = "latch" | "selector";

export interface EngineElection {
  contend(session: EngineSession, data: Uint8Array): Candidate;
  /** Those in line, the holder first. */
  candidates(): Promise<WatchedRead<readonly CandidateView[]>>;
  /**
   * Changes what is seen of another, known by its token, from what it is at that moment: `change` may be asked more than once,
   * and done twice is done once. False: it is not in line.
   */
  describe(token: bigint, change: (data: Uint8Array) => Uint8Array): Promise<boolean>;
}

export interface Candidate extends Contender {
  /** Changes what others see of it. Fails as writes do, and with the code "rejected" when it is not in line. */
  publish(data: Uint8Array): Promise<void>;
}

export interface CandidateView {
  /** The token that it has, or will be granted with. */
  readonly token: bigint;
  readonly data: Uint8Array;
}

/** Meetings that begin when enough have come, and end when all have gone. */
export interface HasDoubleBarriers {
  /** All who use it have to agree on how many `members` are enough; more may come. */
  doubleBarrier(name: string, members: number, options?: PlaceOptions): EngineDoubleBarrier;
}

export interface EngineDoubleBarrier {
  contend(session: EngineSession): BarrierParticipant;
}

/** Granted when enough have come; `ahead` are those who are missing. `leave` goes out and waits for nobody. */
export interface BarrierParticipant extends Contender {
  /**
   * Once it was granted: goes out, now or when its going tells the others that all are out; and says how many of those who
   * were inside with it are there still. Goes on through lost connections, as `look` does.
   */
  leave(): Promise<LeaveProgress>;
  /**
   * For who waits no longer, before `leave`: out, unless it was counted with those who are enough, for then the others have
   * begun with it. `unknown`: the servers are not reached, or refuse, and it may be counted yet. Never fails.
   */
  cancelEntry(): Promise<EntryCancellation>;
}

export type EntryCancellation =
  | { readonly kind: "gone" }
  | { readonly kind: "granted"; readonly token: bigint }
  | { readonly kind: "unknown" };

export type LeaveProgress =
  | { readonly kind: "over" }
  | { readonly kind: "waiting"; readonly inside: number; readonly changed: Promise<void> };

/** Lines of work: items that wait, each leased to one who works on it, until it is completed or given back. */
export interface HasQueues {
  queue(name: string, options?: PlaceOptions): WorkQueue;
}

export interface WorkQueue {
  /** Gives the new item's id. Tried once, as a value's writes are. */
  put(item: NewItem, limits?: WriteLimits): Promise<string>;
  /** Wants the first item that is ready. `ahead`: others who want one before it; 0: it waits for an item. */
  contend(session: EngineSession): ItemLease;
  /** All that are not completed, in the order in which they come out; with everything that was acknowledged before. */
  items(): Promise<readonly ItemView[]>;
  /** Null: it has been completed. */
  read(id: string): Promise<QueueItem | null>;
}

/** `priority`: whole, of 32 bits with a sign; the highest comes out first. `dueAt`: by the wall clock; null: at once. */
export interface ItemOrder {
  readonly priority: number;
  readonly dueAt: number | null;
}

export interface NewItem extends ItemOrder {
  readonly data: Uint8Array;
}

export interface ItemView extends ItemOrder {
  readonly id: string;
  /** It is due, and leased to nobody. */
  readonly isReady: boolean;
}

export interface QueueItem extends ItemOrder {
  readonly id: string;
  /** One, unless another program put several at once; none where it is not in this queue's format. */
  readonly data: readonly Uint8Array[];
}

/** Granted: an item is its own. `leave` gives it back. */
export interface ItemLease extends Contender {
  /** What was granted. */
  readonly item: QueueItem | null;
  /**
   * Takes the item out for good; from then on there is nothing to leave. Goes on through lost connections as long as the
   * session lives; fails with it, with the outcome "unknown" where it may have been done. Where the servers refuse it may be
   * called again.
   */
  complete(): Promise<void>;
}

// ----------------------------------------------------------------------------------------------- values and directories

/** Small values, each changed as one. */
export interface HasValues {
  /** `recipe` says what it is for, and where the engine's own recipes would put it. */
  value(recipe: ValueRecipe, name: string, options?: PlaceOptions): Value;
}

export type ValueRecipe = "barrier" | "configuration" | "counter" | "sequence" | "value";

/** A value, and which it is: compared by the engine, opaque to others. */
export interface Versioned {
  readonly data: Uint8Array;
  /** Larger with every change, also across deletion and new creation. */
  readonly revision: bigint;
  readonly version: string;
}

/**
 * Reads go on through lost connections until an answer comes or the engine is closed. Writes are tried once: they fail with a
 * CoordinationError whose `outcome` says whether they took effect. Of those that say false nothing was applied.
 */
export interface Value {
  /** Null: there is none. */
  read(options?: ReadOptions): Promise<WatchedRead<Versioned | null>>;
  /** As `read`, with no eye on what comes. `isFresh`: it holds all that was acknowledged to anyone before. */
  current(isFresh: boolean): Promise<Versioned | null>;
  /** False: there is one. */
  create(data: Uint8Array, limits?: WriteLimits): Promise<boolean>;
  /** False: it is not in this version any more. */
  replace(version: string, data: Uint8Array, limits?: WriteLimits): Promise<boolean>;
  /** False: it is not in this version any more; without a version, there was none. */
  delete(version: string | null, limits?: WriteLimits): Promise<boolean>;
}

/** How long a write may take. One that had not left when it was called off never will; of others the outcome is unknown. */
export interface WriteLimits {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Changes of several places as one: all of them, or none. */
export interface HasTransactions {
  /**
   * Tried once, as a value's writes are; missing parents of what is created are made with it. What each step came to, in their
   * order. Fails with a TransactionError when one of them cannot be done: then none was.
   */
  transact(
    steps: readonly TransactionStep[],
    limits?: WriteLimits,
    options?: PlaceOptions,
  ): Promise<readonly StepResult[]>;
}

/**
 * `place`: exact, beginning with a slash. `version`: a `Versioned`'s; null: any. `guard` changes nothing, and holds the others
 * back unless what the contender was granted is its own still.
 */
export type TransactionStep =
  | { readonly kind: "check"; readonly place: string; readonly version: string | null }
  | { readonly kind: "create"; readonly place: string; readonly data: Uint8Array }
  | { readonly kind: "set"; readonly place: string; readonly data: Uint8Array; readonly version: string | null }
  | { readonly kind: "delete"; readonly place: string; readonly version: string | null }
  | { readonly kind: "guard"; readonly what: string; readonly contender: Contender };

/** What is there after a step; null after those that leave nothing, or only look. */
export type StepResult = { readonly version: string; readonly revision: bigint } | null;

/** Entries that live as long as a session, under names of their own. */
export interface HasDirectories {
  directory(recipe: DirectoryRecipe, name: string, options?: PlaceOptions): Directory;
}

export type DirectoryRecipe = "membership" | "service";

export interface Directory {
  /** Made at once; `put` enters it. */
  entry(session: EngineSession, name: string): DirectoryEntry;
  list(options?: ReadOptions): Promise<WatchedRead<readonly EntryView[]>>;
}

export interface EntryView {
  readonly name: string;
  readonly data: Uint8Array;
  /** Another when the entry was taken out and entered again. */
  readonly token: bigint;
}

export interface DirectoryEntry {
  /**
   * Enters it, or changes its data. False: another session has an entry of this name. Goes on through lost connections as
   * long as the session lives.
   */
  put(data: Uint8Array): Promise<boolean>;
  /** Calls once if somebody else takes it out while the session lives. Returns how to stop that. */
  guard(onGone: () => void): () => void;
  /** As a contender's. */
  remove(onRefused?: OnRefused): Promise<void>;
}

// -------------------------------------------------------------------------------------------------------------- trees

/** Everything below a place, kept track of. */
export interface HasTrees {
  /** One who reads it from now on. "/" is all there is. Throws where the name is none. */
  tree(name: string): TreeReader;
}

export interface TreeReader {
  /** What may be different since its last look. Goes on over lost sessions. */
  read(options?: ReadOptions): Promise<WatchedRead<TreeUpdate>>;
  /** Nothing is watched any more. */
  close(): void;
}

export interface TreeUpdate {
  /** These are all there are: the first time, and whenever changes may have been missed. */
  readonly isWhole: boolean;
  /** As they are now. */
  readonly nodes: readonly TreeNodeView[];
  readonly gone: readonly string[];
}

export interface TreeNodeView {
  /** From the tree's own place: "/a/b"; "/" is the place itself. */
  readonly path: string;
  readonly data: Uint8Array;
  /** Another when it was deleted and created anew. */
  readonly token: bigint;
  /** Larger with every change of its data. */
  readonly revision: bigint;
}
