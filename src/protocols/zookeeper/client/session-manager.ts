// Keeps a session alive over connections that come and go, and reports its end exactly once.
//
// The rules of loss:
// 1. The deadline is the session's timeout, counted from when the last answered handshake or ping was sent. Only these have
//    reached the leader, who counts the session's time: a member that is cut off from it still answers reads, and the answer to
//    a write says that the session lived when it was committed. The clock is this machine's monotonic one.
// 2. When a connection ends, everything that was asked before ends with it. What was sent may have been applied, the rest was
//    not. So nothing that is asked later overtakes what was asked before.
// 3. What is asked while there is no connection waits for the next one, until its own deadline.
// 4. Nothing is ever sent twice.

import type { Logger } from "../../../base/logger.ts";
import { ERROR } from "../errors.ts";
import { ActiveConnection } from "./active-connection.ts";
import { type AttemptOptions, attemptMs, pauseMsMax } from "./attempt-timing.ts";
import { Authentication, type AuthenticationOptions } from "./authentication.ts";
import type { BacklogOptions } from "./backlog.ts";
import { Call, type CallOptions, failAll, lostCall, ownCall } from "./call.ts";
import { assertFollows, type ClientState } from "./client-state.ts";
import { Closing } from "./closing.ts";
import type { Connection, ConnectionOptions, ConnectionOwner, ServerEvent } from "./connection.ts";
import { type LossCause, reasonOf, SessionLostError } from "./errors.ts";
import { GOOD_CONNECTION_MS, SET_WATCHES_OVERHEAD_BYTES } from "./limits.ts";
import { OutageLog } from "./outage-log.ts";
import type { ClientPorts, Target } from "./ports.ts";
import type { ConnectRequest, ConnectResponse } from "./records.ts";
import { nothing, type Request } from "./request.ts";
import { RequestQueue, type RequestQueueOwner } from "./request-queue.ts";
import { nameOf, type Server, ServerSelector, type ServerSelectorOwner, showServer } from "./server-selector.ts";
import { ManagedSession, type Session } from "./session.ts";
import { SessionDeadline } from "./session-deadline.ts";
import { auth, type Credential, setWatches } from "./session-requests.ts";
import { StallDetector } from "./stall-detector.ts";
import type { Watches } from "./watches.ts";

export interface SessionManagerOptions
  extends AttemptOptions,
    ConnectionOptions,
    BacklogOptions,
    AuthenticationOptions {
  readonly requestTimeoutMs: number;
  readonly clockRateMargin: number;
  readonly readOnly: boolean;
  readonly onLoss: "new-session" | "stop";
  readonly resume: Pick<Session, "id" | "password" | "timeoutMs"> | null;
  readonly logger: Logger;
}

interface SessionManagerEvents {
  /** Every change, in order, each once; must not throw. */
  onState(state: ClientState): void;
}

const NO_PASSWORD = new Uint8Array(16);

export class SessionManager implements ConnectionOwner, ServerSelectorOwner, RequestQueueOwner {
  readonly #options: SessionManagerOptions;
  readonly #ports: ClientPorts;
  readonly #watches: Watches;
  readonly #events: SessionManagerEvents;
  readonly #serverSelector: ServerSelector;
  readonly #active: ActiveConnection;
  readonly #requests: RequestQueue;
  readonly #stallDetector: StallDetector;
  readonly #authentication: Authentication;
  #state: ClientState = { kind: "connecting" };
  /** The managed session. A resumed one is not visible before a server has confirmed it. */
  #session: ManagedSession | null = null;
  #lastZxid = 0n;
  readonly #sessionDeadline: SessionDeadline;
  /** Why there will be no other session. */
  #stopped: SessionLostError | null = null;
  #closing: Closing | null = null;
  readonly outageLog: OutageLog;

  constructor(options: SessionManagerOptions, ports: ClientPorts, watches: Watches, events: SessionManagerEvents) {
    this.#options = options;
    this.#ports = ports;
    this.#watches = watches;
    this.#events = events;
    this.#authentication = new Authentication(options, ports.hashes);
    this.#requests = new RequestQueue(this, ports.clock, options);
    this.outageLog = new OutageLog(options.logger, () => ports.clock.now());
    this.#stallDetector = new StallDetector(ports.clock);
    this.#serverSelector = new ServerSelector(options.servers, this, ports, () => this.outageLog.onRoundFailed());
    this.#active = new ActiveConnection(options, ports, this, this.#stallDetector);
    this.#sessionDeadline = new SessionDeadline(ports.clock, this.#stallDetector, () => this.checkDeadline());
    if (options.resume !== null) this.#resume(options.resume);
    this.#serverSelector.begin(null);
  }

  #resume({ id, password, timeoutMs }: Pick<Session, "id" | "password" | "timeoutMs">): void {
    this.#session = this.#newSession({ sessionId: id, password, timeoutMs, readOnly: false }, this.#now);
    this.#sessionDeadline.start(this.#session);
  }

  #newSession(attached: ConnectResponse, sentAt: number): ManagedSession {
    const onLook = () => this.checkDeadline();
    return new ManagedSession(attached, sentAt, {
      now: () => this.#now,
      onLook,
      rateMargin: this.#options.clockRateMargin,
    });
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The session that is connected, or may yet be saved. */
  get session(): Session | null {
    return this.#state.kind === "connected" || this.#state.kind === "unsure" ? this.#session : null;
  }

  get connection(): Connection | null {
    return this.#active.current;
  }

  get ready(): Connection | null {
    return this.#active.ready;
  }

  /** Whether it never begins another session. */
  get isStopped(): boolean {
    return this.#stopped !== null;
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  /** The servers' reasons against a connection, for errors. */
  get troubles(): string {
    const tried = this.ready === null ? this.connection : null;
    return this.outageLog.describe(tried === null ? null : nameOf(tried.target));
  }

  get #now(): number {
    return this.#ports.clock.now();
  }

  // ------------------------------------------------------------------------------------------------------------ requests

  call<Result>(request: Request<Result>, { signal, timeoutMs }: CallOptions, only: Session | null): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.checkDeadline();
      const limit = timeoutMs ?? this.#options.requestTimeoutMs;
      const settle = {
        resolve: resolve as (value: unknown) => void,
        reject,
        onAborted: (call: Call) => this.#requests.remove(call),
      };
      const isAborted = signal?.aborted === true;
      const call = new Call(request, this.#now + limit, isAborted ? undefined : signal, settle);
      if (isAborted) return call.fail("aborted", "was not sent: its signal had aborted before", signal.reason);
      if (!(limit > 0)) return call.fail("deadline", `was not sent: its time limit is ${limit} ms`);
      if (this.#closing !== null) return call.fail("closed", "was not sent: the client is closed");
      if (this.#stopped !== null) return call.reject(lostCall(call, this.#stopped));
      if (only !== null && only !== this.session) {
        return call.fail(
          "session-expired",
          "was not sent: it was meant for a session that is over",
          only.signal.reason,
        );
      }
      this.#requests.add(call);
    });
  }

  /** Adds a proof of identity, now and on every later connection. */
  async addAuth(credential: Credential, options: CallOptions, only: Session | null): Promise<void> {
    const hangUp = (errorCode: number) => {
      // The server hangs up as well, but later: requests that follow must not be lost with this connection.
      if (errorCode !== ERROR.ok) this.connection?.end("refused a proof of identity");
    };
    await this.call({ ...auth(credential), onAnswer: hangUp, onAbandoned: hangUp }, options, only);
    this.#authentication.remember(credential);
  }

  // --------------------------------------------------------------------------------------------------------- connections

  attemptMs(): number {
    return attemptMs(this.#options, this.#session);
  }

  pauseMsMax(): number {
    return pauseMsMax(this.#session);
  }

  onUnresolved(server: Server, why: string, isRefusal: boolean): void {
    this.outageLog.note(showServer(server), why, isRefusal);
  }

  onTarget(target: Target): void {
    this.#active.open(target, this.#connectRequest(), this.attemptMs());
  }

  #connectRequest(): ConnectRequest {
    return {
      lastZxidSeen: this.#lastZxid,
      timeoutMs: this.#options.sessionTimeoutMs,
      sessionId: this.#session?.id ?? 0n,
      password: this.#session?.password ?? NO_PASSWORD,
      readOnly: this.#options.readOnly,
    };
  }

  onAttached(connection: Connection, attached: ConnectResponse, sentAt: number): void {
    const known = this.#session;
    if (attached.timeoutMs <= 0 && known === null) {
      connection.end("would not open a session");
    } else if (attached.timeoutMs <= 0) {
      this.#lose("expired", `is expired, says ${nameOf(connection.target)}`);
    } else if (known !== null && attached.sessionId !== known.id) {
      this.#lose("expired", `is not known to ${nameOf(connection.target)}, which opened another instead`);
    } else {
      this.#attach(attached, sentAt);
      this.checkDeadline();
      if (this.connection === connection) this.#prove(connection);
    }
  }

  #attach(attached: ConnectResponse, sentAt: number): void {
    if (this.#session === null) this.#session = this.#newSession(attached, sentAt);
    else this.#session.renew(attached, sentAt);
    this.#sessionDeadline.start(this.#session);
  }

  #prove(connection: Connection): void {
    const onProved = () => {
      if (this.connection === connection) this.#becomeReady(connection);
    };
    this.#authentication.prove(connection, onProved, (why) => {
      if (this.connection === connection) this.#lose("auth-failed", `failed to prove its identity: ${why}`);
    });
  }

  /** Sends proofs first, then watches, then the waiting requests: the order that the server needs. */
  #becomeReady(connection: Connection): void {
    const session = this.#session!;
    const isReattached = this.#state.kind === "unsure";
    this.#active.becomeReady();
    this.outageLog.onConnected(nameOf(connection.target));
    connection.send([...this.#proofs(connection), ...this.#rearming(connection)]);
    this.#active.keepAlive(connection, session);
    if (isReattached) this.#watches.onReconnected();
    if (this.connection !== connection) return; // a watcher has closed the client
    this.#become({ kind: "connected", session, server: nameOf(connection.target) });
    this.#requests.flushSoon();
  }

  #proofs(connection: Connection): Iterable<Call> {
    return this.#authentication.calls(({ scheme }) => {
      if (this.connection !== connection) return;
      this.#lose("auth-failed", `was refused its proof of identity (${scheme}) by ${nameOf(connection.target)}`);
    });
  }

  *#rearming(connection: Connection): Iterable<Call> {
    for (const portion of this.#watches.portions(this.#options.requestBytesMax - SET_WATCHES_OVERHEAD_BYTES)) {
      yield ownCall(setWatches(this.#lastZxid, portion), (error) => {
        if (this.connection === connection) connection.end(`did not take the watches again: ${error.message}`);
      });
    }
  }

  onAnswered(connection: Connection, zxid: bigint): void {
    if (connection === this.connection && zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  onConfirmed(connection: Connection, sentAt: number): void {
    if (connection !== this.connection) return;
    this.#session?.confirm(sentAt);
    this.#stallDetector.onConfirmed(sentAt);
  }

  onEvent(connection: Connection, event: ServerEvent): void {
    this.checkDeadline();
    if (connection !== this.connection) return;
    if (event.zxid !== null && event.zxid > this.#lastZxid) this.#lastZxid = event.zxid;
    this.#watches.onEvent(event);
  }

  onHeard(connection: Connection): void {
    if (connection === this.connection) this.checkDeadline();
  }

  onFatalAnswer(connection: Connection, errorCode: number): void {
    if (connection !== this.connection) return;
    const server = nameOf(connection.target);
    if (errorCode === ERROR.sessionExpired) this.#lose("expired", `is expired, says ${server}`);
    else if (errorCode === ERROR.sessionMoved) connection.end("says that the session has moved on");
    else this.#lose("auth-failed", `was ended by ${server}: ${reasonOf(errorCode)}`);
  }

  onEnded(connection: Connection, why: string): void {
    if (connection !== this.connection) return;
    this.outageLog.note(nameOf(connection.target), why, connection.wasRefused);
    const wasReady = this.ready !== null;
    const hasLived = this.#now - connection.openedAt >= GOOD_CONNECTION_MS;
    const unanswered = this.#active.drop();
    if (!wasReady) {
      failAll(unanswered, "connection-lost", why); // the client's own calls
      this.#serverSelector.next();
      return;
    }
    const lost = [...unanswered, ...this.#requests.takeUnsent()];
    if (this.#closing?.isWaiting === true) {
      failAll(lost, "connection-lost", `${nameOf(connection.target)} ${why}`);
      this.#closing.finish();
      return;
    }
    const session = this.#session!;
    if (hasLived) this.#serverSelector.forgetFailures();
    if (this.#now < session.deadline && this.#state.kind !== "unsure") {
      this.#become({ kind: "unsure", session, why: `${nameOf(connection.target)} ${why}` });
    }
    failAll(lost, "connection-lost", `${nameOf(connection.target)} ${why}`);
    this.checkDeadline();
    if (this.#session !== session || this.#closing !== null) return; // lost; or closed by a listener
    const found = this.#active.takeFound();
    if (found !== null) this.#serverSelector.beginAt(found);
    else if (hasLived) this.#serverSelector.begin(connection.target);
    else this.#serverSelector.beginLater(connection.target);
  }

  // --------------------------------------------------------------------------------------------------------------- time

  /** After its deadline the session is lost at the first look, also when no timer could run until now. */
  checkDeadline(): void {
    const session = this.#session;
    if (session === null || this.#closing !== null || !this.#sessionDeadline.hasPassed(session)) return;
    this.#lose("deadline", this.#sessionDeadline.whyLost(session));
  }

  // ----------------------------------------------------------------------------------------------------------- the ends

  /** The session is over: everyone who depends on it is told, once. */
  #lose(lossCause: Exclude<LossCause, "closed">, detail: string): void {
    if (this.#closing?.isWaiting === true) {
      this.#closing.finish();
      return;
    }
    const session = this.#session!;
    const reason = new SessionLostError(lossCause, session.id, detail);
    this.#options.logger.warn(reason.message);
    const mayGoOn = this.#options.onLoss === "new-session" && lossCause !== "auth-failed";
    if (!mayGoOn) this.#stopped = reason;
    const lost = this.#forgetSession();
    session.end(reason);
    this.#watches.onSessionEnded(reason);
    if (this.#closing === null) this.#become({ kind: "lost", session, reason });
    for (const call of lost) call.reject(lostCall(call, reason));
    if (!mayGoOn || this.#closing !== null) return;
    this.#become({ kind: "connecting" });
    if (this.#closing === null) this.#serverSelector.begin(null);
  }

  /** Ends everything that belongs to the session; returns the calls that were open. */
  #forgetSession(done: () => void = nothing): Call[] {
    const unanswered = this.#active.drop(done);
    this.#session = null;
    this.#lastZxid = 0n; // only this session was bound to what it had seen: servers that lost their data can be used again
    this.#sessionDeadline.stop();
    this.#serverSelector.stop();
    return [...unanswered, ...this.#requests.takeUnsent()];
  }

  /**
   * Ends the session; without a connection, leaves it to expire. Its signal aborts first, because the servers may release what it holds
   * as soon as they are told. Never fails.
   */
  close(timeoutMs: number): Promise<void> {
    if (this.#closing !== null) return this.#closing.done;
    const closing = new Closing((complete) => this.#finish(complete));
    this.#closing = closing;
    const session = this.#session;
    const reason = new SessionLostError("closed", session?.id ?? 0n, "was closed by its client");
    session?.end(reason);
    this.#watches.onSessionEnded(reason);
    if (this.ready === null || this.#stopped !== null) closing.finish();
    else closing.tell(this.ready, this.#requests.takeUnsent(), this.#ports.clock, timeoutMs);
    return closing.done;
  }

  #finish(complete: () => void): void {
    const hasSocket = this.connection !== null;
    const done = () => this.#ports.clock.defer(complete); // behind whatever this turn of the loop still has to do
    failAll(this.#forgetSession(hasSocket ? done : nothing), "closed", "the client was closed");
    this.#requests.stop();
    this.#become({ kind: "closed" });
    if (!hasSocket) complete();
  }

  #become(state: ClientState): void {
    assertFollows(this.#state, state);
    this.#state = state;
    this.#events.onState(state);
  }
}
