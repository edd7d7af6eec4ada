// Acquisition: the one loop behind locks, permits, elections and every other recipe that waits in a queue.

import { assert } from "../base/assert.ts";
import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import type { Contender, Engine, EngineSession, EngineStatus, EntryCancellation } from "./engine.ts";
import { type Grant, HOLD, type HoldOptions } from "./handle.ts";
import { nameHolder } from "./holder-names.ts";
import type { Waiting } from "./identity.ts";
import { releaseInBackground } from "./pending-release.ts";
import { traced } from "./traced.ts";
import { WAIT, type WaitOptions, WaitScope } from "./wait-scope.ts";

export interface AcquireOptions extends WaitOptions, HoldOptions {
  /** Called when it has waited for half a second, and again at each new place in the queue, with who holds what it waits for. */
  readonly onWaiting?: ((waiting: Waiting) => void) | undefined;
}

export const ACQUIRE: OptionRules<AcquireOptions> = { ...WAIT, ...HOLD, onWaiting: OPTION.callback };

export interface Wanted<C extends Contender> {
  /** As errors speak of it: `lock "billing"`. */
  readonly what: string;
  readonly name: string;
  contend(session: EngineSession): C;
  /** What it waits for, in errors; "3 ahead of it" unless given. */
  readonly waitsFor?: (ahead: number) => string;
  /** What the holder does, in errors; "holds it" unless given. */
  readonly verb?: string;
  /** Called when the wait fails, before what it began is released: it may have been granted all the same. */
  readonly cancel?: (contender: C) => Promise<EntryCancellation>;
}

/**
 * Waits in the queue until it is granted. Fails with a CoordinationError, outcome "not-applied": `aborted`, `deadline`,
 * `session-expired` (its place went with the session), `closed`, `rejected`. Then nothing that it began is left on the
 * servers, or it is being released.
 */
export async function acquire<C extends Contender>(
  engine: Engine,
  wanted: Wanted<C>,
  options: AcquireOptions,
  rules: OptionRules<AcquireOptions> = ACQUIRE,
): Promise<Grant & { readonly contender: C }> {
  return traced(engine, wanted, async () => {
    using scope = new WaitScope(engine.runtime, wanted.what, options, undefined, rules);
    return await acquireWith(engine, wanted, scope, options.onWaiting); // awaited here: the scope ends with this block
  });
}

/** Null: another has it now. Waits only for the servers' answer, within `timeoutMs` and `signal`. */
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
  onWaiting?: (waiting: Waiting) => void,
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
      const { what, verb = "holds it" } = wanted;
      using _ = nameHolder(engine, { what, contender, scope, ahead: standing.ahead, verb, onWaiting });
      await scope.until(standing.changed);
    }
  } catch (error) {
    // Also after a refusal: others may have counted this contender already, or may still do so.
    const cancellation = await wanted.cancel?.(contender);
    if (cancellation?.kind === "granted") return granted(wanted, cancellation.token, session, contender);
    releaseInBackground(engine, wanted, session, contender);
    throw cancellation?.kind === "unknown" ? inDoubt(error) : error;
  }
}

/** The current session, or the next one. */
async function sessionOf(engine: Engine, scope: WaitScope): Promise<EngineSession> {
  if (engine.status.kind === "ready" && scope.end === null) {
    const { session } = engine.status;
    scope.bindTo(session);
    return session;
  }
  let stop = () => {};
  const ready = new Promise<EngineSession>((resolve, reject) => {
    const check = (status: EngineStatus) => {
      if (status.kind === "ready") resolve(status.session);
      else if (status.kind === "closed") reject(closedError(status.reason));
    };
    stop = engine.onStatus(check);
    check(engine.status);
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

/** A grant that comes after the session's deadline is none: the servers may have given it to another already. */
function granted<C extends Contender>(
  { what, name }: Wanted<C>,
  token: bigint,
  session: EngineSession,
  contender: C,
): Grant & { readonly contender: C } {
  assert(token > 0n, "a grant has a token");
  if (session.expiresIn() > 0) return { what, name, token, session, contender };
  const why = "it was granted to a session that was over when the answer came";
  throw new CoordinationError("session-expired", "not-applied", `${what} was not acquired: ${why}`);
}

/** The others may have counted it. */
function inDoubt(error: unknown): unknown {
  if (!(error instanceof CoordinationError)) return error;
  const message = `${error.message}; whether it was counted all the same is unknown`;
  return new CoordinationError(error.code, "unknown", message, { cause: error.cause ?? error });
}
