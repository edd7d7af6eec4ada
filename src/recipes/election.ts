// Elections: one leader at a time, in the order in which the candidates came, or by priority. Leadership is held as a lock
// is, with a token and a signal. On ZooKeeper it is Curator's LeaderLatch, or its LeaderSelector.

import { whenAborted } from "../base/abort.ts";
import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import { acquireWith, type Wanted } from "./acquire.ts";
import { Backoff } from "./backoff.ts";
import { type CandidateRecord, readRecord, writeRecord } from "./candidate-record.ts";
import type { Candidate, CandidateView, ElectionForm, Engine, EngineElection, HasElections } from "./engine.ts";
import { LockLostError } from "./errors.ts";
import { type Grant, GrantHandle, type Handle, HOLD, type HoldOptions, messageOf } from "./handle.ts";
import type { Waiting } from "./identity.ts";
import { Latch } from "./latch.ts";
import { checkOptions } from "./options.ts";
import { releaseInBackground } from "./pending-release.ts";
import { runWhileHeld } from "./run.ts";
import { type SubscribeOptions, subscribe } from "./subscription.ts";
import { traced } from "./traced.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface ElectionOptions extends AccessOptions {
  /** With whom it is shared on ZooKeeper: Curator's LeaderLatch ("latch", the default) or its LeaderSelector. */
  readonly form?: ElectionForm | undefined;
}

export interface CampaignOptions extends HoldOptions {
  /**
   * Ends the campaign, and the term if there is one: the term's signal aborts, so that the body stops, and the leadership is
   * given up when the body has ended.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The leadership is given up at the latest so many milliseconds after `signal`, whatever the body does; 30,000 unless given.
   * A body that works longer may run beside the next leader's.
   */
  readonly yieldWithinMs?: number | undefined;
  /** Names the candidate, for people and for `observe`; need not be unique. Who the program is (`host:pid`) unless given. */
  readonly id?: string | undefined;
  /** What others should know of it, such as its address. */
  readonly value?: string | undefined;
  /**
   * When a leader goes, a candidate with the highest priority follows; 0 unless given. It does not unseat a leader. Candidates
   * of Curator and kazoo have no priorities, and lead when their turn comes.
   */
  readonly priority?: number | undefined;
  /** Called when it has waited for half a second, and again at each new place in the queue, with who leads. */
  readonly onWaiting?: ((waiting: Waiting) => void) | undefined;
}

const ELECTION: OptionRules<ElectionOptions> = { form: OPTION.oneOf("latch", "selector"), ...ACCESS };
const CAMPAIGN: OptionRules<CampaignOptions> = {
  signal: OPTION.signal,
  yieldWithinMs: OPTION.duration,
  id: OPTION.text,
  value: OPTION.text,
  priority: OPTION.any, // `recordOf` says more of it
  onWaiting: OPTION.callback,
  ...HOLD,
};

/** Leadership, from the election to the resignation or the loss. */
export interface Term extends Handle {
  /** Changes what others know of the leader. */
  publish(value: string): Promise<void>;
  /**
   * Resigns in favour of a candidate: the first with this id, or the one that was seen. It leads next, before all priorities;
   * candidates of Curator and kazoo in between lead when their turn comes. Fails ("rejected") when there is no such candidate:
   * then this one still leads.
   */
  handOver(to: string | CandidateInfo): Promise<void>;
}

export interface CandidateInfo extends CandidateRecord {
  /** The token of its grant if it leads, or of the grant that it would get. A new one for each candidacy. */
  readonly token: bigint;
  /** The session that its candidacy ends with, as the servers' tools show it. */
  readonly session: string;
  /** When it came, in milliseconds since 1970 by the servers' clock. */
  readonly since: number;
}

/** `leader` is the first candidate; null: there is none. */
export interface ElectionView {
  readonly leader: CandidateInfo | null;
  readonly candidates: readonly CandidateInfo[];
}

/** Long enough for most work to end, and bearable for those who wait to lead. */
const YIELD_WITHIN_MS = 30_000;

export class Election {
  readonly name: string;
  readonly #engine: Engine;
  readonly #election: EngineElection;
  readonly #what: string;

  constructor(engine: Engine & HasElections, name: string, options: ElectionOptions = {}) {
    this.name = name;
    this.#engine = engine;
    this.#what = `election ${JSON.stringify(name)}`;
    const access = accessOf(this.#what, options, ELECTION);
    this.#election = engine.election(name, options.form ?? "latch", access);
  }

  /**
   * A candidacy that is renewed after each term: one round of the loop is one term. The body works until `term.signal` aborts,
   * or resigns by going on to the next round. Leaving the loop resigns, and ends the campaign. A lost session or a passing
   * refusal (a full disk) does not end it. Fails when the connection is closed, or the servers refuse for good.
   */
  async *campaign(options: CampaignOptions = {}): AsyncGenerator<Term, void, void> {
    const record = recordOf(this.#what, this.#engine, options);
    const { signal } = options;
    const backoff = new Backoff(this.#engine);
    const isOver = () => signal?.aborted === true;
    while (!isOver()) {
      const grant = await this.#win(record, options, backoff);
      if (grant === null) continue;
      backoff.reset();
      const term = new LeadersTerm(this.#engine, grant, options, record, this.#election);
      const forget = signal === undefined ? () => {} : this.#resignAt(signal, term, options);
      try {
        if (isOver()) return;
        yield term;
      } finally {
        forget();
        await term[Symbol.asyncDispose]();
      }
    }
  }

  /** At the signal the body is told, and has its time to end. Returns a function that cancels that. */
  #resignAt(signal: AbortSignal, term: LeadersTerm, options: CampaignOptions): () => void {
    const { yieldWithinMs = YIELD_WITHIN_MS } = options;
    let stopTimer = () => {};
    const unlink = whenAborted(signal, () => {
      if (term.signal.aborted) return;
      term.stop();
      stopTimer = this.#engine.runtime.after(yieldWithinMs, () => {
        this.#engine.logger.warn(
          `${this.#what}: its work goes on ${yieldWithinMs} ms after it was to end: it is given up`,
        );
        void term[Symbol.asyncDispose]();
      });
    });
    return () => {
      unlink();
      stopTimer();
    };
  }

  /**
   * Runs `body` once in each term. After a loss the body is not waited for; the next one begins with the next term. Ends with
   * the signal, when the body has ended. Fails with the body's first error, unless that is the reason of its term's end.
   */
  async lead(body: (term: Term) => void | Promise<void>, options: CampaignOptions = {}): Promise<void> {
    for await (const term of this.campaign(options)) {
      if (term.signal.aborted) continue;
      try {
        await runWhileHeld(this.#engine, term, body);
      } catch (error) {
        if (!(error instanceof LockLostError) && error !== term.signal.reason) throw error;
      }
    }
  }

  /**
   * A candidate from now on until it is closed, that says at any moment whether it leads: for programs that ask, instead of
   * working in a loop of terms.
   */
  latch(options: CampaignOptions = {}): Latch {
    recordOf(this.#what, this.#engine, options); // impossible options are refused at once
    return new Latch(this.#engine, this.#what, options.signal, (signal) => this.campaign({ ...options, signal }));
  }

  /** The leader and the candidates, now and after every change. */
  async *observe(options: SubscribeOptions = {}): AsyncGenerator<ElectionView, void, void> {
    for await (const views of subscribe(
      this.#engine,
      this.#what,
      ({ signal }) => this.#election.candidates({ signal }),
      options,
    )) {
      const candidates = views.map(infoOf);
      yield { leader: candidates[0] ?? null, candidates };
    }
  }

  /** The candidates in their order, the leader first. */
  async candidates(options: WaitOptions = {}): Promise<readonly CandidateInfo[]> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, options, "was not read");
    return await this.#candidates(scope);
  }

  async #candidates(scope: WaitScope): Promise<readonly CandidateInfo[]> {
    const reading = this.#election.candidates({ signal: scope.signal });
    const unwatched = reading.then((watched) => {
      watched.unwatch();
      return watched.value;
    });
    return (await scope.until(unwatched)).map(infoOf);
  }

  /** Null: it was not elected, and may try again. */
  async #win(
    record: CandidateRecord,
    { signal, onWaiting }: CampaignOptions,
    backoff: Backoff,
  ): Promise<LeadersGrant | null> {
    const wanted: Wanted<Candidate> = {
      what: this.#what,
      name: this.name,
      verb: "leads",
      contend: (session) => this.#election.contend(session, writeRecord(record)),
    };
    using scope = new WaitScope(this.#engine.runtime, this.#what, { signal });
    let grant: LeadersGrant | null = null;
    try {
      grant = await traced(this.#engine, wanted, () => acquireWith(this.#engine, wanted, scope, onWaiting));
      const candidates = await this.#candidates(scope);
      const own = candidates.find(({ token }) => token === grant?.token);
      const isHighest = candidates.every((other) => rankOf(other) <= rankOf(own ?? record));
      if (isHighest) return grant;
      // To the end of the queue, before anybody is told. Those in between do the same until it is the highest's turn.
      await scope.until(grant.contender.release());
      return null;
    } catch (error) {
      if (grant !== null) releaseInBackground(this.#engine, wanted, grant.session, grant.contender);
      const isPassing = error instanceof CoordinationError && error.code === "session-expired";
      if (isPassing || scope.end?.code === "aborted") return null;
      if (this.#engine.mayPass?.(error) !== true) throw error;
      this.#engine.logger.error(`${this.#what}: it is no candidate now, and tries again: ${messageOf(error)}`);
      await backoff.next(signal);
      return null;
    }
  }
}

type LeadersGrant = Grant & { readonly contender: Candidate };

class LeadersTerm extends GrantHandle implements Term {
  readonly #what: string;
  readonly #candidate: Candidate;
  readonly #election: EngineElection;
  readonly #record: CandidateRecord;

  constructor(
    engine: Engine,
    grant: LeadersGrant,
    options: HoldOptions,
    record: CandidateRecord,
    election: EngineElection,
  ) {
    super(engine, grant, options);
    this.#what = grant.what;
    this.#candidate = grant.contender;
    this.#record = record;
    this.#election = election;
  }

  async publish(value: string): Promise<void> {
    this.assertHeld();
    await this.#candidate.publish(writeRecord({ ...this.#record, value }));
  }

  async handOver(to: string | CandidateInfo): Promise<void> {
    this.assertHeld();
    const watched = await this.#election.candidates();
    watched.unwatch();
    const others = watched.value.map(infoOf).filter(({ token }) => token !== this.token);
    const successor = others.find(({ id, token }) => (typeof to === "string" ? id === to : token === to.token));
    this.assertHeld();
    const isThere =
      successor !== undefined &&
      (await this.#election.describe(successor.token, (data) => writeRecord({ ...readRecord(data), isChosen: true })));
    if (isThere) return await this.release();
    const shown = JSON.stringify(typeof to === "string" ? to : to.id);
    const candidates = others.map(({ id }) => JSON.stringify(id)).join(", ") || "nobody";
    const why = `${shown} is not a candidate, so it cannot lead next; the candidates: ${candidates}`;
    throw new CoordinationError("rejected", "not-applied", `${this.#what}: ${why}`);
  }
}

function rankOf({ priority, isChosen }: CandidateRecord): number {
  return isChosen ? Number.POSITIVE_INFINITY : priority;
}

function recordOf(what: string, { identity = "" }: Engine, options: CampaignOptions): CandidateRecord {
  checkOptions(what, options, CAMPAIGN);
  const { id = identity, value, priority = 0 } = options;
  if (Number.isFinite(priority)) return { id, value: value ?? null, priority, isChosen: false };
  throw new CoordinationError("rejected", "not-applied", `${what}: priority is a number, not ${priority}`);
}

function infoOf({ token, data, session, enteredAt }: CandidateView): CandidateInfo {
  return { token, ...readRecord(data), session, since: enteredAt };
}
