// Power is lost at any moment, and the disk keeps any part of what was not synced. A real member's calls to the kernel are
// recorded under load, over kills, restarts, rotations and snapshots; what they leave on the disk at each moment is laid out
// in the ways that it may be; and a member starts on it. Nothing acknowledged is lost, nothing is half there, nothing else is.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Random } from "../../src/base/random.ts";
import { counts } from "./counts.ts";
import { differences, History } from "./disk/history.ts";
import { evidenceOf, examine, examineMajorities, type Loss, losePower } from "./disk/power-loss.ts";
import { readView } from "./disk/reading.ts";
import { Recording } from "./disk/recording.ts";
import { whyNoTracing } from "./disk/strace.ts";
import { Workload } from "./disk/workload.ts";
import { attack, type Lab } from "./lab.ts";

const skip = whyNoTracing() ?? false;
const segmentBytes = 64 * 1024;
/** Segments of a few dozen commits, and a snapshot every few. */
const config = ["preAllocSize=64", "snapCount=60"];
/** The disk stalls once in a while, so that commits go to the thread pool, and come back. */
const stalls = { injections: ["fdatasync:delay_enter=30000:when=20+70"] };

attack("power lost at any moment of a member alone", { timeout: 1_800_000, skip }, async (lab) => {
  for (const { random } of lab.cycles(counts.recordings)) {
    const history = new History();
    const recording = await Recording.begin({ config, life: stalls });
    try {
      const acknowledged = await livesUnderLoad(recording, history, random);
      lab.count("writes acknowledged", acknowledged);
      const starts = Math.ceil(counts.losses / counts.startsAfterLoss);
      let number = 0;
      await losePower(recording, { count: counts.losses, random }, async (loss) => {
        lab.count("states of the disk");
        const { zxid, violations } = await examine({ loss, recording, history, segmentBytes });
        if (violations.length > 0) lab.judge(evidenceOf(loss, recording), violations);
        if (++number % starts === 0) await startOn(lab, { ...loss, zxid: zxid! }, recording, history, random);
      });
    } finally {
      await recording.stop();
    }
  }
});

/** Four lives, ended by kills and in good order, with clients that never stop. */
async function livesUnderLoad(recording: Recording, history: History, random: Random): Promise<number> {
  const { member } = recording;
  const load = new Workload([member.address], history, { clients: 4, seed: random.next() });
  try {
    await load.begin();
    load.start();
    for (const [life, signal] of (["SIGKILL", "SIGTERM", "SIGKILL"] as const).entries()) {
      await load.until(100 + random.below(60));
      await load.visit(`visit-${life}`);
      await load.until(random.below(20));
      await recording.end(signal);
      await recording.restart(stalls);
      await recording.ready();
    }
    await load.until(100 + random.below(60));
    await load.stop();
    await recording.end("SIGKILL");
    return load.acknowledged;
  } finally {
    await load.close();
  }
}

/** The whole server starts on it, holds the same, takes more writes; and then power is lost once more, also in its start. */
async function startOn(lab: Lab, loss: Loss, first: Recording, before: History, random: Random): Promise<void> {
  const history = before.upTo(loss.zxid);
  const recording = await Recording.begin({ config, from: { ...loss, roots: first.roots } });
  try {
    const { address } = recording.member;
    lab.count("starts of the server on one");
    const wrong = differences(await readView(address), history.at(loss.zxid));
    if (wrong.length > 0) lab.judge(`the server, ${evidenceOf(loss, first)}`, wrong);
    const load = new Workload([address], history, { clients: 2, seed: random.next(), name: "again-" });
    try {
      await load.begin();
      load.start();
      await load.until(15);
      await load.stop();
      await recording.end("SIGKILL");
    } finally {
      await load.close();
    }
    await losePower(recording, { count: 12, random }, async (second) => {
      lab.count("states after a second loss");
      const { violations } = await examine({ loss: second, recording, history, segmentBytes });
      if (violations.length > 0) lab.judge(`a second time, ${evidenceOf(second, recording)}`, violations);
    });
  } finally {
    await recording.stop();
  }
}

attack("power lost at any moment of all three members at once", { timeout: 1_800_000, skip }, async (lab) => {
  for (const { random } of lab.cycles(counts.recordingsOfThree)) {
    const history = new History();
    const recording = await Recording.begin({ members: 3, config });
    const { ensemble } = recording;
    const addresses = ensemble.members.map(({ address }) => address);
    const load = new Workload(addresses, history, { clients: 3, seed: random.next(), sessionTimeoutMs: 6000 });
    try {
      await load.begin();
      load.start();
      for (const signal of ["SIGKILL", "SIGTERM"] as const) {
        await load.until(100 + random.below(50));
        const leader = await ensemble.leader();
        const member = random.chance(0.6) ? leader : ensemble.members[random.below(3)]!;
        await recording.end(signal, member);
        await load.until(50);
        await recording.restart({}, member);
        await recording.ready();
      }
      await load.until(100);
      await load.stop();
      lab.count("writes acknowledged", load.acknowledged);
      for (const member of ensemble.members) await recording.end("SIGKILL", member);
      await losePower(recording, { count: counts.lossesOfThree, random }, async (loss) => {
        lab.count("states of three disks");
        const { violations } = await examineMajorities({ loss, recording, history, segmentBytes });
        if (violations.length > 0) lab.judge(evidenceOf(loss, recording), violations);
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${ensemble.lastWords()}`, { cause: error });
    } finally {
      await load.close();
      await recording.stop();
    }
  }
});

/** Members that break the rule, by what a preloaded module keeps from the kernel. Each must be caught losing writes. */
for (const { who, members, what, preload, lostMin } of [
  { who: "a member that", members: 1, what: "acknowledges commits without a sync", preload: "commit", lostMin: 5 },
  { who: "three members of which each", members: 3, what: "does the same", preload: "commit", lostMin: 0 },
  { who: "a member that", members: 1, what: "syncs no file at all", preload: "data", lostMin: 0 },
  { who: "a member that", members: 1, what: "syncs no directory", preload: "directory", lostMin: 0 },
]) {
  attack(`control: ${who} ${what} is found out`, { timeout: 120_000, skip }, async (lab) => {
    for (const { random } of lab.cycles(1)) {
      const history = new History();
      const recording = await Recording.begin({ members, config });
      const addresses = recording.ensemble.members.map(({ address }) => address);
      const load = new Workload(addresses, history, { clients: 2, seed: random.next() });
      try {
        await load.begin();
        load.start();
        await load.until(20);
        const dishonest = { preload: fileURLToPath(new URL(`disk/without-${preload}-sync.mjs`, import.meta.url)) };
        for (const member of recording.ensemble.members) await recording.end("SIGKILL", member);
        const honest = history.latest;
        for (const member of recording.ensemble.members) await recording.restart(dishonest, member);
        await recording.ready();
        await load.until(100);
        await load.stop();
        await load.close();
        for (const member of recording.ensemble.members) await recording.end("SIGKILL", member);
        const found = { states: 0, lost: 0, refused: 0 };
        const examined = members === 1 ? examine : examineMajorities;
        await losePower(recording, { count: members === 1 ? 120 : 60, random }, async (loss) => {
          if (loss.zxid <= honest) return;
          const { zxid, violations } = await examined({ loss, recording, history, segmentBytes });
          found.states++;
          if (zxid === null) found.refused++;
          else if (violations.length > 0) found.lost++;
        });
        lab.count("states of the disk", found.states);
        lab.count("of them with acknowledged writes lost", found.lost);
        lab.count("not started on", found.refused);
        assert.ok(found.states > 10, `${found.states} states after the first false acknowledgement`);
        assert.ok(found.lost >= lostMin, JSON.stringify(found));
        assert.ok(found.lost + found.refused > found.states / 4, JSON.stringify(found));
      } finally {
        await load.close();
        await recording.stop();
      }
    }
  });
}
