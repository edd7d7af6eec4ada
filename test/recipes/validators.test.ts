// Configuration typed by a validator that people use, as it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { ScenarioCluster } from "../../src/testing/index.ts";

const schema = v.object({
  rate: v.pipe(v.number(), v.minValue(0)),
  until: v.optional(
    v.pipe(
      v.string(),
      v.isoDate(),
      v.transform((text) => text.slice(0, 4)),
    ),
  ),
  level: v.optional(v.picklist(["info", "warn"]), "info"),
});

test("Valibot says what a configuration is: its types, its defaults, its issues", async () => {
  const cluster = await ScenarioCluster.start();
  await cluster.play(async () => {
    await using stage = cluster.stage();
    const { c } = await stage.program();
    const config = c.config("flags", schema);
    await config.set({ rate: 10, until: "2031-01-01" });
    await using cfg = await config.open();
    const { rate, until, level } = cfg.value;
    const typed: [number, string | undefined, "info" | "warn"] = [rate, until, level];
    assert.deepEqual(typed, [10, "2031", "info"]);
    await assert.rejects(config.set({ rate: -1, level: "warn" }), {
      name: "InvalidValueError",
      message: /^configuration "flags": rate: Invalid value: Expected >=0 but received -1$/,
    });
    // @ts-expect-error: it is no number
    await assert.rejects(config.set({ rate: "10" }), { code: "rejected" });
    // What is written is what a writer says, not what a reader gets of it: so it passes the schema again.
    await cfg.update(({ rate, level }) => ({ rate: rate + 1, level }));
    assert.equal(cfg.value.rate, 11);
  });
});
