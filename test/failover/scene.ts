// An ensemble, writers on all of its members, and the ledger of what they were told, for stories in which members are lost.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ensemble, type EnsembleOptions, startEnsemble } from "../support/ensemble.ts";
import { ReconnectingClient, type ReconnectingOptions } from "../support/reconnecting-client.ts";
import { Ledger, type View, violations } from "./ledger.ts";
import { Stopwatch } from "./stopwatch.ts";
import { CarefulWriter, type OnAcknowledged, PipeliningWriter, prepare, readBack, type Writer } from "./writers.ts";

const patienceMs = 60_000;
const violationsShownMax = 10;

/** Makes one writer; `connect` gives it a client of its own. */
export type MakeWriter = (
  name: string,
  connect: (options?: ReconnectingOptions) => ReconnectingClient,
  ledger: Ledger,
  onAcknowledged: OnAcknowledged,
) => Writer;

/** How many writers of each name, and how each is made. */
export type Cast = Readonly<Record<string, readonly [count: number, make: MakeWriter]>>;

export const careful: MakeWriter = (name, connect, ...rest) => new CarefulWriter(name, connect(), ...rest);
export const pipelining: MakeWriter = (name, connect, ...rest) => new PipeliningWriter(name, connect(), ...rest);

/** Of three members each has two and one. */
const usualCast: Cast = { careful: [6, careful], pipelining: [3, pipelining] };

export class Scene {
  readonly ensemble: Ensemble;
  readonly ledger = new Ledger();
  readonly stopwatch = new Stopwatch();
  readonly writers: readonly Writer[];

  private constructor(ensemble: Ensemble, cast: Cast) {
    this.ensemble = ensemble;
    const addresses = ensemble.members.map((member) => member.address);
    const acknowledged = (writer: Writer, askedAt: number) => this.stopwatch.acknowledged(writer, askedAt);
    const parts = Object.entries(cast).flatMap(([name, [count, make]]) => {
      return Array.from({ length: count }, (_, i) => [`${name}${i}`, make] as const);
    });
    this.writers = parts.map(([name, make], i) => {
      const connect = (options: ReconnectingOptions = {}) => {
        return new ReconnectingClient(addresses, { first: i % addresses.length, ...options });
      };
      return make(name, connect, this.ledger, acknowledged);
    });
  }

  static async open(options: EnsembleOptions, cast: Cast = usualCast): Promise<Scene> {
    const scene = new Scene(await startEnsemble(options), cast);
    const names = scene.writers.map((writer) => writer.name);
    await prepare(scene.ensemble.members[0]!.address, names, scene.ledger);
    for (const writer of scene.writers) writer.start();
    return scene;
  }

  /** Sends the writers back to a member each: those that lost theirs have gathered on the others. */
  async spread(writes: number): Promise<void> {
    this.writers.forEach((writer, i) => {
      writer.client.moveTo(i % this.ensemble.members.length);
    });
    await this.progress(writes);
  }

  /** Until every writer has had so many more writes acknowledged. */
  async progress(writes: number): Promise<void> {
    const goals = this.writers.map((writer) => writer.acknowledged + writes);
    await this.within("progress", async () => {
      while (this.writers.some((writer, i) => writer.acknowledged < goals[i]!)) {
        this.assertWriting();
        await sleep(5);
      }
    });
  }

  async within<T>(what: string, waitFor: () => Promise<T>): Promise<T> {
    const late = new AbortController();
    const limit = sleep(patienceMs, undefined, { signal: late.signal }).then(() => {
      const states = this.writers.map(
        ({ name, client, acknowledged }) => `${name} at ${client.address}, ${acknowledged} acknowledged`,
      );
      throw new Error(`${what}: not within ${patienceMs} ms\n${states.join("\n")}\n${this.ensemble.lastWords()}`);
    });
    limit.catch(() => {});
    try {
      return await Promise.race([waitFor(), limit]);
    } finally {
      late.abort();
    }
  }

  assertWriting(): void {
    assert.deepEqual(this.ledger.contradictions, []);
    for (const { name, failure } of this.writers) if (failure) throw new Error(`${name} stopped`, { cause: failure });
  }

  async stopWriters(): Promise<void> {
    await this.within("the writers' end", () => Promise.all(this.writers.map((writer) => writer.stop())));
    this.assertWriting();
  }

  /** Every member's data, found to keep the invariants and to be the same everywhere. */
  async verify(when: string): Promise<View> {
    await this.ensemble.waitReady();
    const views = await Promise.all(this.ensemble.members.map((member) => readBack(member.address)));
    views.forEach((view, i) => {
      assert.deepEqual(violations(this.ledger, view).slice(0, violationsShownMax), [], `member ${i + 1} ${when}`);
      assert.deepEqual([...view].sort(), [...views[0]!].sort(), `members 1 and ${i + 1} hold the same ${when}`);
    });
    assert.ok(views[0]!.size > 0);
    return views[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.writers.map((writer) => writer.client.close()));
    await this.ensemble.stop();
  }
}
