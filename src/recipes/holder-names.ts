// Names the holder while a wait goes on: for the error at its deadline, and for who wants to be told.

import "../base/disposal.ts";
import { callBack } from "../base/callback.ts";
import type { Contender, Engine } from "./engine.ts";
import { messageOf } from "./handle.ts";
import { shownText, type Waiting } from "./identity.ts";
import type { WaitScope } from "./wait-scope.ts";

/** A shorter wait names nobody, and costs no request. */
const NAMED_AFTER_MS = 500;
/** Whoever holds it may change while the one just before stays: it is read again so long before the deadline. */
const NAMED_AGAIN_BEFORE_MS = 250;

interface Naming {
  /** As errors speak of it: `lock "billing"`. */
  readonly what: string;
  readonly contender: Pick<Contender, "holder">;
  readonly scope: WaitScope;
  readonly ahead: number;
  /** "holds it", "leads". */
  readonly verb: string;
  readonly onWaiting: ((waiting: Waiting) => void) | undefined;
}

/** Begins with this wait in the queue; ends with it. */
export function nameHolder(engine: Engine, { what, contender, scope, ahead, verb, onWaiting }: Naming): Disposable {
  const before = scope.waitingFor;
  let isOver = false;
  const name = async (isTold: boolean): Promise<void> => {
    const data = await contender.holder?.().catch(() => null);
    if (isOver) return;
    const who = data === null || data === undefined ? "" : shownText(data);
    scope.waitingFor = who === "" ? before : `${before}; ${who} ${verb}`;
    if (!isTold || onWaiting === undefined) return;
    callBack(onWaiting, { ahead, holder: who === "" ? null : who }, (error) => {
      engine.logger.error(`onWaiting of ${what} failed: ${messageOf(error)}`);
    });
  };
  const { remainingMs } = scope;
  const stops = [engine.runtime.after(Math.min(NAMED_AFTER_MS, remainingMs / 2), () => void name(true))];
  if (ahead > 1 && remainingMs > 2 * NAMED_AFTER_MS && remainingMs !== Number.POSITIVE_INFINITY) {
    stops.push(engine.runtime.after(remainingMs - NAMED_AGAIN_BEFORE_MS, () => void name(false)));
  }
  return {
    [Symbol.dispose]() {
      isOver = true;
      for (const stop of stops) stop();
    },
  };
}
