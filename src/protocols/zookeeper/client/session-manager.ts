// Keeps a session alive over connections that come and go, and says exactly once when it is over.
//
// The rules of loss. (1) The deadline is the session's timeout counted from when the last handshake or ping was sent that was
// answered: only these have been to the leader, who counts the session's time. A member that is cut off from it goes on to
// answer reads for a while, and a write's answer says that the session lived when it was committed, not that its time began
// anew. The clock is this machine's monotonic one, with a timer of its own: no socket is asked. (2) When a connection ends, all that was asked
// for before ends with it: what had left may have been applied, what had not was not; so what is asked later never overtakes
// what was asked before. (3) What is asked while there is no connection waits for the next one, until its own deadline.
// (4) Nothing is ever sent twice.

import { CoordinationError } from "../../../base/errors.ts";
import type { Logger } from "../../../replica/logger.ts";
import { ERROR } from "../errors.ts";
import { Backlog, type BacklogOptions } from "./backlog.ts";
import { Call, type CallOptions, ownCall } from "./call.ts";
import { Connection, type ConnectionOptions, type ConnectionOwner, type ServerEvent } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { type LossCause, reasonOf, SessionLostError } from "./errors.ts";
import { Heartbeat } from "./heartbeat.ts";
import {
  ATTEMPT_MS_MAX,
  ATTEMPT_MS_MIN,
  BACKOFF_MS_MAX,
  BACKOFF_PARTS_WHILE_UNSURE,
  GOOD_CONNECTION_MS,
  STALL_TOLD_PARTS,
} from "./limits.ts";
import { auth, type Credential, closeSession, setWatches } from "./operations.ts";
import { OutageLog } from "./outage-log.ts";
import type { ClientPorts, Target } from "./ports.ts";
import { QuorumFinder } from "./quorum-finder.ts";
import type { ConnectRequest, ConnectResponse } from "./records.ts";
import { nothing, type Request } from "./request.ts";
import type { SaslCredentials } from "./sasl.ts";
import { SaslExchange } from "./sasl-exchange.ts";
import { type Server, ServerSelector, type ServerSelectorOwner, showServer } from "./server-selector.ts";
import { ManagedSession, type Session } from "./session.ts";
import { StallDetector } from "./stall-detector.ts";
import type { Watches } from "./watches.ts";

/**
 * Where the client stands. `connecting`: it has no session yet. `connected`: it has, and is attached to `server`. `unsure`:
 * the connection is gone (`why`) and the session may yet be saved, until `session.signal` aborts. `lost`: it is over; a
 * new one is begun at once (`connecting` follows), unless the client was told to stop. `closed`: by its user.
 */
export type ClientState =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly session: Session; readonly server: string }
  | { readonly kind: "unsure"; readonly session: Session; readonly why: string }
  | { readonly kind: "lost"; readonly session: Session; readonly reason: SessionLostError }
  | { readonly kind: "closed" };

export interface SessionManagerOptions extends ConnectionOptions, BacklogOptions {
  readonly servers: readonly Server[];
  readonly sessionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly attemptTimeoutMs: number | null;
  readonly clockRateMargin: number;
  readonly readOnly: boolean;
  readonly onLoss: "new-session" | "stop";
  readonly credentials: readonly Credential[];
  readonly sasl: SaslCredentials | null;
  readonly resume: Pick<Session, "id" | "password" | "timeoutMs"> | null;
  readonly logger: Logger;
}

export interface SessionManagerEvents {
  /** Every change, in order, each once; must not throw. */
  onState(state: ClientState): void;
}

const NO_PASSWORD = new Uint8Array(16);

export class SessionManager implements ConnectionOwner, ServerSelectorOwner {
  readonly #options: SessionManagerOptions;
  readonly #ports: ClientPorts;
  readonly #watches: Watches;
  readonly #events: SessionManagerEvents;
  readonly #serverSelector: ServerSelector;
  readonly #quorumFinder: QuorumFinder;
  /** Where it found a quorum. */
  #found: Target | null = null;
  readonly #deadlines: Deadlines;
  readonly #stallDetector: StallDetector;
  /** Proofs that the servers have taken, and are given again on every connection. */
  readonly #credentials: Credential[];
  #state: ClientState = { kind: "connecting" };
  /** The one that is kept; one to be resumed is shown to nobody before a server has confirmed it. */
  #session: ManagedSession | null = null;
  /** The one that is open, or being tried. */
  #connection: Connection | null = null;
  /** It has proved itself, and takes requests. */
  #isReady = false;
  #lastZxid = 0n;
  readonly #backlog: Backlog;
  /** Asked for, and not sent yet. */
  #unsent = new Set<Call>();
  #isFlushDue = false;
  #stopAttemptTimer: () => void = nothing;
  #heartbeat: Heartbeat | null = null;
  #stopDeadlineTimer: () => void = nothing;
  /** Why there will be no other session. */
  #stopped: SessionLostError | null = null;
  #closing: Promise<void> | null = null;
  /** While the server's word is waited for. */
  #finishClosing: (() => void) | null = null;
  readonly #outageLog: OutageLog;

  constructor(options: SessionManagerOptions, ports: ClientPorts, watches: Watches, events: SessionManagerEvents) {
    this.#options = options;
    this.#ports = ports;
    this.#watches = watches;
    this.#events = events;
    this.#credentials = [...options.credentials];
    this.#backlog = new Backlog(options);
    this.#outageLog = new OutageLog(options.logger, () => ports.clock.now());
    this.#stallDetector = new StallDetector(ports.clock);
    this.#serverSelector = new ServerSelector(options.servers, this, ports);
    this.#quorumFinder = new QuorumFinder(options.servers, ports, (target) => this.#onQuorum(target));
    this.#deadlines = new Deadlines(
      ports.clock,
      () => this.#outstanding(),
      (call) => this.#onLate(call),
    );
    if (options.resume !== null) this.#resume(options.resume);
    this.#serverSelector.begin(null);
  }

  #resume({ id, password, timeoutMs }: Pick<Session, "id" | "password" | "timeoutMs">): void {
    this.#session = this.#newSession({ sessionId: id, password, timeoutMs, readOnly: false }, this.#now);
    this.#timeDeadline();
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

  /** It begins no other session. */
  get isStopped(): boolean {
    return this.#stopped !== null;
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  /** What the servers have against a connection, one after another. */
  get troubles(): string {
    const troubles = new Map(this.#outageLog.troubles);
    if (this.#connection !== null && !this.#isReady)
      troubles.set(nameOf(this.#connection.target), "has not answered yet");
    return troubles.size === 0 ? "none has answered yet" : [...troubles].map((words) => words.join(" ")).join("; ");
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
        onAborted: (call: Call) => void this.#unsent.delete(call),
      };
      const isAborted = signal?.aborted === true;
      const call = new Call(request, this.#now + limit, isAborted ? undefined : signal, settle);
      if (isAborted) return call.fail("aborted", "was not sent: its signal had aborted before", signal.reason);
      if (!(limit > 0)) return call.fail("deadline", `was not sent: ${limit} ms are no time`);
      if (this.#closing !== null) return call.fail("closed", "was not sent: the client is closed");
      if (this.#stopped !== null) return call.reject(lostCall(call, this.#stopped));
      if (only !== null && only !== this.session) {
        return call.fail(
          "session-expired",
          "was not sent: it was meant for a session that is over",
          only.signal.reason,
        );
      }
      const refusal = this.#backlog.refusalOf(request);
      if (refusal !== null) return call.fail("overloaded", refusal);
      this.#backlog.hold(call);
      this.#unsent.add(call);
      this.#deadlines.note(call);
      this.#flushSoon();
    });
  }

  /** Proves more of who this client is, now and on every later connection. */
  async addAuth(credential: Credential, options: CallOptions, only: Session | null): Promise<void> {
    const hangUp = (errorCode: number) => {
      // So does the server, but later: what is asked next must not go down with this connection.
      if (errorCode !== ERROR.ok) this.#connection?.end("refused a proof of identity");
    };
    await this.call({ ...auth(credential), onAnswer: hangUp, onAbandoned: hangUp }, options, only);
    const isKnown = this.#credentials.some((one) => one.scheme === credential.scheme && one.auth === credential.auth);
    if (!isKnown) this.#credentials.push(credential);
  }

  #flushSoon(): void {
    if (this.#isFlushDue || !this.#isReady) return;
    this.#isFlushDue = true;
    this.#ports.clock.defer(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#isReady || this.#connection === null || this.#unsent.size === 0) return;
    const calls = this.#unsent;
    this.#unsent = new Set();
    this.#connection.send(calls);
  }

  *#outstanding(): Iterable<Call> {
    yield* this.#unsent;
    if (this.#connection !== null) yield* this.#connection.calls();
  }

  #onLate(call: Call): void {
    this.#unsent.delete(call);
    const isSent = call.sentAt !== null;
    call.fail("deadline", isSent ? "was not answered in time" : `was not sent in time: ${this.troubles}`);
  }

  // --------------------------------------------------------------------------------------------------------- connections

  attemptMs(): number {
    const { attemptTimeoutMs, sessionTimeoutMs, servers } = this.#options;
    if (attemptTimeoutMs !== null) return attemptTimeoutMs;
    const timeoutMs = this.#session?.timeoutMs ?? sessionTimeoutMs;
    // A silent server is given up after two thirds of the timeout: the last third is for all the others.
    const share = this.#session === null ? timeoutMs / servers.length : timeoutMs / 3 / servers.length;
    return Math.min(ATTEMPT_MS_MAX, Math.max(ATTEMPT_MS_MIN, share));
  }

  pauseMsMax(): number {
    return this.#session === null ? BACKOFF_MS_MAX : this.#session.timeoutMs / BACKOFF_PARTS_WHILE_UNSURE;
  }

  onUnresolved(server: Server, why: string): void {
    this.#outageLog.note(showServer(server), why);
  }

  onTarget(target: Target): void {
    this.#stopAttemptTimer();
    const milliseconds = this.attemptMs();
    const connection = new Connection(target, this.#connectRequest(), this, this.#ports, this.#options);
    this.#connection = connection;
    this.#stopAttemptTimer = this.#ports.clock.after(milliseconds, () => {
      connection.end(`did not give a session within ${Math.round(milliseconds)} ms`);
    });
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
      if (this.#connection === connection) this.#prove(connection);
    }
  }

  #attach(attached: ConnectResponse, sentAt: number): void {
    if (this.#session === null) this.#session = this.#newSession(attached, sentAt);
    else this.#session.renew(attached, sentAt);
    this.#timeDeadline();
  }

  #prove(connection: Connection): void {
    const { sasl } = this.#options;
    if (sasl === null) {
      this.#becomeReady(connection);
      return;
    }
    new SaslExchange(sasl, this.#ports.hashes, {
      send: (request, settle) => {
        const call = new Call(request, Number.POSITIVE_INFINITY, undefined, { ...settle, onAborted: nothing });
        connection.send([call]);
      },
      onProved: () => {
        if (this.#connection === connection) this.#becomeReady(connection);
      },
      onFailed: (why) => {
        if (this.#connection === connection) this.#lose("auth-failed", `failed to prove its identity: ${why}`);
      },
    }).begin();
  }

  /** Proofs first, then watches, then what waits: in the order in which the server must have them. */
  #becomeReady(connection: Connection): void {
    const session = this.#session!;
    const isReattached = this.#state.kind === "unsure";
    this.#stopAttemptTimer();
    this.#isReady = true;
    this.#outageLog.onConnected(nameOf(connection.target));
    connection.send([...this.#proofs(connection), ...this.#rearming(connection)]);
    this.#heartbeat = new Heartbeat(connection, session.timeoutMs, this.#ports.clock, this.#stallDetector);
    if (session.isReadOnly) this.#quorumFinder.start();
    if (isReattached) this.#watches.onReconnected();
    if (this.#connection !== connection) return; // a watcher has closed the client
    this.#become({ kind: "connected", session, server: nameOf(connection.target) });
    this.#flushSoon();
  }

  #onQuorum(target: Target): void {
    this.#found = target;
    this.#connection?.end(`has no quorum, and ${nameOf(target)} has`);
  }

  *#proofs(connection: Connection): Iterable<Call> {
    for (const credential of this.#credentials) {
      yield ownCall(auth(credential), () => {
        if (this.#connection !== connection) return;
        this.#lose(
          "auth-failed",
          `was refused its proof of identity (${credential.scheme}) by ${nameOf(connection.target)}`,
        );
      });
    }
  }

  *#rearming(connection: Connection): Iterable<Call> {
    for (const portion of this.#watches.portions()) {
      yield ownCall(setWatches(this.#lastZxid, portion), (error) => {
        if (this.#connection === connection) connection.end(`did not take the watches again: ${error.message}`);
      });
    }
  }

  onAnswered(connection: Connection, zxid: bigint): void {
    if (connection === this.#connection && zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  onConfirmed(connection: Connection, sentAt: number): void {
    if (connection !== this.#connection) return;
    this.#session?.confirm(sentAt);
    this.#stallDetector.onConfirmed(sentAt);
  }

  onEvent(connection: Connection, event: ServerEvent): void {
    this.checkDeadline();
    if (connection !== this.#connection) return;
    if (event.zxid !== null && event.zxid > this.#lastZxid) this.#lastZxid = event.zxid;
    this.#watches.onEvent(event);
  }

  onHeard(connection: Connection): void {
    if (connection === this.#connection) this.checkDeadline();
  }

  onFatalAnswer(connection: Connection, errorCode: number): void {
    if (connection !== this.#connection) return;
    const server = nameOf(connection.target);
    if (errorCode === ERROR.sessionExpired) this.#lose("expired", `is expired, says ${server}`);
    else if (errorCode === ERROR.sessionMoved) connection.end("says that the session has moved on");
    else this.#lose("auth-failed", `was ended by ${server}: ${reasonOf(errorCode)}`);
  }

  onEnded(connection: Connection, why: string): void {
    if (connection !== this.#connection) return;
    this.#outageLog.note(nameOf(connection.target), why);
    const wasReady = this.#isReady;
    const hasLived = this.#now - connection.openedAt >= GOOD_CONNECTION_MS;
    const unanswered = this.#dropConnection(connection);
    if (!wasReady) {
      failAll(unanswered, "connection-lost", why); // of the client's own
      this.#serverSelector.next();
      return;
    }
    const lost = [...unanswered, ...this.#takeUnsent()];
    if (this.#finishClosing !== null) {
      failAll(lost, "connection-lost", `${nameOf(connection.target)} ${why}`);
      this.#finishClosing?.(); // unless the failure of the last request has done so
      return;
    }
    const session = this.#session!;
    if (hasLived) this.#serverSelector.forgetFailures();
    if (this.#now < session.deadline) {
      this.#become({ kind: "unsure", session, why: `${nameOf(connection.target)} ${why}` });
    }
    failAll(lost, "connection-lost", `${nameOf(connection.target)} ${why}`);
    this.checkDeadline();
    if (this.#session !== session || this.#closing !== null) return; // lost; or closed by who heard of it
    const found = this.#found;
    this.#found = null;
    if (found !== null) this.#serverSelector.beginAt(found);
    else if (hasLived) this.#serverSelector.begin(connection.target);
    else this.#serverSelector.beginLater(connection.target);
  }

  #dropConnection(connection: Connection, done: () => void = nothing): Call[] {
    this.#connection = null;
    this.#isReady = false;
    this.#stopAttemptTimer();
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    this.#quorumFinder.stop();
    return connection.destroy(done);
  }

  // --------------------------------------------------------------------------------------------------------------- time

  #timeDeadline(): void {
    this.#stopDeadlineTimer();
    const session = this.#session;
    if (session === null) return;
    // Not moved with every answer: when it fires early, it is set again.
    this.#stopDeadlineTimer = this.#stallDetector.after(Math.max(1, session.deadline - this.#now), () => {
      this.checkDeadline();
      if (this.#session === session) this.#timeDeadline();
    });
  }

  /** Whoever looks at the session after its deadline finds it lost, also when no timer could run until now. */
  checkDeadline(): void {
    const session = this.#session;
    if (session === null || this.#closing !== null || this.#now < session.deadline) return;
    this.#lose("deadline", this.#whyLate(session));
  }

  #whyLate({ confirmedAt, timeoutMs }: ManagedSession): string {
    const silentMs = Math.round(this.#now - confirmedAt);
    const { longestMs } = this.#stallDetector;
    if (longestMs < timeoutMs / STALL_TOLD_PARTS) {
      return `was not confirmed by any server in the last ${silentMs} ms, and its timeout is ${timeoutMs} ms`;
    }
    const stall = `this process's event loop was blocked for at least ${Math.round(longestMs)} ms`;
    return `was not confirmed in the last ${silentMs} ms, and its timeout is ${timeoutMs} ms: ${stall}`;
  }

  // ----------------------------------------------------------------------------------------------------------- the ends

  /** The session is over: said once, to everyone who stood on it. */
  #lose(lossCause: Exclude<LossCause, "closed">, detail: string): void {
    if (this.#finishClosing !== null) {
      this.#finishClosing();
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

  /** Ends everything that goes on for it; gives the calls that were. */
  #forgetSession(done: () => void = nothing): Call[] {
    const unanswered = this.#connection === null ? [] : this.#dropConnection(this.#connection, done);
    this.#session = null;
    this.#lastZxid = 0n; // what a session has seen binds only itself: servers that lost their data can be talked to again
    this.#stopDeadlineTimer();
    this.#serverSelector.stop();
    return [...unanswered, ...this.#takeUnsent()];
  }

  #takeUnsent(): Set<Call> {
    const unsent = this.#unsent;
    this.#unsent = new Set();
    return unsent;
  }

  /**
   * Ends the session, or gives it up where there is no connection to do so: then it expires. Its signal aborts first, for the
   * servers may release what it holds as soon as they hear of it. Never fails.
   */
  close(timeoutMs: number): Promise<void> {
    if (this.#closing !== null) return this.#closing;
    const { promise, resolve } = promiseOf();
    this.#closing = promise;
    const session = this.#session;
    const reason = new SessionLostError("closed", session?.id ?? 0n, "was closed by its client");
    session?.end(reason);
    this.#watches.onSessionEnded(reason);
    const finish = () => {
      stopTimer();
      this.#finishClosing = null;
      const hasSocket = this.#connection !== null;
      const done = () => this.#ports.clock.defer(resolve); // behind whatever this turn of the loop still has to do
      failAll(this.#forgetSession(hasSocket ? done : nothing), "closed", "the client was closed");
      this.#deadlines.stop();
      this.#become({ kind: "closed" });
      if (!hasSocket) resolve();
    };
    let stopTimer = nothing;
    const connection = this.#connection;
    if (connection === null || !this.#isReady || this.#stopped !== null) {
      finish();
      return promise;
    }
    this.#finishClosing = finish;
    stopTimer = this.#ports.clock.after(timeoutMs, () => this.#finishClosing?.());
    const whenAnswered = () => this.#finishClosing?.();
    const last = new Call(closeSession(), Number.POSITIVE_INFINITY, undefined, {
      resolve: whenAnswered,
      reject: whenAnswered,
      onAborted: nothing,
    });
    connection.send([...this.#takeUnsent(), last]);
    return promise;
  }

  #become(state: ClientState): void {
    this.#state = state;
    this.#events.onState(state);
  }
}

function nameOf(target: Target): string {
  const name = showServer(target);
  return target.host === target.address ? name : `${name} (${target.address})`;
}

/** `why` says what the connection, or the client, came to. */
function failAll(calls: Iterable<Call>, code: "connection-lost" | "closed", why: string): void {
  for (const call of calls) call.fail(code, `${call.sentAt === null ? "was not sent" : "got no answer"}: ${why}`);
}

function lostCall(call: Call, reason: SessionLostError): CoordinationError {
  const message = `${call.what} ${call.sentAt === null ? "was not sent" : "got no answer"}: ${reason.message}`;
  return new CoordinationError("session-expired", call.outcome, message, { cause: reason });
}

function promiseOf(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = nothing;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
