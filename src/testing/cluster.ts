// A cluster of real members inside the test's own process, on free ports of loopback, with its data in memory. It needs no build, no
// child process and no file; so nothing is left behind, however the test's process ends.

import "../base/disposal.ts";
import { randomBytes } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import { MemoryFiles } from "../adapters/storage/memory-files.ts";
import { CoordinationError } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { OPTION, type OptionRules, problemOf } from "../base/options.ts";
import { connect, type RecipeConnectOptions, type ZooKeeperEngine } from "../engines/zookeeper/index.ts";
import type { Coordination } from "../recipes/index.ts";
import { type MortalMember, startMemberIn } from "../server/embedded-member.ts";
import type { Member, MemberAddress, MemberSettings, ReadyOptions } from "../server/index.ts";

export interface ClusterOptions {
  /** How many: 3 unless given. */
  readonly members?: number | undefined;
  /** Settings for all of them, as `startMember` takes them. Session timeouts from 200 ms to 60 s are allowed, unless these say otherwise. */
  readonly settings?: ClusterSettings | undefined;
  /** Told what happens to the members, each line with its member; silent unless given. */
  readonly logger?: Logger | undefined;
  /** How long the start may take: 30,000 ms unless given. */
  readonly timeoutMs?: number | undefined;
}

/** What a test cluster does not decide by itself. */
export type ClusterSettings = Omit<MemberSettings, "id" | "data" | "log" | "members" | "membersFile">;

/** Members have the numbers from 1 on. A member keeps its data and its ports until the cluster is closed. */
export interface Cluster extends AsyncDisposable {
  /** `zookeeper://127.0.0.1:…,127.0.0.1:…`, all members: for `connect`, here or in other processes. */
  readonly connectString: string;
  /** Those that run, by number. */
  readonly members: ReadonlyMap<number, Member>;
  /** The number of the member that leads; null while none does. */
  readonly leader: number | null;
  /** As `connect(cluster.connectString, options)`, but `close` of the cluster closes it. The session survives the loss of a member. */
  connect(options?: RecipeConnectOptions): Promise<Coordination<ZooKeeperEngine>>;
  /** Until every member that runs is ready; fails as `member.ready` does. */
  ready(options?: ReadyOptions): Promise<void>;
  /** Ends a member as the others see a crash: nothing is handed over. No effect on one that does not run. */
  kill(id: number): Promise<void>;
  /** Starts a member again on its data; one that runs is closed in order before. It may not be ready yet. */
  restart(id: number): Promise<void>;
  /**
   * Closes connections and members, and forgets the data. What `connect` and `restart` have begun is ended first: they fail with
   * `closed`. Never rejects. A second call waits for the first.
   */
  close(): Promise<void>;
}

const MEMBERS = 3;
const MEMBERS_MAX = 9;
const HOST = "127.0.0.1";
const TIMEOUT_MS = 30_000;
/** A port that was free may be taken before it is listened on. */
const TRIES = 5;

const OPTIONS: OptionRules<ClusterOptions> = {
  members: {
    is: `a whole number from 1 to ${MEMBERS_MAX}`,
    fits: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MEMBERS_MAX,
  },
  settings: OPTION.object,
  logger: OPTION.logger,
  timeoutMs: OPTION.duration,
};

/** Small files, for a short life in memory; sessions as short as a test likes. */
const SETTINGS: ClusterSettings = {
  storage: { segment: "256KiB", snapshotAfter: "4MiB" },
  zookeeper: { session: { tick: "500ms", timeoutMin: "200ms", timeoutMax: "60s" }, words: "all" },
};

/**
 * Starts a cluster and completes when all members are ready. Rejects with a `ConfigurationError` where the settings are wrong, or as
 * `member.ready` does; nothing is left then.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const problem = problemOf(options, OPTIONS);
  if (problem !== null) throw new CoordinationError("configuration", "not-applied", `startCluster: ${problem}`);
  const { members = MEMBERS, settings = {}, logger = silentLogger, timeoutMs = TIMEOUT_MS } = options;
  for (let tries = 1; ; tries++) {
    const cluster = new RunningCluster(await places(members), settings, logger);
    try {
      await cluster.start(timeoutMs);
      return cluster;
    } catch (error) {
      await cluster.close();
      if (!isPortTaken(error) || tries === TRIES) throw error;
    }
  }
}

interface Place {
  readonly id: number;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly files: MemoryFiles;
}

class RunningCluster implements Cluster {
  readonly connectString: string;
  readonly members = new Map<number, MortalMember>();
  readonly #places: readonly Place[];
  readonly #settings: ClusterSettings;
  readonly #logger: Logger;
  /** No other program on this machine, such as another test's cluster that had these ports before, is taken for a member. */
  readonly #secret = randomBytes(24).toString("base64url");
  readonly #connections = new Set<Coordination<ZooKeeperEngine>>();
  /** Calls of `connect` and `restart` that have not ended. */
  readonly #starting = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  constructor(members: readonly Place[], settings: ClusterSettings, logger: Logger) {
    this.#places = members;
    this.#settings = settings;
    this.#logger = logger;
    this.connectString = `zookeeper://${members.map(({ clientPort }) => `${HOST}:${clientPort}`).join()}`;
  }

  async start(timeoutMs: number): Promise<void> {
    for (const place of this.#places) await this.#startMember(place);
    await this.ready({ timeoutMs });
  }

  get leader(): number | null {
    let found: Member | null = null;
    for (const member of this.members.values()) {
      const { role, term } = member.status;
      if (role === "leader" && (found === null || term > found.status.term)) found = member;
    }
    return found?.id ?? null;
  }

  connect(options: RecipeConnectOptions = {}): Promise<Coordination<ZooKeeperEngine>> {
    return this.#untilClosed(() => this.#connect(options));
  }

  async #connect(options: RecipeConnectOptions): Promise<Coordination<ZooKeeperEngine>> {
    const { signal: closing } = this.#closing;
    const { signal = closing } = options;
    // What is no signal is refused by `connect`.
    const either = signal instanceof AbortSignal ? AbortSignal.any([signal, closing]) : signal;
    const connection = await connect(this.connectString, { ...options, signal: either });
    if (closing.aborted) await connection.close();
    this.#mustBeOpen();
    this.#connections.add(connection);
    return connection;
  }

  async ready(options: ReadyOptions = {}): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.ready(options)));
  }

  async kill(id: number): Promise<void> {
    this.#place(id);
    const member = this.members.get(id);
    this.members.delete(id);
    await member?.kill();
  }

  restart(id: number): Promise<void> {
    return this.#untilClosed(() => this.#restart(id));
  }

  async #restart(id: number): Promise<void> {
    const place = this.#place(id);
    await this.members.get(id)?.close();
    this.members.delete(id);
    this.#mustBeOpen();
    await this.#startMember(place);
  }

  /** A call that `close` waits for. */
  async #untilClosed<T>(call: () => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    const result = call();
    this.#starting.add(result);
    try {
      return await result;
    } catch (error) {
      this.#mustBeOpen(); // else that is why it failed
      throw error;
    } finally {
      this.#starting.delete(result);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    const members = [...this.members.values()];
    this.members.clear();
    await Promise.all(members.map((member) => member.kill()));
    await Promise.allSettled(this.#starting);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #startMember({ id, clientPort, files }: Place): Promise<void> {
    const { zookeeper = {}, ...rest } = this.#settings;
    const doors = Array.isArray(zookeeper) ? zookeeper : [zookeeper];
    const first = { ...SETTINGS.zookeeper, ...doors[0], port: clientPort, address: HOST };
    const member = await startMemberIn(
      { storage: { files, lock: async () => async () => {} } },
      {
        ...SETTINGS,
        ...rest,
        id,
        data: `/member-${id}`,
        ...(this.#places.length > 1 ? { members: this.#addresses() } : {}),
        peer: { secret: this.#secret, ...rest.peer },
        zookeeper: [first, ...doors.slice(1)],
        logger: this.#loggerOf(id),
      },
    );
    if (this.#closing.signal.aborted) await member.kill();
    this.#mustBeOpen();
    this.members.set(id, member);
  }

  #addresses(): Record<number, MemberAddress> {
    return Object.fromEntries(this.#places.map(({ id, peerPort }) => [id, { host: HOST, peerPort }]));
  }

  #loggerOf(id: number): Logger {
    const logger = this.#logger;
    return {
      info: (message) => logger.info(`member ${id}: ${message}`),
      warn: (message) => logger.warn(`member ${id}: ${message}`),
      error: (message) => logger.error(`member ${id}: ${message}`),
    };
  }

  #place(id: number): Place {
    const place = this.#places.find((each) => each.id === id);
    if (place !== undefined) return place;
    const why = `there is no member ${id}: the cluster has the members 1 to ${this.#places.length}`;
    throw new CoordinationError("rejected", "not-applied", why);
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw new CoordinationError("closed", "not-applied", "the cluster is closed");
  }
}

async function places(count: number): Promise<readonly Place[]> {
  const ports = await freePorts(2 * count);
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    clientPort: ports[2 * i]!,
    peerPort: ports[2 * i + 1]!,
    files: new MemoryFiles(),
  }));
}

/** All different, because they are held until the last is known. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    const listening = servers.map(
      (server) =>
        new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, HOST, resolve);
        }),
    );
    await Promise.all(listening);
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function isPortTaken(error: unknown): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if ((each as NodeJS.ErrnoException).code === "EADDRINUSE") return true;
  }
  return false;
}
