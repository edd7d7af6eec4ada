// Something over time, as a stream: what it is now, with all that was acknowledged to anybody before, then again whenever it may have changed. A reader who is slow misses
// what was in between, and never the last.

import { OPTION, type OptionRules } from "../base/options.ts";
import type { Engine, Glance, LookOptions } from "./engine.ts";
import { Patience, type WaitOptions } from "./patience.ts";

export interface FollowOptions {
  /** Ends the stream, in order. */
  readonly signal?: AbortSignal | undefined;
}

export const FOLLOW: OptionRules<FollowOptions> = { signal: OPTION.signal };

/** Ends with the signal; fails when looking does. Nothing is watched any more once it has been left. */
export async function* follow<T>(
  engine: Engine,
  what: string,
  look: (options: LookOptions) => Promise<Glance<T>>,
  options: FollowOptions,
): AsyncGenerator<T, void, void> {
  using patience = new Patience(engine.runtime, what, options, undefined, FOLLOW);
  let isFirst = true;
  while (patience.end === null) {
    const looking = look({ isFresh: isFirst });
    isFirst = false;
    let glance: Glance<T>;
    try {
      glance = await patience.until(looking);
    } catch (error) {
      looking.then(
        (late) => late.forget(),
        () => {},
      );
      if (patience.end !== null) return;
      throw error;
    }
    try {
      yield glance.value;
      await patience.until(glance.changed).catch(() => {});
    } finally {
      glance.forget();
    }
  }
}

/** Something as it is now, with everything that was acknowledged to anybody before. Fails as looking does, and as the options say. */
export async function once<T>(
  engine: Engine,
  what: string,
  look: (options: LookOptions) => Promise<Glance<T>>,
  options: WaitOptions,
): Promise<T> {
  using patience = new Patience(engine.runtime, what, options);
  patience.failed = "was not read";
  if (patience.end !== null) throw patience.end;
  const looking = look({ isFresh: true });
  const forget = () =>
    looking.then(
      (glance) => glance.forget(),
      () => {},
    );
  try {
    return (await patience.until(looking)).value;
  } finally {
    void forget();
  }
}
