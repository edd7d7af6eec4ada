// A disk that answers with an error, at any call: strace fails the n-th sync, write, rename, … of one member. A failed sync
// is never tried again, for the kernel then holds as clean what may be on no disk: the member ends, says why, and has
// acknowledged nothing that it had not made durable. A full disk ends nothing: writes are refused until there is room.
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { type Ensemble, type Member, startEnsemble } from "../support/ensemble.ts";
import { counts } from "./counts.ts";
import { differences, History } from "./disk/history.ts";
import { evidenceOf, examine, losePower } from "./disk/power-loss.ts";
import { readView } from "./disk/reading.ts";
import { untilComplete } from "./disk/recorded-disk.ts";
import { Recording } from "./disk/recording.ts";
import { injecting, whyNoTracing } from "./disk/strace.ts";
import { type Step, stepsOf } from "./disk/system-calls.ts";
import { Workload } from "./disk/workload.ts";
import { attack, type Lab } from "./lab.ts";

const skip = whyNoTracing() ?? false;
const segmentBytes = 64 * 1024;
const config = ["preAllocSize=64", "snapCount=60"];
const endsWithinMs = 30_000;
const fullWithinMs = 30_000;
const statesExamined = 12;

const whileRunning = /the disk failed under \S+ \(E\w+: .*\): this member ends, and acknowledges nothing more/;
const whileStarting = /cannot keep data in \S+: E\w+: /;

interface Fault {
  readonly call: string;
  readonly error: "EIO" | "ENOSPC";
  /** The first and the last call that fail; threads count their own. */
  readonly from: number;
  readonly to: number;
}

const injectionOf = ({ call, error, from, to }: Fault) => `${call}:error=${error}:when=${from}..${to}`;
const shown = ({ call, error, from, to }: Fault) => `${call} fails with ${error}, from its call ${from} to ${to}`;

/** Syncs above all: what they promise is what everything stands on. */
function chooseFailure(random: Random, startup: number): Fault {
  const call = ["fdatasync", "fdatasync", "fsync", "pwrite64", "rename", "ftruncate"][random.below(6)]!;
  const isCommon = call === "fdatasync" || call === "pwrite64";
  const from = isCommon ? startup * 8 + 1 + random.below(60) : startup + 1 + random.below(3);
  return { call, error: "EIO", from, to: from };
}

attack("a disk that fails under a member alone", { timeout: 1_200_000, skip }, async (lab) => {
  for (const { random } of lab.cycles(counts.diskFailuresAlone)) {
    const fault = chooseFailure(random, 0);
    await withLoad(lab, random, async ({ recording, load }) => {
      await recording.restart({ injections: [injectionOf(fault)] });
      await untilEnded(recording.member, fault);
      await recording.end(null);
      lab.count(`ended by ${fault.call}`);
      lab.judge(shown(fault), [
        ...complaints(recording.member),
        ...(await disobedience(recording.disks[0]!.lastSteps())),
      ]);
      await recording.restart();
      await recording.ready();
      await load.until(20);
    });
  }
});

attack("a disk that is full for a while under a member alone", { timeout: 1_200_000, skip }, async (lab) => {
  for (const { random } of lab.cycles(counts.diskFullAlone)) {
    const from = 2 + random.below(80); // the first write of a start is over what stands there: it needs no room
    const call = random.chance(0.8) ? "pwrite64" : "rename";
    const fault: Fault =
      call === "rename"
        ? { call, error: "ENOSPC", from: 1, to: 1 }
        : { call, error: "ENOSPC", from, to: from + random.below(2) };
    await withLoad(lab, random, async ({ recording, load }) => {
      await recording.restart({ injections: [injectionOf(fault)] });
      const { member } = recording;
      await until(`${shown(fault)}: it is told, and over`, fullWithinMs, () => {
        assert.notEqual(member.pid, undefined, `${shown(fault)}: the member ended\n${member.log().slice(-2000)}`);
        const log = member.log();
        return (
          log.lastIndexOf("the disk has room again") > log.lastIndexOf("the disk is full") ||
          /no room for a snapshot/.test(log)
        );
      });
      await load.until(50); // it takes writes again by itself
      lab.count("writes refused", load.refused);
      await recording.end("SIGKILL");
      await recording.restart();
      await recording.ready();
    });
  }
});

interface Scene {
  readonly recording: Recording;
  readonly load: Workload;
}

/** A member with some history under clients that never stop; in the end it holds what they know, also had power been lost. */
async function withLoad(lab: Lab, random: Random, story: (scene: Scene) => Promise<void>): Promise<void> {
  const history = new History();
  const recording = await Recording.begin({ config });
  const load = new Workload([recording.member.address], history, { clients: 3, seed: random.next() });
  try {
    await load.begin();
    load.start();
    await load.until(20);
    await recording.end("SIGKILL");
    await story({ recording, load });
    await load.stop();
    lab.count("writes acknowledged", load.acknowledged);
    lab.judge("after all", differences(await readView(recording.member.address), history.at(history.latest)));
    await recording.end("SIGKILL");
    await losePower(recording, { count: statesExamined, random }, async (loss) => {
      lab.count("states of the disk");
      const { violations } = await examine({ loss, recording, history, segmentBytes });
      if (violations.length > 0) lab.judge(evidenceOf(loss, recording), violations);
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${recording.member.log().slice(-3000)}`, { cause: error });
  } finally {
    await load.close();
    await recording.stop();
  }
}

attack("a disk that fails under one of three", { timeout: 1_200_000, skip }, async (lab) => {
  for (const { random } of lab.cycles(counts.diskFailuresOfThree)) {
    const fault = chooseFailure(random, 8);
    const victim = 1 + random.below(3);
    let wrapper: readonly string[] = [];
    const ensemble = await startEnsemble({
      flavour: "cabildo",
      members: 3,
      config,
      environment: { UV_USE_IO_URING: "0" },
      wrapperOf: (id) => (id === victim ? wrapper : []),
    });
    const trace = join(ensemble.dataRoot, "calls.txt");
    const history = new History();
    const load = new Workload(
      ensemble.members.map(({ address }) => address),
      history,
      { clients: 3, seed: random.next() },
    );
    try {
      const member = ensemble.members[victim - 1]!;
      await member.kill("SIGTERM");
      wrapper = injecting(trace, injectionOf(fault));
      await member.restart();
      await ensemble.waitReady();
      await load.begin();
      load.start();
      if (random.chance(0.5)) await leadBy(ensemble, member);
      await untilEnded(member, fault);
      await untilComplete(trace);
      lab.count(`ended by ${fault.call}`);
      lab.judge(shown(fault), [...complaints(member), ...(await disobedience(stepsOf(trace)))]);
      await load.until(50); // the others go on
      wrapper = [];
      await member.restart();
      await ensemble.waitReady();
      await load.until(20);
      await load.stop();
      lab.count("writes acknowledged", load.acknowledged);
      for (const { address, id } of ensemble.members) {
        lab.judge(`member ${id}, after all`, differences(await readView(address), history.at(history.latest)));
      }
    } catch (error) {
      throw new Error(`${shown(fault)}: ${(error as Error).message}\n${ensemble.lastWords()}`, { cause: error });
    } finally {
      await load.close();
      await ensemble.stop();
    }
  }
});

/** Makes a member lead, by taking the leader away until another has its place. */
async function leadBy(ensemble: Ensemble, wanted: Member): Promise<void> {
  for (let tries = 0; tries < 6 && wanted.pid !== undefined; tries++) {
    const leader = await ensemble.leader();
    if (leader.id === wanted.id) return;
    await leader.kill("SIGTERM");
    await leader.restart();
    await until("all are back", 30_000, async () =>
      (await Promise.all(ensemble.members.map((m) => m.mode()))).every(
        (mode, i) => mode !== undefined || ensemble.members[i] === wanted,
      ),
    );
  }
}

async function untilEnded(member: Member, fault: Fault): Promise<void> {
  await until(`${shown(fault)}: the member ends`, endsWithinMs, () => member.pid === undefined);
}

/** What the member's last words lack. */
function complaints(member: Member): string[] {
  const log = member.log();
  const words = log.slice(log.lastIndexOf(`--- member ${member.id} started`));
  const missing: string[] = [];
  if (!whileRunning.test(words) && !whileStarting.test(words)) missing.push(`it does not say what happened:\n${words}`);
  if (!/ ended with [1-9]\d* at /.test(words)) missing.push(`it did not end with a status of failure:\n${words}`);
  return missing;
}

/** A file whose sync failed is not synced again by this process: the answer would mean nothing. */
async function disobedience(steps: AsyncIterable<Step>): Promise<string[]> {
  const failed = new Set<string>();
  const found: string[] = [];
  let failures = 0;
  for await (const step of steps) {
    if (step.kind === "death") continue;
    const { call, kind } = step;
    const file = String(call.args[0]);
    const isSync = call.name === "fdatasync" || call.name === "fsync";
    if (kind === "end" && call.isInjected && call.error !== null) {
      failures++;
      if (isSync) failed.add(file);
    }
    if (kind === "begin" && call.name === "close") failed.delete(file);
    if (kind === "begin" && isSync && failed.has(file)) found.push(`${call.name} of ${file} again after it had failed`);
  }
  return failures === 0 ? ["nothing failed at all"] : found;
}

async function until(what: string, withinMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(20);
  }
}
