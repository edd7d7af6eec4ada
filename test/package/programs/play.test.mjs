// Under a test runner: `test` and `expect` are its globals, in Jest as in vitest.
import * as cabildo from "cabildo";
import * as client from "cabildo/zookeeper-client";
import { entries } from "./all-entries.mjs";
import { play } from "./play.mjs";

const name = `${process.env.RUN_NAME}-${process.env.VITEST_POOL_ID ?? "0"}-${Math.random().toString(36).slice(2)}`;

test("the recipes work", async () => {
  expect(await play(cabildo, client, process.env.CABILDO_URL, name)).toContain("a lock is released");
}, 60_000);

test("every way into the package loads", async () => {
  for (const entry of entries) expect(Object.keys(await import(`cabildo${entry}`)).length).toBeGreaterThan(0);
}, 60_000);
