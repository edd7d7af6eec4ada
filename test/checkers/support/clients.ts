// Concurrent clients of one real object, in virtual time: a request travels, takes effect in one moment, and its answer
// travels back. What they record is linearizable, whatever the seed, as the object does one thing at a time.

import type { Random } from "../../../src/base/random.ts";
import type { Operation } from "../../../src/checkers/model.ts";
import { VirtualTime } from "../../../src/sim/kernel/time.ts";

export interface Scene<Input, Output> {
  readonly random: Random;
  readonly clients: number;
  readonly operations: number;
  /** How often an answer is lost, 0 to 1; half of the requests then are lost as well, or arrive very late. */
  readonly lossRate: number;
  ask(number: number): Input;
  /** The object itself: called in the moment in which the request takes effect. */
  answer(input: Input): Output;
}

const DELAY_MAX_MS = 10;
const LATE_MAX_MS = 200;
const CLIENT_WAITS_MS = 30;

export async function recordHistory<Input, Output>(scene: Scene<Input, Output>): Promise<Operation<Input, Output>[]> {
  const { random, ask, answer } = scene;
  const time = new VirtualTime();
  const history: Operation<Input, Output>[] = [];
  let asked = 0;
  const delay = (max: number) => random.below(1000 * max) / 1000;

  const next = (client: number): void => {
    if (asked === scene.operations) return;
    asked += 1;
    const request = { client: `client ${client}`, input: ask(asked), call: time.now };
    if (random.chance(scene.lossRate)) {
      if (random.chance(0.5)) time.after(delay(LATE_MAX_MS), () => answer(request.input));
      history.push({ ...request, return: null });
      time.after(CLIENT_WAITS_MS, () => next(client));
      return;
    }
    time.after(delay(DELAY_MAX_MS), () => {
      const output = answer(request.input);
      time.after(delay(DELAY_MAX_MS), () => {
        history.push({ ...request, output, return: time.now });
        time.after(delay(DELAY_MAX_MS) / 2, () => next(client));
      });
    });
  };
  for (let client = 1; client <= scene.clients; client++) time.after(delay(DELAY_MAX_MS), () => next(client));
  await time.run(Number.POSITIVE_INFINITY);
  return history;
}
