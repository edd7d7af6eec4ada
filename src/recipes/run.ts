// Runs work under a handle. It fails when the handle is lost. The handle is released in every case.

import type { Engine } from "./engine.ts";
import { type Handle, messageOf } from "./handle.ts";

export async function runWhileHeld<H extends Handle, T>(
  engine: Engine,
  held: H,
  body: (held: H) => T | Promise<T>,
): Promise<T> {
  let result: T;
  try {
    result = await untilLost(held, body);
    // Also when the loss was not noticed yet: then the end of the work was not under the lock.
    if (!isGivenUp(held)) held.assertHeld();
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
  await held.release();
  return result;

  function untilLost(held: H, body: (held: H) => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      held.assertHeld();
      const { signal } = held;
      // A body that releases the handle itself goes on.
      const onAbort = () => {
        if (held.state === "lost") reject(signal.reason);
      };
      const settle = (how: () => void) => {
        signal.removeEventListener("abort", onAbort);
        how();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const done = new Promise<T>((resolve) => resolve(body(held)));
      done.then(
        (value) => settle(() => resolve(value)),
        (error) => {
          if (held.state === "lost" && error !== signal.reason) {
            engine.logger.warn(`work under ${held.name} failed after its loss: ${messageOf(error)}`);
          }
          settle(() => reject(error));
        },
      );
    });
  }
}

/** Released by its own holder. */
function isGivenUp({ state }: Handle): boolean {
  return state === "releasing" || state === "released";
}
