// The process of the control clients: one at each address given, writing and reading all along. Its own process, so that
// a busy test does not pass for a slow server. Asked for a report, it tells what happened since the last one.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";

export interface ControlReport {
  readonly latenciesMs: readonly number[];
  readonly failure: string | undefined;
}

const pauseMs = 4;
const root = "/control";

let latenciesMs: number[] = [];
let failure: string | undefined;

async function run(address: string): Promise<void> {
  try {
    const client = await ZooKeeperClient.connect(address);
    const path = await client.create(`${root}/c-`, "0", 2);
    for (let i = 1; ; i++) {
      const asked = performance.now();
      await client.setData(path, String(i), i - 1);
      const { data } = await client.getData(path);
      latenciesMs.push(performance.now() - asked);
      assert.equal(data, String(i));
      await sleep(pauseMs);
    }
  } catch (error) {
    failure ??= `${address}: ${error}`;
  }
}

process.on("message", () => {
  process.send!({ latenciesMs, failure } satisfies ControlReport);
  latenciesMs = [];
});
process.on("disconnect", () => process.exit());

const addresses = process.argv.slice(2);
const first = await ZooKeeperClient.connect(addresses[0]!);
await first.create(root);
await first.close();
for (const address of addresses) void run(address);
