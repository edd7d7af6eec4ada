// A member inside a program: started from an object of settings, waited for, connected to without a socket, and closed within a deadline.

import "../base/disposal.ts";
import { CLOSE_ON, type CloseSignal, checkCloseOn, closeOnSignals } from "../adapters/close-on-signals.ts";
import { callSite, noteOpen } from "../adapters/open-resources.ts";
import { whenAborted } from "../base/abort.ts";
import { TIMER_MS_MAX } from "../base/clock.ts";
import { CoordinationError } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { OPTION, type OptionRules, problemOf } from "../base/options.ts";
import { connectToMember, type MemberConnectOptions } from "../engines/embedded/index.ts";
import type { ZooKeeperEngine } from "../engines/zookeeper/engine.ts";
import type { DoorSection } from "../protocols/door-section.ts";
import type { Coordination } from "../recipes/index.ts";
import { loadEmbedded } from "./configuration/load.ts";
import { type EmbeddedStatus, embeddedStatus } from "./embedded-status.ts";
import { type MemberExtensions, type MemberWorld, type RunningMember, runMember } from "./member.ts";
import type { MemberSettings } from "./member-settings.ts";
import { endedError, Readiness, type ReadyOptions } from "./readiness.ts";

export interface MemberOptions extends Omit<MemberSettings, "data"> {
  /** Where snapshots and the log are kept: a directory of this member's own. It is made if it is missing. Needed, unless `file` says it. */
  readonly data?: string | undefined;
  /** A `zoo.cfg` or `cabildo.yaml`: it counts where these options say nothing. The environment is not read. */
  readonly file?: string | undefined;
  /** Told what happens to the member; silent unless given. `console` is one. */
  readonly logger?: Logger | undefined;
  /**
   * At the first of these signals the member closes, within 5000 ms, after all connections that have this option. The process ends once
   * everything that has it is closed, unless the program listens to the signal as well. A second signal ends the process at once.
   * Nothing is listened to unless given.
   */
  readonly closeOn?: readonly CloseSignal[] | undefined;
  /** Protocols that are made elsewhere. */
  readonly extensions?: Extensions | undefined;
}

export interface Extensions extends MemberExtensions {
  /** The sections that the settings may have for them. */
  readonly doorSections?: readonly DoorSection[] | undefined;
}

export interface CloseOptions {
  /** How long closing may take at most: 5000 ms unless given. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A running member. Invariants: `ended` settles once. As soon as the member ends, `ready` and `connect` fail with `closed`. A member
 * never ends the process that it runs in: where its disk fails, it ends alone, and `ended` tells why.
 */
export interface Member extends AsyncDisposable {
  readonly id: number;
  /** Plain data: role, leader, whether there is a quorum, how far its log is. A new object at each reading. */
  readonly status: EmbeddedStatus;
  /**
   * Resolves once the member follows (or is) a leader that a majority follows, its state holds everything that was acknowledged
   * before this call, and the ensemble counts it. Rejects with `no-quorum`, naming the members that are missing, with
   * `deadline`, `aborted`, or `closed`.
   */
  ready(options?: ReadyOptions): Promise<void>;
  /**
   * The recipes on this member, over memory, in a session of their own. This member renews that session: when it is cut off from the
   * others, the session ends in time and handles are lost. `close` of the member closes it first.
   */
  connect(options?: MemberConnectOptions): Promise<Coordination<ZooKeeperEngine>>;
  /**
   * Settles when the member has ended and everything is closed: null if it was closed, else the error that ended it. Never rejects. After
   * a failure it settles within 3 s, although a disk that does not answer may still keep files open.
   */
  readonly ended: Promise<Error | null>;
  /**
   * Closes the connections that `connect` gave (their locks are released), hands leadership over, lets requests that are under way
   * finish, and closes ports and files. Never rejects, and resolves within `timeoutMs`, done or not. A second call waits for the first.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** For test clusters. */
export interface MortalMember extends Member {
  /** Ends it as the others see a crash: it hands nothing over, and answers nothing more. */
  kill(): Promise<void>;
}

const CLOSE_MS = 5000;
/** Of the time to close: what ending the sessions of this process may take. */
const CONNECTIONS_SHARE = 0.3;

const OWN: OptionRules<Pick<MemberOptions, "file" | "logger" | "closeOn" | "extensions">> = {
  file: OPTION.text,
  logger: OPTION.logger,
  closeOn: CLOSE_ON,
  extensions: OPTION.object,
};
const CLOSE: OptionRules<CloseOptions> = { timeoutMs: OPTION.duration };

/**
 * Starts a member in this process and completes when its ports are open; it may still be looking for the others (`ready`).
 * Rejects with a `ConfigurationError` that names every wrong property, or with a `CoordinationError` that says what to do when
 * data, ports or files cannot be used; then nothing is left running.
 */
export async function startMember(options: MemberOptions): Promise<Member> {
  return startMemberIn({}, options);
}

/** `startMember` in a world that is not the operating system's. */
export async function startMemberIn(world: MemberWorld, options: MemberOptions): Promise<MortalMember> {
  const openedAt = callSite();
  if (typeof options !== "object" || options === null) throw misused("it is given an object of settings");
  const { file, logger = silentLogger, closeOn = [], extensions = {}, ...settings } = options;
  const problem = problemOf({ file, logger, closeOn, extensions }, OWN);
  if (problem !== null) throw misused(problem);
  checkCloseOn("startMember", closeOn);
  const { doorSections, doorKinds, models } = extensions;
  const { configuration, warnings } = loadEmbedded({ settings, file: file ?? null, doorSections });
  for (const warning of warnings) logger.warn(warning);
  const running = await runMember(configuration, logger, { doorKinds, models, ...world });
  const member = new EmbeddedMember(running, logger);
  const strikeOff = noteOpen("member", `member ${member.id}, data in ${configuration.dataDir}`, openedAt);
  const unregister = closeOn.length === 0 ? () => {} : closeOnSignals(closeOn, "member", () => member.close());
  void member.closed.then(() => {
    strikeOff();
    unregister();
  });
  return member;
}

function misused(problem: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", `startMember: ${problem}`);
}

class EmbeddedMember implements MortalMember {
  readonly ended: Promise<Error | null>;
  /** Resolves once nothing of it is open any more. A failed disk may take longer than `ended` waits for it. */
  readonly closed: Promise<void>;
  readonly #running: RunningMember;
  readonly #logger: Logger;
  readonly #readiness: Readiness;
  /** Aborts when it is to be closed, with null, or when it ends by itself, with what ended it. */
  readonly #ending = new AbortController();
  readonly #connections = new Set<Coordination<ZooKeeperEngine>>();
  #closing: Promise<void> | null = null;

  constructor(running: RunningMember, logger: Logger) {
    this.#running = running;
    this.#logger = logger;
    this.#readiness = new Readiness(running, this.#ending.signal);
    this.ended = running.ended;
    this.closed = running.ended.then(() => running.stop()).catch(() => {});
    // Before the member is returned nobody is asked whether it had ended: then `runMember` rejects.
    whenAborted(running.ending, () => this.#onEnding(running.ending.reason));
  }

  /** Its sessions can be ended by nobody: their handles are lost at once. */
  #onEnding(reason: Error | null): void {
    this.#ending.abort(reason);
    for (const each of this.#connections) each.close().catch(() => {});
  }

  get id(): number {
    return this.#running.member.id;
  }

  get status(): EmbeddedStatus {
    return embeddedStatus(this.#running);
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return this.#readiness.wait(options);
  }

  async connect(options: MemberConnectOptions = {}): Promise<Coordination<ZooKeeperEngine>> {
    const { signal } = this.#ending;
    if (signal.aborted) throw endedError(this.id, signal);
    const connection = await connectToMember(this.#running, options, signal).catch((error: unknown) => {
      throw signal.aborted ? endedError(this.id, signal) : error;
    });
    if (signal.aborted) {
      await connection.close();
      throw endedError(this.id, signal);
    }
    // Those that the program closed itself are not kept.
    for (const each of this.#connections) if (each.engine.status.kind === "closed") this.#connections.delete(each);
    this.#connections.add(connection);
    return connection;
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#ending.abort(null);
    // A `finally` must not leave a running member behind: impossible options are ignored.
    const { timeoutMs = CLOSE_MS } = problemOf(options, CLOSE) === null ? options : {};
    this.#closing ??= this.#close(Math.min(timeoutMs, TIMER_MS_MAX));
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    await within(timeoutMs * CONNECTIONS_SHARE, Promise.all([...this.#connections].map((each) => each.close())));
    const left = Math.max(0, deadline - performance.now());
    const stopped = this.#running.stop({ graceMs: left / 2 }).catch((error: unknown) => {
      this.#logger.warn(`member ${this.id} did not stop cleanly: ${String(error)}`);
    });
    if (!(await within(left, stopped))) this.#logger.warn(`member ${this.id} was not closed within ${timeoutMs} ms`);
  }

  kill(): Promise<void> {
    this.#ending.abort(null);
    this.#closing ??= this.#running.stop({ transferLeadership: false, graceMs: 0 });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Whether it has settled in time. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const inTime = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}
