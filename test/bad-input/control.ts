// Clients that do nothing wrong, one at each member, in a process of their own. They must not notice what others do: no
// connection lost, no error, and no wait to speak of.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "../support/cache.ts";
import type { Member } from "../support/ensemble.ts";
import { reap } from "../support/reaper.ts";
import { percentile } from "../support/statistics.ts";
import type { ControlReport } from "./control-process.ts";

const quietSamples = 200; // of each client, before anything happens
const reportSamples = 50; // of each client: of fewer than a hundred waits, the 99th percentile is the longest

export class Control {
  readonly #process: ChildProcess;
  readonly #clients: number;
  #quietP99 = Number.NaN;

  private constructor(process: ChildProcess, clients: number) {
    this.#process = process;
    this.#clients = clients;
  }

  /** Begins, and takes the measure of a quiet ensemble. */
  static async start(members: readonly Member[]): Promise<Control> {
    const program = join(repository, "test", "bad-input", "control-process.ts");
    const addresses = members.map((member) => member.address);
    const child = fork(program, addresses, { execArgv: ["--import", "tsx"], stdio: "inherit" });
    reap(child);
    const control = new Control(child, addresses.length);
    control.#quietP99 = percentile(await control.#samples(quietSamples), 99);
    return control;
  }

  /** Nothing was noticed since the last time this was asked: waits are within twice the quiet ones, or the bound. */
  async assertUndisturbed(p99BoundMs: number): Promise<string> {
    const latencies = await this.#samples(reportSamples);
    const [p50, p99, max] = [percentile(latencies, 50), percentile(latencies, 99), Math.max(...latencies)];
    const told =
      `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} max ${max.toFixed(1)} ms of ${latencies.length} ` +
      `(quiet p99 ${this.#quietP99.toFixed(1)})`;
    assert.ok(p99 <= Math.max(2 * this.#quietP99, p99BoundMs), told);
    return told;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.disconnect();
    await once(this.#process, "exit");
  }

  async #samples(each: number): Promise<number[]> {
    const latencies: number[] = [];
    for (;;) {
      const [[report]] = (await Promise.all([once(this.#process, "message"), this.#ask()])) as [
        [ControlReport],
        unknown,
      ];
      assert.equal(report.failure, undefined, "the other clients noticed");
      latencies.push(...report.latenciesMs);
      if (latencies.length >= each * this.#clients) return latencies;
      await sleep(20);
    }
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#process.send("report", (error) => (error ? reject(error) : resolve()));
    });
  }
}
