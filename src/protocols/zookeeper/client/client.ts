// The client's interface: a method for each operation, and its session.

import { callBack } from "../../../base/callback.ts";
import { CoordinationError } from "../../../base/errors.ts";
import { problemOf } from "../../../base/options.ts";
import { toByteString } from "../../../base/text.ts";
import { ERROR } from "../errors.ts";
import { Chroot, CONFIG_PATH } from "./chroot.ts";
import type { ClientState } from "./client-state.ts";
import { type ConnectString, parseConnectString } from "./connect-string.ts";
import { ANY_VERSION, creationOf, versionOf } from "./creation.ts";
import { ZooKeeperError } from "./errors.ts";
import { CLOSE_TIMEOUT_MS } from "./limits.ts";
import * as multi from "./multi.ts";
import type { WatchKind } from "./operations.ts";
import * as operations from "./operations.ts";
import {
  CALL,
  CLIENT,
  CLOSE,
  CREATE,
  checkCall,
  checkConfiguration,
  RECONFIG,
  VERSION,
  WATCHING,
} from "./option-rules.ts";
import {
  type AddWatchOptions,
  type CallOptions,
  type ClientOptions,
  type CreateOptions,
  type ReconfigOptions,
  sessionManagerOptionsOf,
  type VersionOptions,
  type WatchingOptions,
} from "./options.ts";
import type { PersistentWatch } from "./persistent-watch.ts";
import type { ClientPorts } from "./ports.ts";
import { textOf } from "./records.ts";
import type { Request, RequestPath } from "./request.ts";
import type { Session } from "./session.ts";
import { SessionManager } from "./session-manager.ts";
import { ping } from "./session-requests.ts";
import { ACL, type Acl, type Data, type Identity, type Stat, type Watcher } from "./types.ts";
import { WatchCalls } from "./watch-calls.ts";
import { type OnceTable, Watches } from "./watches.ts";
import { type ConnectedOptions, whenConnected } from "./when-connected.ts";

/**
 * A client of a ZooKeeper ensemble, or of a Cabildo cluster. It holds one session at a time and keeps it alive; what is asked
 * while no server is connected waits, up to its deadline. Errors are {@link CoordinationError}s whose `outcome` says whether
 * the operation took effect; a server's refusals are {@link ZooKeeperError}s. Paths are absolute, below the chroot.
 */
export class ZooKeeperClient implements AsyncDisposable {
  readonly #sessionManager: SessionManager;
  readonly #watches: Watches;
  readonly #watchCalls: WatchCalls;
  readonly #chroot: Chroot;
  readonly #ports: ClientPorts;
  readonly #onListenerError: (error: unknown) => void;
  readonly #listeners = new Set<(state: ClientState) => void>();

  /** With given ports, as in a simulation; for Node's ports see `connectZooKeeper` and `openZooKeeper`. Connects at once. */
  constructor(servers: string | ConnectString, options: ClientOptions, ports: ClientPorts) {
    checkConfiguration("client", options, CLIENT);
    const { servers: list, chroot } = typeof servers === "string" ? parseConnectString(servers) : servers;
    this.#ports = ports;
    this.#chroot = new Chroot(chroot);
    this.#onListenerError = options.onListenerError ?? ((error) => this.#throwLater(error));
    this.#watches = new Watches(
      (path) => this.#chroot.show(path),
      (watcher, event) => this.#tell(watcher, event),
    );
    this.#watchCalls = new WatchCalls(this.#watches, this.#chroot, {
      isConnected: () => this.state.kind === "connected",
      call: (request, options) => this.#call(request, options),
    });
    this.#sessionManager = new SessionManager(sessionManagerOptionsOf(list, options), ports, this.#watches, {
      onState: (state) => this.#onState(state),
    });
  }

  // ------------------------------------------------------------------------------------------------------- its session

  /** Where the client stands now. */
  get state(): ClientState {
    this.#sessionManager.checkDeadline();
    return this.#sessionManager.state;
  }

  /** The session that is connected, or unsure; null before the first, between two, and after the last. */
  get session(): Session | null {
    this.#sessionManager.checkDeadline();
    return this.#sessionManager.session;
  }

  /** Calls the listener at every change of the state. Returns a function that stops that. Node events go to watches only. */
  onState(listener: (state: ClientState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Completes when the client is connected; at once if it is. Fails when it never will be again, and ("deadline") after `timeoutMs`,
   * with each server's reason.
   */
  connected(options: ConnectedOptions = {}): Promise<Session> {
    return whenConnected(this, this.#sessionManager, this.#ports.clock, options);
  }

  /**
   * Ends the session and the client. The session's signal aborts first; then what was asked before is answered if possible, and the
   * servers remove its ephemeral nodes. Completes within `timeoutMs` (5000 unless given), with no socket or timer left. Without a
   * connection the servers expire the session later. Never fails.
   */
  close(options: Pick<CallOptions, "timeoutMs"> = {}): Promise<void> {
    // A `finally` must not leave an open client behind: impossible options are ignored.
    const { timeoutMs } = problemOf(options, CLOSE) === null ? options : {};
    return this.#sessionManager.close(timeoutMs ?? CLOSE_TIMEOUT_MS);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ------------------------------------------------------------------------------------------------------------- nodes

  /** Creates a node, open to everyone unless `acl` says otherwise; returns its path, with the digits of a sequential node. */
  async create(path: string, data: Data = "", options: CreateOptions = {}): Promise<string> {
    return (await this.#create(path, data, options, false)).path;
  }

  /** As `create`, with the new node's stat. Servers since ZooKeeper 3.5. */
  async createWithStat(
    path: string,
    data: Data = "",
    options: CreateOptions = {},
  ): Promise<{ readonly path: string; readonly stat: Stat }> {
    const created = await this.#create(path, data, options, true);
    return { path: created.path, stat: created.stat! };
  }

  async #create(path: string, data: Data, options: CreateOptions, withStat: boolean) {
    checkCall("create", path, options, CREATE);
    const place = this.#chroot.place("create", path, options.mode?.includes("sequential"));
    const creation = creationOf(place, data, options.acl ?? ACL.open, options, withStat);
    const created = await this.#call(operations.create(place, creation), options);
    return { path: this.#chroot.show(created.path), stat: created.stat };
  }

  /** Deletes a node without children. */
  async delete(path: string, options: VersionOptions = {}): Promise<void> {
    checkCall("delete", path, options, VERSION);
    const place = this.#chroot.place("delete", path);
    const version = versionOf(options.version ?? ANY_VERSION, "delete", place);
    await this.#call(operations.remove(place, version), options);
  }

  /** The node's stat; null where there is none. Its watch also waits for a node that is not there. */
  async exists(path: string, options: WatchingOptions = {}): Promise<Stat | null> {
    checkCall("exists", path, options, WATCHING);
    const place = this.#chroot.place("exists", path);
    return this.#read(
      operations.exists(place, this.#watching(place, "data", options.watch, "exist")),
      place,
      "data",
      options,
    );
  }

  /** A node's data, as the caller's own bytes, and its stat. */
  async getData(
    path: string,
    options: WatchingOptions = {},
  ): Promise<{ readonly data: Uint8Array | null; readonly stat: Stat }> {
    checkCall("getData", path, options, WATCHING);
    const place = this.#chroot.place("getData", path);
    return this.#read(operations.getData(place, this.#watching(place, "data", options.watch)), place, "data", options);
  }

  /** Replaces the node's data; returns its new stat. */
  async setData(path: string, data: Data, options: VersionOptions = {}): Promise<Stat> {
    checkCall("setData", path, options, VERSION);
    const place = this.#chroot.place("setData", path);
    const version = versionOf(options.version ?? ANY_VERSION, "setData", place);
    return this.#call(operations.setData(place, data, version), options);
  }

  /** The children's names, in no order. */
  async getChildren(path: string, options: WatchingOptions = {}): Promise<readonly string[]> {
    checkCall("getChildren", path, options, WATCHING);
    const place = this.#chroot.place("getChildren", path);
    return this.#read(
      operations.getChildren(place, this.#watching(place, "child", options.watch)),
      place,
      "child",
      options,
    );
  }

  /** As `getChildren`, with the node's own stat. */
  async getChildrenWithStat(
    path: string,
    options: WatchingOptions = {},
  ): Promise<{ readonly children: readonly string[]; readonly stat: Stat }> {
    checkCall("getChildren", path, options, WATCHING);
    const place = this.#chroot.place("getChildren", path);
    const request = operations.getChildrenWithStat(place, this.#watching(place, "child", options.watch));
    return this.#read(request, place, "child", options);
  }

  /** How many nodes are below this one, at any depth. Servers since 3.6. */
  async getAllChildrenNumber(path: string, options: CallOptions = {}): Promise<number> {
    checkCall("getAllChildrenNumber", path, options, CALL);
    return this.#call(operations.getAllChildrenNumber(this.#chroot.place("getAllChildrenNumber", path)), options);
  }

  /** This session's ephemeral nodes whose paths begin with `prefix`. Servers since 3.6. */
  async getEphemerals(prefix = "/", options: CallOptions = {}): Promise<readonly string[]> {
    checkCall("getEphemerals", prefix, options, CALL);
    const place = this.#chroot.prefix("getEphemerals", prefix);
    const paths = await this.#call(operations.getEphemerals(place), options);
    return paths.filter((path) => this.#chroot.holds(path)).map((path) => this.#chroot.show(path));
  }

  async getAcl(
    path: string,
    options: CallOptions = {},
  ): Promise<{ readonly acl: readonly Acl[]; readonly stat: Stat }> {
    checkCall("getAcl", path, options, CALL);
    return this.#call(operations.getAcl(this.#chroot.place("getAcl", path)), options);
  }

  /** Replaces the access list; returns the new stat. `version` is compared with the stat's `aversion`. */
  async setAcl(path: string, acl: readonly Acl[], options: VersionOptions = {}): Promise<Stat> {
    checkCall("setAcl", path, options, VERSION);
    const place = this.#chroot.place("setAcl", path);
    const version = versionOf(options.version ?? ANY_VERSION, "setAcl", place);
    return this.#call(operations.setAcl(place, acl, version), options);
  }

  /** After this the session reads every write that was acknowledged before, to anyone. */
  async sync(path = "/", options: CallOptions = {}): Promise<void> {
    checkCall("sync", path, options, CALL);
    await this.#call(operations.sync(this.#chroot.place("sync", path)), options);
  }

  /**
   * All of these changes or none; see {@link op}. Fails with a {@link MultiError} that names the operation at fault.
   */
  async multi<const Operations extends readonly multi.MultiOperation[]>(
    list: Operations,
    options: CallOptions = {},
  ): Promise<multi.MultiResults<Operations>> {
    checkCall("multi", null, options, CALL);
    return this.#call(multi.multi(list, this.#chroot), options);
  }

  /** Several reads of one state, in one request; see {@link read}. Each fails by itself. Servers since 3.6. */
  async multiRead<const Operations extends readonly multi.ReadOperation[]>(
    list: Operations,
    options: CallOptions = {},
  ): Promise<multi.ReadResults<Operations>> {
    checkCall("multiRead", null, options, CALL);
    return this.#call(multi.multiRead(list, this.#chroot), options);
  }

  // ----------------------------------------------------------------------------------------------------------- watches

  /**
   * Watches a node, there or not, for as long as the stream is read; see {@link PersistentWatch}. A `signal` ends the stream
   * too, not only the call. Servers since 3.6.
   */
  addWatch(path: string, options: AddWatchOptions = {}): Promise<PersistentWatch> {
    return this.#watchCalls.add(path, options);
  }

  /**
   * Removes one-shot watches from a path: one watcher, or all of that kind. The server removes them when nobody here needs them.
   * Fails with "no-watcher" where there is none. (Persistent watches end by their own `close`.)
   */
  removeWatches(
    path: string,
    kind: "children" | "data" | "any",
    options: CallOptions & { readonly watcher?: Watcher | undefined } = {},
  ): Promise<void> {
    return this.#watchCalls.remove(path, kind, options);
  }

  /** Whether the server holds a watch of this kind for this session. */
  async checkWatches(path: string, kind: WatchKind, options: CallOptions = {}): Promise<boolean> {
    checkCall("checkWatches", path, options, CALL);
    return this.#call(operations.checkWatches(this.#chroot.place("checkWatches", path), kind), options);
  }

  // --------------------------------------------------------------------------------------- who it is, and the ensemble

  /**
   * Adds a proof of identity, now and on every later connection: `addAuth("digest", "user:password")`. Fails
   * with "auth-failed" where it is refused; the server then hangs up, and the client goes on without it.
   */
  async addAuth(scheme: string, auth: Uint8Array | string, options: CallOptions = {}): Promise<void> {
    checkCall("addAuth", null, options, CALL);
    await this.#sessionManager.addAuth({ scheme, auth }, options, options.session ?? null);
  }

  /** The identities that this client has proved. Servers since 3.7. */
  async whoAmI(options: CallOptions = {}): Promise<readonly Identity[]> {
    checkCall("whoAmI", null, options, CALL);
    return this.#call(operations.whoAmI(), options);
  }

  /** Asks the connected server for a sign of life, which renews the session. */
  async ping(options: CallOptions = {}): Promise<void> {
    checkCall("ping", null, options, CALL);
    await this.#call(ping(), options);
  }

  /** The ensemble's members, a `server.N=` line each, and the configuration's version. Lies below no chroot. */
  async getConfig(options: WatchingOptions = {}): Promise<{ readonly config: string; readonly stat: Stat }> {
    checkCall("getConfig", null, options, WATCHING);
    const place = { shown: CONFIG_PATH, path: toByteString(CONFIG_PATH) };
    const request = operations.getData(place, this.#watching(place, "data", options.watch));
    const { data, stat } = await this.#read(request, place, "data", options);
    return { config: textOf(data), stat };
  }

  /** Changes the ensemble's members, by adding and removing or by naming all; returns the new configuration. */
  async reconfig(options: ReconfigOptions): Promise<{ readonly config: string; readonly stat: Stat }> {
    checkCall("reconfig", null, options, RECONFIG);
    const list = (items: readonly (number | string)[] | undefined) =>
      items === undefined || items.length === 0 ? null : toByteString(items.join(","));
    const isWhole = "members" in options;
    const request = operations.reconfig({
      joining: isWhole ? null : list(options.joining),
      leaving: isWhole ? null : list(options.leaving),
      newMembers: isWhole ? list(options.members) : null,
      fromVersion: options.fromVersion ?? -1n,
    });
    const { data, stat } = await this.#call(request, options);
    return { config: textOf(data), stat };
  }

  // ----------------------------------------------------------------------------------------------------------- its own

  async #call<Result>(request: Request<Result>, options: CallOptions): Promise<Result> {
    try {
      return await this.#sessionManager.call(request, options, options.session ?? null);
    } catch (error) {
      // The error was made where the reply came in; the caller's stack is what helps.
      if (error instanceof Error) Error.captureStackTrace?.(error, this.#call);
      throw error;
    }
  }

  /** A read that may set a watch: `table` is the one that it would be in, where the node is there. */
  async #read<Result>(
    request: Request<Result>,
    place: RequestPath,
    table: OnceTable,
    options: WatchingOptions,
  ): Promise<Result> {
    if (options.watch === undefined) return this.#call(request, options);
    const end = this.#watches.expect(table, place.path);
    try {
      return await this.#call(request, options);
    } finally {
      end();
    }
  }

  #watching(place: RequestPath, table: OnceTable, watcher: Watcher | undefined, ifMissing?: OnceTable) {
    if (watcher === undefined) return undefined;
    return (errorCode: number): void => {
      if (errorCode === ERROR.ok) this.#watches.add(table, place, watcher);
      else if (errorCode === ERROR.noNode && ifMissing !== undefined) this.#watches.add(ifMissing, place, watcher);
    };
  }

  #onState(state: ClientState): void {
    for (const listener of [...this.#listeners]) this.#tell(listener, state);
  }

  /** A listener that fails must not harm the session. */
  #tell<News>(listener: (news: News) => unknown, news: News): void {
    callBack(listener, news, this.#onListenerError);
  }

  #throwLater(error: unknown): void {
    this.#ports.clock.defer(() => {
      throw error;
    });
  }
}
