// One whole member of the server: storage, replica, peers and protocols, wired from its configuration.

import { randomInt } from "node:crypto";
import { stat } from "node:fs/promises";
import { type Certificates, openCertificates } from "../adapters/clients/certificates.ts";
import { systemClock } from "../adapters/clock.ts";
import { systemHashes } from "../adapters/hashes.ts";
import { openPeers } from "../adapters/peers/peers.ts";
import type { StorageWorld } from "../adapters/storage/storage.ts";
import { openStorage } from "../adapters/storage/system-storage.ts";
import { closeAll } from "../base/close-all.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import type { ConnectableMember } from "../engines/embedded/index.ts";
import { EventFeed } from "../management/event-feed.ts";
import { OperatorPages } from "../management/operator-pages.ts";
import type { TlsSettings } from "../protocols/configured-door.ts";
import type { DoorHost } from "../protocols/door-host.ts";
import type { DoorKind } from "../protocols/door-kind.ts";
import { LateStorageEvents } from "../replica/late-storage-events.ts";
import type { OpenedStorage, StorageEvents } from "../replica/ports.ts";
import { Replica } from "../replica/replica.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import { Machine } from "../state/machine.ts";
import { coordinationModels, type ModelFactory } from "../state/models.ts";
import { ClientCapacity } from "../transport/client-capacity.ts";
import { aboutMember } from "./about-member.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import { DOORS } from "./doors.ts";
import { initialEnsemble } from "./initial-ensemble.ts";
import { managementOf, openManagement } from "./management.ts";
import { type OpenDoor, openDoor } from "./open-door.ts";
import { operationsOf } from "./operations.ts";
import { openOperatorToken } from "./operator-token.ts";
import { openPeerPortWarning, peersOptions, peerTls } from "./peers-options.ts";
import { replicaOptions } from "./replica-options.ts";

export interface RunningMember extends ConnectableMember {
  readonly member: ReplicaPort;
  /** Which life of its data directory this is: an ensemble counts a voter once its records name it. */
  readonly incarnation: number;
  /** Whether there is a connection to another member. */
  isConnected(id: MemberId): boolean;
  /**
   * Hands leadership over unless told not to, lets what is under way finish for `graceMs`, and closes everything. Completes once all is
   * closed, also for a member that ended by itself. Rejects then where something could not be closed.
   */
  stop(options?: StopOptions): Promise<void>;
  /** Aborts as soon as the member serves no more; the reason is null if it was asked to end, else what ended it. */
  readonly ending: AbortSignal;
  /** Settles when the member has ended, and everything is closed: null if it was asked to, else what ended it. */
  readonly ended: Promise<Error | null>;
}

/** A disk that failed may not answer any more: a member that ends by itself has ended after this time, whatever is closed. */
const CLOSE_AFTER_FAILURE_MS = 3000;

interface StopOptions {
  readonly transferLeadership?: boolean;
  readonly graceMs?: number;
}

/** For protocols that are made elsewhere. */
export interface MemberExtensions {
  /** The doors that the configuration may name; those that come with Cabildo, unless given. */
  readonly doorKinds?: readonly DoorKind[] | undefined;
  /** Models of the state, beside those that come with Cabildo. All members must have the same. */
  readonly models?: readonly ModelFactory[] | undefined;
}

/** What a member stands on instead of the operating system. */
export interface MemberWorld {
  readonly storage?: Partial<StorageWorld> | undefined;
}

/**
 * Starts one member and completes when its ports are open; it may still be looking for its ensemble. Rejects with a
 * `CoordinationError` that says what to do when its data, its ports or its files cannot be used; nothing is left running.
 */
export async function runMember(
  configuration: ServerConfiguration,
  log: Logger,
  { doorKinds = DOORS, models = [], storage = {} }: MemberExtensions & MemberWorld = {},
): Promise<RunningMember> {
  const starting = new StartingMember(configuration, log, { doorKinds, models, storage });
  try {
    return await starting.start();
  } catch (error) {
    await starting.close();
    throw error;
  }
}

class StartingMember {
  readonly #configuration: ServerConfiguration;
  readonly #log: Logger;
  readonly #extensions: Required<MemberExtensions & MemberWorld>;
  /** What to close, the last opened first. */
  readonly #opened: (() => Promise<void>)[] = [];
  readonly #ending = new AbortController();
  #failure: Error | null = null;
  #isStarted = false;
  #stopping: Promise<void> | null = null;
  #end: (error: Error | null) => void = () => {};
  readonly #ended = new Promise<Error | null>((resolve) => {
    this.#end = resolve;
  });

  constructor(configuration: ServerConfiguration, log: Logger, extensions: Required<MemberExtensions & MemberWorld>) {
    this.#configuration = configuration;
    this.#log = log;
    this.#extensions = extensions;
  }

  async start(): Promise<RunningMember> {
    const machine = new Machine(
      coordinationModels({ hashSeed: randomInt(2 ** 32 - 1), more: this.#extensions.models ?? [] }),
    );
    const storageEvents = new LateStorageEvents((error) => diskFailure(error, placeOf(this.#configuration)));
    const storage = await this.#openStorage(storageEvents);
    const replica = this.#createReplica(machine, storage);
    storageEvents.target = replica;
    const doors = await this.#openDoors(replica, storage);
    const peers = await this.#openPeers(replica, storage.incarnation);
    await replica.start(peers);
    if (this.#failure !== null) throw this.#failure;
    this.#isStarted = true;
    return {
      member: replica,
      incarnation: storage.incarnation,
      isConnected: (id) => peers.isConnected(id),
      ending: this.#ending.signal,
      ended: this.#ended,
      acceptorOf: (name) => doors.find(({ kind }) => kind === name)?.door ?? null,
      stop: (options) => {
        this.#ending.abort(null);
        return this.#stop(() => replica.stop(options));
      },
    };
  }

  /** Closes what was opened; rejects afterwards where something could not be. */
  async close(): Promise<void> {
    await closeAll(this.#opened.splice(0).reverse());
  }

  #stop(first: () => Promise<void>): Promise<void> {
    this.#stopping ??= closeAll([first, () => this.close()]).finally(() => this.#end(this.#failure));
    return this.#stopping;
  }

  /** Before the end of the start, `start` rejects with it, and closes. */
  #onFatal(error: Error): void {
    this.#failure = error;
    this.#ending.abort(error);
    if (!this.#isStarted) return;
    const late = setTimeout(() => this.#end(error), CLOSE_AFTER_FAILURE_MS);
    // The doors first: closing what is on a failed disk may take long.
    this.#stop(async () => {})
      .catch((trouble) => this.#log.warn(`this member did not close cleanly: ${String(trouble)}`))
      .finally(() => clearTimeout(late));
  }

  async #openStorage(events: StorageEvents): Promise<OpenedStorage> {
    const { id, dataDir, logDir, members, storage } = this.#configuration;
    if (!storage.createDirectories) for (const directory of [dataDir, logDir]) await mustExist(directory);
    const opened = await openStorage({
      ...this.#extensions.storage,
      member: id,
      dataDirectory: dataDir,
      logDirectory: logDir,
      initialConfiguration: initialEnsemble(this.#configuration),
      retainSnapshots: storage.snapshotsRetained,
      segmentBytes: storage.segmentBytes,
      slowSyncMs: storage.slowSyncMs,
      alone: members.filter((member) => member.role === "participant").length === 1,
      log: this.#log,
      events,
    }).catch((error) => {
      throw storageTrouble(error, placeOf(this.#configuration));
    });
    this.#opened.push(() => opened.log.close());
    return opened;
  }

  #createReplica(machine: Machine, storage: OpenedStorage): Replica {
    const options = replicaOptions(this.#configuration, {
      random: seededRandom(storage.incarnation + Date.now()),
      logger: this.#log,
      onFatal: (error) => this.#onFatal(error),
    });
    const replica = new Replica(options, machine, systemClock, storage);
    this.#opened.push(() => replica.stop({ transferLeadership: false, graceMs: 0 }));
    return replica;
  }

  async #openDoors(replica: Replica, storage: OpenedStorage): Promise<readonly OpenDoor[]> {
    const events = new EventFeed(Date.now);
    const capacity = new ClientCapacity(systemClock);
    const hostOf = (name: string): DoorHost => ({
      member: replica,
      clock: systemClock,
      logger: this.#log,
      hashes: systemHashes,
      capacity,
      events: { add: (text) => events.addOfDoor(name, text) },
      get level() {
        return replica.machine.level;
      },
    });
    const about = aboutMember(this.#configuration, replica, storage);
    const doors: OpenDoor[] = [];
    for (const configured of this.#configuration.doors) {
      const kind = this.#extensions.doorKinds?.find(({ name }) => name === configured.kind);
      if (kind === undefined) {
        throw new CoordinationError("configuration", "not-applied", `there is no door of the kind ${configured.kind}`);
      }
      const door = await openDoor(kind.open(hostOf(configured.name), configured, about), configured, this.#log);
      this.#opened.push(() => door.close());
      doors.push(door);
    }
    const operator = await this.#openOperator(replica, storage);
    const management = managementOf(this.#configuration, replica, about.storage, { doors, events, operator });
    for (const server of await openManagement(management, this.#configuration, this.#log)) {
      this.#opened.push(() => server.close());
    }
    return doors;
  }

  /** Null: without an admin server, or without a token, there is nothing for operators to ask for. */
  async #openOperator(replica: Replica, storage: OpenedStorage): Promise<OperatorPages | null> {
    const { admin, dataDir, peer } = this.#configuration;
    const { tokenFile, remoteOperations: isRemoteAllowed } = admin;
    if (admin.listen === null) return null;
    try {
      const token = await openOperatorToken({ dataDir, tokenFile });
      const { electionTimeoutMs } = peer;
      return new OperatorPages(
        operationsOf({ replica, storage, token, isRemoteAllowed, electionTimeoutMs }),
        this.#log,
      );
    } catch (error) {
      if (tokenFile !== null || !(error instanceof CoordinationError)) throw error;
      this.#log.warn(`${error.message}: this member goes without backups and transfers that operators ask for`);
      return null;
    }
  }

  async #openPeers(replica: Replica, incarnation: number) {
    const { tls } = this.#configuration.peer;
    const warning = openPeerPortWarning(this.#configuration);
    if (warning !== null) this.#log.error(warning);
    const certificates = await this.#openCertificates(tls, "between members");
    const peers = await openPeers({
      ...peersOptions(this.#configuration, certificates?.texts ?? null),
      incarnation,
      events: replica,
      log: this.#log,
    }).catch((error) => {
      throw peerPortTrouble(error);
    });
    this.#opened.push(() => peers.close());
    if (tls !== null) certificates?.onRenewed((texts) => peers.renewTls(peerTls(texts, tls)));
    return peers;
  }

  async #openCertificates(settings: TlsSettings | null, what: string): Promise<Certificates | null> {
    if (settings === null) return null;
    const { keyFile, certificateFile, authoritiesFile, passphrase, ciphers, reload } = settings;
    const files = { keyFile, certificateFile, authoritiesFile, passphrase, ciphers, reload };
    const certificates = await openCertificates(files, what, this.#log);
    this.#opened.push(async () => certificates.close());
    return certificates;
  }
}

async function mustExist(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => null);
  if (found?.isDirectory() === true) return;
  const message = `there is no directory ${directory}, and datadir.autocreate is false: make it, or mount it`;
  throw new CoordinationError("configuration", "not-applied", message);
}

/** What the system says of a disk does not always say which. */
function storageTrouble(error: unknown, place: string): unknown {
  if (!isOfTheSystem(error)) return error;
  return new CoordinationError("configuration", "not-applied", `cannot keep data in ${place}: ${error.message}`, {
    cause: error,
  });
}

/** Where the other members are to come in. */
function peerPortTrouble(error: unknown): unknown {
  if (!isOfTheSystem(error)) return error;
  const { code, message } = error;
  const { address = "?", port = "?" } = error as { address?: string; port?: number };
  const why =
    code === "EADDRINUSE" ? "another program listens there. End it, or give this member another port" : message;
  const told = `cannot listen for the other members at ${address}:${port}: ${why}`;
  return new CoordinationError("configuration", "not-applied", told, { cause: error });
}

function diskFailure(error: Error, place: string): Error {
  if (!isOfTheSystem(error)) return error;
  const message =
    `the disk failed under ${place} (${error.message}): this member ends, and acknowledges nothing more, for what it wrote ` +
    "last may be on no disk. See the system's log for the disk's trouble, then start the member again: it checks what is there";
  return new CoordinationError("closed", "unknown", message, { cause: error });
}

function isOfTheSystem(error: unknown): error is NodeJS.ErrnoException {
  return !(error instanceof CoordinationError) && error instanceof Error && "code" in error;
}

function placeOf({ dataDir, logDir }: ServerConfiguration): string {
  return dataDir === logDir ? dataDir : `${dataDir} and ${logDir}`;
}
