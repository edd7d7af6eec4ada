// A registration: an entry in a directory that is entered again by itself, after a lost session or when somebody removes it, until
// it leaves. It always enters with the newest data: nothing else is kept. On ZooKeeper it is Curator's PersistentNode.

import { CoordinationError } from "../base/errors.ts";
import { Backoff } from "./backoff.ts";
import { Condition } from "./condition.ts";
import type { Directory, DirectoryEntry, Engine, EngineSession } from "./engine.ts";
import { messageOf } from "./handle.ts";
import { PendingRelease } from "./pending-release.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/**
 * `entering`: it is being entered, and others may not see it. `unsure`: the servers are not reached; others see it until the
 * session is over. `leaving`: it is being removed, and others may still see it. `left`: for good.
 */
export type RegistrationState = "entering" | "entered" | "unsure" | "leaving" | "left";

interface RegistrationOptions {
  /** As errors speak of it: `member "a" of group "workers"`. */
  readonly what: string;
  /** Its name in the directory. */
  readonly name: string;
  readonly data: Uint8Array;
}

/**
 * Invariants: only one loop enters and removes it, so two entries of it are never under way. After `leave` nothing enters it any
 * more.
 */
export class Registration implements AsyncDisposable {
  readonly name: string;
  readonly #what: string;
  readonly #engine: Engine;
  readonly #directory: Directory;
  readonly #changed = new Condition();
  #data: Uint8Array;
  /** What the servers have. */
  #confirmedData: Uint8Array;
  /** Editions of the data, counted here: the newest, the one under way, the newest on the servers, the newest they refused. */
  #edition = 0;
  #putting = 0;
  #confirmed = -1;
  #refused: { readonly edition: number; readonly error: Error } | null = null;
  #enteredIn: EngineSession | null = null;
  #entry: { readonly entry: DirectoryEntry; readonly session: EngineSession } | null = null;
  #trouble: Error | null = null;
  /** Another session has an entry of this name. */
  #isTaken = false;
  #isOver = false;
  #pendingRelease: PendingRelease | null = null;
  readonly #stopEngine: () => void;

  private constructor(engine: Engine, directory: Directory, { what, name, data }: RegistrationOptions) {
    this.#engine = engine;
    this.#directory = directory;
    this.#what = what;
    this.name = name;
    this.#data = data;
    this.#confirmedData = data;
    this.#stopEngine = engine.onStatus(() => this.#changed.notify());
  }

  /** Completes when it is entered. Where that fails, nothing is left, or it is being removed. */
  static async enter(
    engine: Engine,
    directory: Directory,
    options: RegistrationOptions,
    wait: WaitOptions,
  ): Promise<Registration> {
    using scope = new WaitScope(engine.runtime, options.what, wait);
    scope.failed = "was not entered";
    if (scope.end !== null) throw scope.end;
    const registration = new Registration(engine, directory, options);
    void registration.#keep();
    try {
      await registration.#settled(scope, 0);
      return registration;
    } catch (error) {
      void registration[Symbol.asyncDispose]();
      throw error;
    }
  }

  get state(): RegistrationState {
    if (this.#isOver) return this.#pendingRelease?.isDone === false ? "leaving" : "left";
    const session = this.#enteredIn;
    if (session === null || session.state.kind === "lost") return "entering";
    return session.state.kind === "unsure" ? "unsure" : "entered";
  }

  /** The servers' refusal at the last try; null when there is none. It is retried. */
  get trouble(): Error | null {
    return this.#trouble;
  }

  /** What others see, or will. */
  get data(): Uint8Array {
    return this.#data;
  }

  /**
   * Changes what others see. Completes when the servers have this data, or newer. When the wait ends before, the data stays: the
   * servers get it as soon as they are reached (outcome "unknown"). Data that they refuse is replaced by what they have.
   */
  async update(data: Uint8Array, wait: WaitOptions = {}): Promise<void> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, wait);
    scope.failed = "was not updated";
    if (scope.end !== null) throw scope.end;
    if (this.#isOver) throw this.#leftError("not-applied");
    scope.outcome = "unknown";
    const edition = ++this.#edition;
    this.#data = data;
    this.#changed.notify();
    await this.#settled(scope, edition);
  }

  /**
   * Removes it for good. Completes when it is gone, or its session is over; waits for a lost connection until then. Refusals are
   * retried until then. Fails when that takes longer than the session's timeout, or the refusal may last. Another call waits
   * again.
   */
  async leave(): Promise<void> {
    this.#end();
    const entry = this.#entry;
    if (entry === null) return;
    this.#pendingRelease ??= new PendingRelease(this.#engine, {
      notYet: `${this.#what} is not removed yet`,
      session: entry.session,
      release: (onRefused) => entry.entry.remove(onRefused),
    });
    await this.#pendingRelease.wait();
  }

  #end(): void {
    this.#isOver = true;
    this.#stopEngine();
    this.#changed.notify();
  }

  /** As `leave`, but never fails: the logger is told. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.leave();
    } catch (error) {
      this.#engine.logger.error(`${this.#what} could not be removed: ${messageOf(error)}`);
    }
  }

  /** Completes when the servers have this edition, or a newer one. Fails when they refuse it, or it ends before. */
  async #settled(scope: WaitScope, edition: number): Promise<void> {
    for (;;) {
      const { notified } = this.#changed;
      if (this.#refused !== null && this.#refused.edition >= edition) throw this.#refused.error;
      if (this.#confirmed >= edition) return;
      if (this.#isOver) throw this.#leftError(scope.outcome);
      scope.waitingFor = this.#isTaken ? "another of this id, which is there still, to go" : "the servers";
      await scope.until(notified);
    }
  }

  #leftError(outcome: "applied" | "not-applied" | "unknown"): CoordinationError {
    const { status } = this.#engine;
    const why = status.kind === "closed" ? `not connected: ${status.reason.message}` : "it has left";
    return new CoordinationError("closed", outcome, `${this.#what}: ${why}`);
  }

  // ------------------------------------------------------------------------------------------------------- the one loop

  /** Never fails. */
  async #keep(): Promise<void> {
    const backoff = new Backoff(this.#engine);
    while (!this.#isOver) {
      const { notified } = this.#changed;
      const { status } = this.#engine;
      if (status.kind === "closed") {
        this.#end();
        return;
      }
      if (status.kind === "connecting" || !isAlive(status.session)) {
        await notified;
        continue;
      }
      try {
        await this.#keepIn(status.session);
        backoff.reset();
      } catch (error) {
        if (this.#isOver || !isAlive(status.session)) continue;
        const isForGood = this.#onRefused(error instanceof Error ? error : new Error(String(error)));
        if (!isForGood) continue;
        await this.#pause(backoff);
      }
    }
  }

  /** False: there is other data to try at once: newer data, or, after a refused change, what the servers had before. */
  #onRefused(error: Error): boolean {
    this.#engine.logger.error(`${this.#what} could not be entered, and is tried again: ${messageOf(error)}`);
    this.#trouble = error;
    this.#refused = { edition: this.#putting, error };
    this.#changed.notify();
    if (this.#putting < this.#edition) return false;
    if (this.#data === this.#confirmedData) return true;
    this.#data = this.#confirmedData;
    this.#edition += 1;
    return false;
  }

  /** Ends with the session or the registration; fails when the servers refuse. */
  async #keepIn(session: EngineSession): Promise<void> {
    const entry = this.#directory.entry(session, this.name);
    this.#entry = { entry, session };
    const stopSession = session.onState(() => this.#changed.notify());
    let stopGuard: (() => void) | null = null;
    let isIn = false;
    const gone = () => {
      isIn = false;
      stopGuard = null;
      this.#enteredIn = null;
      this.#changed.notify();
    };
    try {
      while (!this.#isOver && isAlive(session)) {
        const { notified } = this.#changed;
        if (isIn && this.#confirmed === this.#edition) {
          await notified;
          continue;
        }
        const edition = this.#edition;
        const data = this.#data;
        this.#putting = edition;
        const isOurs = await entry.put(data);
        this.#isTaken = !isOurs;
        if (!isOurs) {
          this.#changed.notify();
          if (!this.#isOver && isAlive(session)) await this.#absence();
          continue;
        }
        isIn = true;
        this.#enteredIn = session;
        this.#confirmed = edition;
        this.#confirmedData = data;
        this.#trouble = null;
        this.#changed.notify();
        stopGuard ??= entry.guard(gone);
      }
    } finally {
      this.#enteredIn = null;
      stopSession();
      stopGuard?.();
    }
  }

  /** Waits until the entry of this name has gone, such as that of an earlier session or process. */
  async #absence(): Promise<void> {
    const { notified } = this.#changed;
    const reading = this.#directory.list();
    const forget = () =>
      reading.then(
        (late) => late.unwatch(),
        () => {},
      );
    try {
      const watched = await Promise.race([reading, notified]);
      if (watched === undefined) return;
      if (watched.value.some(({ name }) => name === this.name)) await Promise.race([watched.changed, notified]);
    } finally {
      void forget();
    }
  }

  /** Ends early when anything happens. */
  async #pause(backoff: Backoff): Promise<void> {
    const notified = new AbortController();
    void this.#changed.notified.then(() => notified.abort());
    await backoff.next(notified.signal);
  }
}

function isAlive(session: EngineSession): boolean {
  return session.state.kind !== "lost";
}

/** A registration as the program that made it holds it. */
export abstract class RegistrationHandle implements AsyncDisposable {
  readonly #registration: Registration;

  constructor(registration: Registration) {
    this.#registration = registration;
  }

  get id(): string {
    return this.#registration.name;
  }

  get state(): RegistrationState {
    return this.#registration.state;
  }

  get trouble(): Error | null {
    return this.#registration.trouble;
  }

  leave(): Promise<void> {
    return this.#registration.leave();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#registration[Symbol.asyncDispose]();
  }

  protected put(data: Uint8Array, options: WaitOptions): Promise<void> {
    return this.#registration.update(data, options);
  }
}
