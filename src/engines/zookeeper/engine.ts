// Recipes on ZooKeeper, or on a Cabildo cluster, through our own client.

import { callBack } from "../../base/callback.ts";
import { CoordinationError } from "../../base/errors.ts";
import { type Logger, silentLogger } from "../../base/logger.ts";
import type {
  Acl,
  ClientPorts,
  ClientState,
  Session,
  ZooKeeperClient,
} from "../../protocols/zookeeper/client/index.ts";
import type {
  Directory,
  ElectionForm,
  EngineDoubleBarrier,
  EngineElection,
  EngineSession,
  EngineStatus,
  FullEngine,
  Mutex,
  Permits,
  PlaceOptions,
  ReadOptions,
  RecipeTracer,
  Runtime,
  SharedMutex,
  StepResult,
  TransactionStep,
  TreeReader,
  Value,
  WatchedRead,
  WorkQueue,
  WriteLimits,
} from "../../recipes/engine.ts";
import { NodeDirectory } from "./directories.ts";
import { NodeBarrierParticipant } from "./double-barrier.ts";
import { NodeElection } from "./election.ts";
import { isWithin, pathOf } from "./layout.ts";
import { type NodeContext, OPEN } from "./nodes.ts";
import { PermitContender } from "./permits.ts";
import { NodeQueue } from "./queue.ts";
import { permitQueueView, queueView } from "./queue-views.ts";
import { mayPass } from "./retry.ts";
import { ZooKeeperSession } from "./session.ts";
import { transact } from "./transactions.ts";
import { NodeTreeReader } from "./trees.ts";
import { NodeValue } from "./values.ts";
import { WaitQueueContender, type WaitQueueOptions } from "./wait-queue.ts";
import { parseWaitQueueNode, type WaitQueueNode } from "./wait-queue-names.ts";
import { watchedChildren } from "./watched-read.ts";

export interface EngineOptions {
  /**
   * Everything stands below it; "/" unless given. It is created when it is needed, which a client's chroot is not: that is why
   * the engine adds it.
   */
  readonly root?: string | undefined;
  /** Who may do what with the nodes that recipes make: anyone everything, unless given. */
  readonly acl?: readonly Acl[] | undefined;
  readonly logger?: Logger | undefined;
  readonly tracer?: RecipeTracer | undefined;
  /** Who this program is, for those who see it in a queue. */
  readonly identity?: string | undefined;
}

export class ZooKeeperEngine implements FullEngine {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly tracer: RecipeTracer | undefined;
  readonly identity: string | undefined;
  readonly #client: ZooKeeperClient;
  readonly #root: string;
  readonly #hashes: ClientPorts["hashes"];
  readonly #acl: readonly Acl[];
  readonly #listeners = new Set<(status: EngineStatus) => void>();
  readonly #stopClient: () => void;
  #session: ZooKeeperSession | null = null;
  #status: EngineStatus = { kind: "connecting" };

  /**
   * Takes over a client without a chroot that begins a new session after a loss; closing the engine closes it. `ports` are the
   * client's own.
   */
  constructor(
    client: ZooKeeperClient,
    ports: ClientPorts,
    { root = "/", acl = OPEN, logger = silentLogger, tracer, identity }: EngineOptions = {},
  ) {
    this.#root = root;
    const { clock, random, hashes } = ports;
    this.runtime = {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after: (ms, task) => clock.after(ms, task),
      random,
    };
    this.logger = logger;
    this.tracer = tracer;
    this.identity = identity;
    this.#client = client;
    this.#hashes = hashes;
    this.#acl = acl;
    this.#stopClient = client.onState((state) => this.#onState(state));
    this.#onState(client.state);
  }

  /** The client below, for what recipes do not offer. */
  get client(): ZooKeeperClient {
    return this.#client;
  }

  get status(): EngineStatus {
    this.#session?.expiresIn(); // ends it now if its deadline has passed and no timer has run yet
    return this.#status;
  }

  mayPass(error: unknown): boolean {
    return mayPass(error);
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#client.close();
    this.#stopClient();
  }

  #onState(state: ClientState): void {
    switch (state.kind) {
      case "connected":
        if (this.#session?.session !== state.session) this.#session = this.#begin(state.session);
        this.#session.onConnected();
        if (this.#status.kind !== "ready" || this.#status.session !== this.#session) {
          this.#become({ kind: "ready", session: this.#session });
        }
        return;
      case "unsure":
        this.#session?.onDisconnected(state.why);
        return;
      case "connecting":
        return; // told when the session ended, or the initial status
      case "lost":
        // The client begins no other session after this loss.
        if (state.reason.lossCause === "auth-failed") this.#become({ kind: "closed", reason: state.reason });
        return;
      case "closed": {
        if (this.#status.kind === "closed") return;
        const reason = new CoordinationError("closed", "not-applied", "it was closed by this program");
        this.#become({ kind: "closed", reason });
      }
    }
  }

  /** Its listener is the first to hear of the end: nothing may begin for a session that is over. */
  #begin(of: Session): ZooKeeperSession {
    const session = new ZooKeeperSession(of, (error) => this.#reportListener("session", error));
    session.onState((state) => {
      if (state.kind !== "lost" || this.#session !== session) return;
      this.#session = null;
      this.#become(state.cause === "closed" ? { kind: "closed", reason: state.error } : { kind: "connecting" });
    });
    return session;
  }

  #become(status: EngineStatus): void {
    this.#status = status;
    const onError = (error: unknown) => this.#reportListener("status", error);
    for (const listener of [...this.#listeners]) callBack(listener, status, onError);
  }

  #reportListener(of: "session" | "status", error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.logger.error(`a listener of the ${of} failed: ${why}`);
  }

  // ------------------------------------------------------------------------------------------------------- abilities

  /** Curator's InterProcessMutex. */
  mutex(name: string, options: PlaceOptions = {}): Mutex {
    const path = pathOf(this.#root, "lock", name);
    const context = this.#contextOf(path, options);
    return {
      contend: (session, data) => new WaitQueueContender(context, sessionOf(session), { path, kind: "lock-", data }),
      queue: (signal) => queueView(context, path, "exclusive", signal),
    };
  }

  /** Curator's InterProcessReadWriteLock. */
  sharedMutex(name: string, options: PlaceOptions = {}): SharedMutex {
    const path = pathOf(this.#root, "read-write lock", name);
    const context = this.#contextOf(path, options);
    const contender = (session: EngineSession, line: WaitQueueOptions) =>
      new WaitQueueContender(context, sessionOf(session), line);
    return {
      queue: (signal) => queueView(context, path, "exclusive", signal),
      contend: (session, mode, data) => {
        if (mode === "write") return contender(session, { path, kind: WRITE, data });
        return contender(session, { path, kind: READ, data, waitsFor: isWriter });
      },
      contendBehind: (writer, session, data) => {
        const held = writer instanceof WaitQueueContender ? writer.node : null;
        const digits = held === null || held.name === null ? undefined : parseWaitQueueNode(held.name)?.digits;
        if (held === null || digits === undefined) throw new TypeError("only who holds the lock lets a reader in");
        const waitsFor = (node: WaitQueueNode) => isWriter(node) && node.name !== held.name;
        const options = { isNumbered: true, waitsFor, goesOnFrom: held };
        return contender(session, { path, kind: `${READ}${digits}`, data, ...options });
      },
    };
  }

  /** Curator's InterProcessSemaphoreV2. */
  semaphore(name: string, permits: number, options: PlaceOptions = {}): Permits {
    const path = pathOf(this.#root, "semaphore", name);
    const context = this.#contextOf(path, options);
    return {
      contend: (session, count, data) =>
        new PermitContender(context, sessionOf(session), { path, permits, count, data }),
      queue: () => permitQueueView(context, path),
    };
  }

  /** Curator's LeaderLatch, or its LeaderSelector, which is a mutex. */
  election(name: string, form: ElectionForm, options: PlaceOptions = {}): EngineElection {
    const path = pathOf(this.#root, "election", name);
    return new NodeElection(this.#contextOf(path, options), path, form === "latch" ? "latch-" : "lock-", sessionOf);
  }

  /** Curator's DistributedDoubleBarrier. */
  doubleBarrier(name: string, members: number, options: PlaceOptions = {}): EngineDoubleBarrier {
    const path = pathOf(this.#root, "double barrier", name);
    const context = this.#contextOf(path, options);
    return { contend: (session) => new NodeBarrierParticipant(context, sessionOf(session), path, members) };
  }

  /** Curator's DistributedQueue with a path for locks, and its priority and delay queues. */
  queue(name: string, options: PlaceOptions = {}): WorkQueue {
    const path = pathOf(this.#root, "queue", name);
    return new NodeQueue(this.#contextOf(path, options), path, sessionOf);
  }

  transact(
    steps: readonly TransactionStep[],
    limits: WriteLimits = {},
    options: PlaceOptions = {},
  ): Promise<readonly StepResult[]> {
    return transact(this.#contextOf(this.#root, options), this.#root, steps, limits);
  }

  value(recipe: string, name: string, options: PlaceOptions = {}): Value {
    const path = pathOf(this.#root, recipe, name);
    return new NodeValue(this.#contextOf(path, options), path);
  }

  directory(recipe: string, name: string, options: PlaceOptions = {}): Directory {
    const path = pathOf(this.#root, recipe, name);
    return new NodeDirectory(this.#contextOf(path, options), path, sessionOf);
  }

  tree(name: string): TreeReader {
    const path = name === "/" ? this.#root : pathOf(this.#root, "tree", name);
    return new NodeTreeReader({ client: this.#client, runtime: this.runtime }, path);
  }

  children(path: string, options: ReadOptions = {}): Promise<WatchedRead<readonly string[] | null>> {
    const full = path === "/" ? this.#root : pathOf(this.#root, "node", path);
    return watchedChildren({ client: this.#client, runtime: this.runtime }, full, options);
  }

  /** The recipe's own access list holds from `path` down. */
  #contextOf(path: string, { acl, within }: PlaceOptions): NodeContext {
    const own = within === undefined ? path : pathOf(this.#root, "value", within);
    return {
      client: this.#client,
      hashes: this.#hashes,
      runtime: this.runtime,
      logger: this.logger,
      aclOf: (path) => (acl !== undefined && isWithin(path, own) ? acl : this.#acl),
    };
  }
}

const READ = "__READ__";
const WRITE = "__WRIT__";

/** A node without a reader's mark wants the lock alone. */
function isWriter({ isReader }: WaitQueueNode): boolean {
  return !isReader;
}

function sessionOf(session: unknown): ZooKeeperSession {
  if (session instanceof ZooKeeperSession) return session;
  throw new TypeError("this session is another engine's");
}
