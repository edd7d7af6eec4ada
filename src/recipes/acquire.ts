// How everything that one waits in line for is acquired: the one loop behind locks, permits and elections.

import { CoordinationError } from "../base/errors.ts";
import type { OptionRules } from "../base/options.ts";
import type { Contender, Engine, EngineSession, EngineStatus, EntryCancellation } from "./engine.ts";
import { type Grant, HOLD, type HoldOptions } from "./handle.ts";
import { releaseInBackground } from "./pending-release.ts";
import { traced } from "./traced.ts";
import { WAIT, type WaitOptions, WaitScope } from "./wait-scope.ts";

export const ACQUIRE: OptionRules<WaitOptions & HoldOptions> = { ...WAIT, ...HOLD };

export interface Wanted<C extends Contender> {
  /** As errors speak of it: `lock "billing"`. */
  readonly what: string;
  readonly name: string;
  contend(session: EngineSession): C;
  /** What is waited for, as errors say it; "3 ahead of it" unless given. */
  readonly waitsFor?: (ahead: number) => string;
  /** Called when the wait fails, before what it began is released: it may have been granted all the same. */
  readonly cancel?: (contender: C) => Promise<EntryCancellation>;
}

/**
 * Waits in line until it is granted. Fails with a CoordinationError, outcome "not-applied": `aborted`, `deadline`,
 * `session-expired` (its place in line went with the session), `closed`, `rejected`; nothing that it began is then left on
 * the servers, or is being taken back.
 */
export async function acquire<C extends Contender>(
  engine: Engine,
  wanted: Wanted<C>,
  options: WaitOptions,
  rules: OptionRules<WaitOptions> = ACQUIRE,
): Promise<Grant & { readonly contender: C }> {
  return traced(engine, wanted, async () => {
    using scope = new WaitScope(engine.runtime, wanted.what, options, undefined, rules);
    return await acquireWith(engine, wanted, scope); // awaited here, for the scope ends with this block
  });
}

/** Null: it is another's now. Waits for the servers' answer alone, `timeoutMs` and `signal` permitting. */
export function tryAcquire<C extends Contender>(
  engine: Engine,
  wanted: Wanted<C>,
  options: WaitOptions,
  rules: OptionRules<WaitOptions> = ACQUIRE,
): Promise<(Grant & { readonly contender: C }) | null> {
  return traced(engine, wanted, () => tryOnce(engine, wanted, options, rules));
}

async function tryOnce<C extends Contender>(
  engine: Engine,
  wanted: Wanted<C>,
  options: WaitOptions,
  rules: OptionRules<WaitOptions>,
): Promise<(Grant & { readonly contender: C }) | null> {
  using scope = new WaitScope(engine.runtime, wanted.what, options, undefined, rules);
  const session = await sessionOf(engine, scope);
  const contender = wanted.contend(session);
  try {
    const standing = await scope.until(contender.poll());
    if (standing.kind === "granted") return granted(wanted, standing.token, session, contender);
    await scope.until(releaseInBackground(engine, wanted, session, contender).doneOrRefused());
    return null;
  } catch (error) {
    releaseInBackground(engine, wanted, session, contender);
    throw error;
  }
}

export async function acquireWith<C extends Contender>(
  engine: Engine,
  wanted: Wanted<C>,
  scope: WaitScope,
): Promise<Grant & { readonly contender: C }> {
  const session = await sessionOf(engine, scope);
  let contender = wanted.contend(session);
  try {
    for (;;) {
      scope.waitingFor = "the servers";
      const standing = await scope.until(contender.poll());
      if (standing.kind === "granted") return granted(wanted, standing.token, session, contender);
      if (standing.kind === "gone") {
        releaseInBackground(engine, wanted, session, contender);
        contender = wanted.contend(session);
        continue;
      }
      scope.waitingFor = wanted.waitsFor?.(standing.ahead) ?? `${standing.ahead} ahead of it`;
      await scope.until(standing.changed);
    }
  } catch (error) {
    // Whatever ended the wait, a refusal too: others may have counted this one already, or may yet.
    const cancellation = await wanted.cancel?.(contender);
    if (cancellation?.kind === "granted") return granted(wanted, cancellation.token, session, contender);
    releaseInBackground(engine, wanted, session, contender);
    throw cancellation?.kind === "unknown" ? inDoubt(error) : error;
  }
}

/** The session that stands, or the next one. */
async function sessionOf(engine: Engine, scope: WaitScope): Promise<EngineSession> {
  if (engine.status.kind === "ready" && scope.end === null) {
    const { session } = engine.status;
    scope.bindTo(session);
    return session;
  }
  let stop = () => {};
  const ready = new Promise<EngineSession>((resolve, reject) => {
    const look = (status: EngineStatus) => {
      if (status.kind === "ready") resolve(status.session);
      else if (status.kind === "closed") reject(closedError(status.reason));
    };
    stop = engine.onStatus(look);
    look(engine.status);
  });
  try {
    const session = await scope.until(ready);
    scope.bindTo(session);
    return session;
  } finally {
    stop();
  }
}

function closedError(reason: Error): CoordinationError {
  return new CoordinationError("closed", "not-applied", `not connected: ${reason.message}`, { cause: reason });
}

/** What comes too late is no grant: by its deadline the servers may have given it to another already. */
function granted<C extends Contender>(
  { what, name }: Wanted<C>,
  token: bigint,
  session: EngineSession,
  contender: C,
): Grant & { readonly contender: C } {
  if (session.expiresIn() > 0) return { what, name, token, session, contender };
  const why = "it was granted to a session that was over when the answer came";
  throw new CoordinationError("session-expired", "not-applied", `${what} was not acquired: ${why}`);
}

/** The others may have been told, or may yet be, that it is there. */
function inDoubt(error: unknown): unknown {
  if (!(error instanceof CoordinationError)) return error;
  const message = `${error.message}; whether it was counted all the same is unknown`;
  return new CoordinationError(error.code, "unknown", message, { cause: error.cause ?? error });
}
