// Members are killed at any moment, also while they start: a member alone, then any of three, one, two or all at once.
// Nothing that was acknowledged is lost, nothing is applied twice, no session ends, and no read is behind.
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { type Ensemble, type Member, startEnsemble } from "../support/ensemble.ts";
import { counts } from "./counts.ts";
import { attack, type Lab } from "./lab.ts";
import { fallen, Workload } from "./workload.ts";

const sessionTimeoutMs = 30_000;
const config = [
  "tickTime=500",
  `maxSessionTimeout=${sessionTimeoutMs}`,
  "snapCount=1500", // so that members die while they write snapshots and purge,
  "preAllocSize=1024", // and while they begin segments
];
const cyclesOfOneLoad = 25;
const momentMaxMs = 300;
const downMaxMs = 200;
const writesBetween = 5;

attack("kill -9 of a member alone", { timeout: 60_000 + counts.killsAlone * 5_000 }, async (lab) => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 1, config });
  const [member] = ensemble.members;
  await killing(lab, ensemble, counts.killsAlone, async () => [member!]);
});

attack("kill -9 in an ensemble of three", { timeout: 60_000 + counts.killsOfThree * 8_000 }, async (lab) => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 3, config });
  await killing(lab, ensemble, counts.killsOfThree, (random) => someOf(lab, ensemble, random));
});

async function killing(
  lab: Lab,
  ensemble: Ensemble,
  times: number,
  choose: (random: Random) => Promise<readonly Member[]>,
): Promise<void> {
  const addresses = ensemble.members.map((member) => member.address);
  let load: Workload | undefined;
  try {
    for (const { number, random } of lab.cycles(times)) {
      await lab.within("kill", ensemble, async () => {
        load ??= await Workload.begin({ addresses, sessionTimeoutMs }, addresses[random.below(addresses.length)]!);
        await sleep(random.below(momentMaxMs));
        const victims = await choose(random);
        lab.judge("before the kill", fallen(ensemble.members));
        await Promise.all(victims.map((member) => member.kill("SIGKILL")));
        lab.count("kills", victims.length);
        await sleep(random.below(downMaxMs));
        await Promise.all(victims.map((member) => member.restart()));
        // Every other time the next kill comes before they have found each other again, or are even up.
        if (random.chance(0.5)) lab.highest("ms without a write at most", await load.progress(lab, writesBetween));
        if (number % cyclesOfOneLoad !== 0 && number !== times) return;
        await load.progress(lab, writesBetween);
        await load.end(lab, ensemble);
        load = undefined;
      });
    }
  } finally {
    load?.abandon();
  }
}

async function someOf(lab: Lab, ensemble: Ensemble, random: Random): Promise<readonly Member[]> {
  const { members } = ensemble;
  const kind = random.below(20);
  const any = random.below(members.length);
  if (kind < 3) {
    lab.count("times all at once");
    return members;
  }
  if (kind < 6) {
    lab.count("times two at once");
    return members.filter((_, i) => i !== any);
  }
  if (kind < 12) {
    const modes = await Promise.all(members.map((member) => member.mode()));
    const leader = modes.indexOf("leader");
    if (leader >= 0) {
      lab.count("times the leader");
      return [members[leader]!];
    }
  }
  return [members[any]!];
}
