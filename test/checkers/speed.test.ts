// Ten thousand operations of twenty clients: what a run of minutes leaves behind, and what nobody wants to wait for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { checkLinearizable } from "../../src/checkers/linearizability.ts";
import type { Model, Operation } from "../../src/checkers/model.ts";
import { register } from "../../src/checkers/models/register.ts";
import { znode } from "../../src/checkers/models/znode.ts";
import { recordHistory } from "./support/clients.ts";
import { registers, znodes } from "./support/objects.ts";

/** It takes a tenth of a second. The margin is for a machine that has other things to do. */
const SECONDS_MAX = 10;
const SIZE = { clients: 20, operations: 10_000, lossRate: 0.02 } as const;

for (const keys of [1000, 3]) {
  test(`registers, ${keys} keys`, async (context) => {
    const random = seededRandom(keys);
    const history = await recordHistory({ random, ...SIZE, ...registers(random, { keys, values: 1000 }) });
    assertFast(register, history, (figures) => context.diagnostic(figures));
  });

  test(`znodes, ${keys} paths`, async (context) => {
    const random = seededRandom(keys);
    const history = await recordHistory({ random, ...SIZE, ...znodes(random, keys) });
    assertFast(znode, history, (figures) => context.diagnostic(figures));
  });
}

function assertFast<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  tell: (figures: string) => void,
): void {
  const started = performance.now();
  const isOver = () => performance.now() - started > SECONDS_MAX * 1000;
  const { verdict, steps } = checkLinearizable(model, history, { isOver });
  tell(`${history.length} operations: ${verdict} after ${steps} steps, ${Math.round(performance.now() - started)} ms`);
  assert.equal(verdict, "linearizable");
}
