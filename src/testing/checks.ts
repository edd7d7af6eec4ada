// The assertions of the scenarios.

import assert from "node:assert/strict";
import { CoordinationError, type CoordinationErrorCode } from "../base/errors.ts";
import type { Engine, Handle } from "../recipes/index.ts";
import type { ContendedRecipe, Stage } from "./stage.ts";

/** Whether a promise has settled, and how. */
export interface PromiseState<T> {
  readonly promise: Promise<T>;
  readonly isOpen: boolean;
  readonly error: unknown;
}

/** Watches a promise without waiting for it. Its failure does not count as unhandled. */
export function stateOf<T>(promise: Promise<T>): PromiseState<T> {
  const state = { promise, isOpen: true, error: null as unknown };
  promise.then(
    () => {
      state.isOpen = false;
    },
    (error) => {
      state.isOpen = false;
      state.error = error;
    },
  );
  return state;
}

export async function within<T>(
  stage: Stage<Engine>,
  milliseconds: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    const limit = milliseconds * stage.slowdown;
    stop = stage.after(limit, () => reject(new assert.AssertionError({ message: `${what} within ${limit} ms` })));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop();
  }
}

export async function eventually(
  stage: Stage<Engine>,
  what: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 20_000,
) {
  const limit = milliseconds * stage.slowdown;
  const end = stage.now() + limit;
  while (!(await condition())) {
    assert.ok(stage.now() < end, `${what}, within ${limit} ms`);
    await stage.sleep(10);
  }
}

/** Waits until there are so many contenders: what comes next comes behind them. */
export function untilQueued(stage: Stage<Engine>, recipe: ContendedRecipe, name: string, count: number): Promise<void> {
  const what = `${count} contenders for ${recipe} ${JSON.stringify(name)}`;
  return eventually(stage, what, async () => (await stage.waitQueueLength(recipe, name)) === count);
}

/** Fails if more time has passed than allowed. */
export function assertPrompt(stage: Stage<Engine>, startedAt: number, milliseconds: number): void {
  const tookMs = stage.now() - startedAt;
  assert.ok(tookMs < milliseconds * stage.slowdown, `it took ${tookMs} ms`);
}

export async function failsAs(code: CoordinationErrorCode, promise: Promise<unknown>): Promise<CoordinationError> {
  let error: unknown = null;
  await promise.catch((reason) => {
    error = reason;
  });
  assert.ok(error instanceof CoordinationError, `it fails with a CoordinationError, not ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/** When its signal aborted, by the stage's clock, and how many times. */
export function endOf(stage: Stage<Engine>, held: Handle): { at: number | null; times: number } {
  const end = { at: null as number | null, times: 0 };
  held.signal.addEventListener("abort", () => {
    end.at ??= stage.now();
    end.times += 1;
  });
  return end;
}
