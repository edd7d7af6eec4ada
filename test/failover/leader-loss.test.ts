// The promise of the whole: a leader is lost again and again under load, and nothing that was acknowledged is lost with
// it, nothing is applied twice, and clients write again almost at once.
//
//   CABILDO_KILLS=100                 how often the leader is killed (10 by default)
//   CABILDO_FLAVOUR=zookeeper         runs against the reference instead, whose times are printed and not judged
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ensemble, type Flavour, startEnsemble } from "../support/ensemble.ts";
import { ReconnectingClient } from "../support/reconnecting-client.ts";
import { percentile } from "../support/statistics.ts";
import { Ledger, type View, violations } from "./ledger.ts";
import { type Outage, Stopwatch } from "./stopwatch.ts";
import { CarefulWriter, PipeliningWriter, prepare, readBack, root, type Writer } from "./writers.ts";

const flavour = (process.env["CABILDO_FLAVOUR"] ?? "cabildo") as Flavour;
const kills = Number(process.env["CABILDO_KILLS"] ?? 10);
const stops = 3;

const carefulWriters = 6; // two on each member
const pipeliningWriters = 3;
const writesBetweenLosses = 12; // by each writer
const patienceMs = 60_000;

const killedP50MaxMs = 200;
const killedP99MaxMs = 500;
const p99Kills = 50; // below so many kills the 99th percentile is the worst case on a machine that tests share
const stoppedMaxMs = 2000;

/** Three members, writers on all of them, and the ledger of what they were told. */
class Scene {
  readonly ensemble: Ensemble;
  readonly ledger = new Ledger();
  readonly stopwatch = new Stopwatch();
  readonly writers: readonly Writer[];

  private constructor(ensemble: Ensemble) {
    this.ensemble = ensemble;
    const addresses = ensemble.members.map((member) => member.address);
    const acknowledged = (writer: Writer, askedAt: number) => this.stopwatch.acknowledged(writer, askedAt);
    this.writers = Array.from({ length: carefulWriters + pipeliningWriters }, (_, i) => {
      const client = new ReconnectingClient(addresses, { first: i % addresses.length });
      const Kind = i < carefulWriters ? CarefulWriter : PipeliningWriter;
      return new Kind(`${i < carefulWriters ? "careful" : "pipelining"}${i}`, client, this.ledger, acknowledged);
    });
  }

  static async open(): Promise<Scene> {
    const scene = new Scene(await startEnsemble({ flavour, members: 3 }));
    const names = scene.writers.map((writer) => writer.name);
    await prepare(scene.ensemble.members[0]!.address, names, scene.ledger);
    for (const writer of scene.writers) writer.start();
    return scene;
  }

  /** Sends the writers back to a member each: those that lost theirs have gathered on the others. */
  async spread(): Promise<void> {
    this.writers.forEach((writer, i) => {
      writer.client.moveTo(i % this.ensemble.members.length);
    });
    await this.progress(writesBetweenLosses);
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

  /** Every member's data, found to keep the laws and to be the same everywhere. */
  async verify(when: string): Promise<View> {
    await this.ensemble.waitReady();
    const views = await Promise.all(this.ensemble.members.map((member) => readBack(member.address)));
    views.forEach((view, i) => {
      assert.deepEqual(violations(this.ledger, view).slice(0, 10), [], `member ${i + 1} ${when}`);
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

test(`a leader killed ${kills} times under load takes no acknowledged write with it`, {
  timeout: 60_000 + kills * 15_000,
}, async (t) => {
  await using scene = await Scene.open();
  const outages: Outage[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await scene.spread();
    const leader = await scene.ensemble.leader();
    const { outage, over } = scene.stopwatch.begin(scene.writers, leader.address);
    await leader.kill("SIGKILL");
    // In turn: the old leader comes back while the others still elect, and after they have gone on without it.
    if (kill % 2 === 0) await leader.restart();
    await scene.within("a write after the kill", () => over);
    if (kill % 2 === 1) await leader.restart();
    await scene.ensemble.waitReady();
    outages.push(outage);
  }
  await scene.stopWriters();
  const { ledger, writers } = scene;
  const losses = writers.reduce((sum, writer) => sum + writer.client.losses, 0);
  const sessions = writers.reduce((sum, writer) => sum + writer.client.sessions, 0);
  t.diagnostic(
    `${flavour}: ${kills} kills, ${ledger.acknowledged} writes acknowledged, ${ledger.unknown} without a reply`,
  );
  t.diagnostic(`${losses} connections lost, ${sessions - writers.length} sessions lost`);
  const reattached = outages.flatMap((outage) => outage.reattached);
  t.diagnostic(`kill to next acknowledged write, clients of the leader:  ${times(reattached)}`);
  t.diagnostic(
    `the same, clients of other members:                      ${times(outages.flatMap((o) => o.elsewhere))}`,
  );
  t.diagnostic(`the same, first client of all at each kill:              ${times(outages.map(soonest))}`);
  t.diagnostic(`kill by kill, ms: ${outages.map((outage) => soonest(outage).toFixed(0)).join(" ")}`);

  await scene.verify("after the kills");
  for (const member of scene.ensemble.members) await member.kill("SIGKILL");
  for (const member of scene.ensemble.members) await member.restart();
  const view = await scene.verify("after all members were killed at once and started again");

  // The judgement can fail: a write that was never made is missed.
  ledger.created.set(`${root}/never-made`, "forged");
  assert.deepEqual(violations(ledger, view), [`lost: ${root}/never-made was acknowledged`]);

  assert.equal(sessions, writers.length, "every session survived");
  assert.ok(reattached.length > 0, "some clients were attached to the leader");
  if (flavour !== "cabildo") return;
  assert.ok(percentile(reattached, 50) < killedP50MaxMs, `p50 is ${times(reattached)}`);
  if (kills >= p99Kills) assert.ok(percentile(reattached, 99) < killedP99MaxMs, `p99 is ${times(reattached)}`);
});

test("a leader that falls silent is replaced, and undoes nothing when it wakes", { timeout: 300_000 }, async (t) => {
  await using scene = await Scene.open();
  const silences: number[] = [];
  for (let stop = 0; stop < stops; stop++) {
    await scene.spread();
    const leader = await scene.ensemble.leader();
    const others = scene.writers.filter((writer) => writer.client.address !== leader.address);
    const { outage, over } = scene.stopwatch.begin(others, leader.address);
    await leader.kill("SIGSTOP");
    await scene.within("a write past the silent leader", () => over);
    silences.push(...outage.elsewhere);
    // Its own clients must give it up as well, and go on elsewhere, before it wakes into another term.
    await scene.progress(writesBetweenLosses);
    await leader.kill("SIGCONT");
    await scene.ensemble.waitReady();
  }
  await scene.stopWriters();
  t.diagnostic(`${flavour}: silence to next acknowledged write, clients of other members: ${times(silences)}`);
  await scene.verify("after the silences");
  if (flavour === "cabildo") assert.ok(Math.max(...silences) < stoppedMaxMs, times(silences));
});

function soonest(outage: Outage): number {
  return Math.min(...outage.reattached, ...outage.elsewhere);
}

function times(values: readonly number[]): string {
  const [p50, p99, max] = [percentile(values, 50), percentile(values, 99), Math.max(...values)];
  return `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, max ${max.toFixed(0)} ms (${values.length} samples)`;
}
