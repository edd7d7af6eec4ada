// What scenarios say about what they see.

import assert from "node:assert/strict";
import { CoordinationError, type CoordinationErrorCode } from "../base/errors.ts";
import type { Engine, Held } from "../recipes/index.ts";
import type { Stage } from "./stage.ts";

/** What became of a promise so far. */
export interface Fate<T> {
  readonly promise: Promise<T>;
  readonly isOpen: boolean;
  readonly error: unknown;
}

/** Follows a promise without waiting for it; its failure is no unhandled one. */
export function fateOf<T>(promise: Promise<T>): Fate<T> {
  const fate = { promise, isOpen: true, error: null as unknown };
  promise.then(
    () => {
      fate.isOpen = false;
    },
    (error) => {
      fate.isOpen = false;
      fate.error = error;
    },
  );
  return fate;
}

export async function within<T>(
  stage: Stage<Engine>,
  milliseconds: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    stop = stage.after(milliseconds, () =>
      reject(new assert.AssertionError({ message: `${what} within ${milliseconds} ms` })),
    );
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
  const end = stage.now() + milliseconds;
  while (!(await condition())) {
    assert.ok(stage.now() < end, `${what}, within ${milliseconds} ms`);
    await stage.sleep(10);
  }
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

/** When its signal aborted, by the stage's clock, and how often. */
export function endOf(stage: Stage<Engine>, held: Held): { at: number | null; times: number } {
  const end = { at: null as number | null, times: 0 };
  held.signal.addEventListener("abort", () => {
    end.at ??= stage.now();
    end.times += 1;
  });
  return end;
}
