// One member's files are damaged while it is down, and it is started on them. It takes back from the others what it cannot
// trust, or says exactly why it does not start; the others serve all the while, and nothing wrong is read from it, ever.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Member, startEnsemble } from "../support/ensemble.ts";
import { counts } from "./counts.ts";
import { type Damaged, damageOne } from "./damage.ts";
import { attack, type Lab } from "./lab.ts";
import { poorRefusal, wordsOf } from "./refusals.ts";
import { fallen, Workload } from "./workload.ts";

const sessionTimeoutMs = 30_000;
const config = ["tickTime=500", `maxSessionTimeout=${sessionTimeoutMs}`, "snapCount=500", "preAllocSize=1024"];
const cyclesOfOneLoad = 8;
const writesBetween = 5;
const placesMax = 3;
const startWithinMs = 30_000;

attack("one member's files damaged", { timeout: 60_000 + counts.damages * 15_000 }, async (lab) => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 3, config });
  const addresses = ensemble.members.map((member) => member.address);
  let load: Workload | undefined;
  try {
    for (const { number, random } of lab.cycles(counts.damages)) {
      load ??= await Workload.begin({ addresses, sessionTimeoutMs, isLight: true }, addresses[0]!);
      const current = load;
      await current.progress(lab, writesBetween);
      const member = ensemble.members[random.below(ensemble.members.length)]!;
      await member.kill("SIGKILL");
      const places = random.chance(0.8) ? 1 : 1 + random.below(placesMax);
      const damaged = Array.from({ length: places }, () => damageOne(member.dataDirectory, random));
      for (const { damage } of damaged) lab.count(damage);
      await lab.within(damaged.map(told).join("; "), ensemble, async () => {
        lab.highest("ms without a write at most", await current.progress(lab, writesBetween));
        await startOn(lab, member, damaged);
        await current.progress(lab, writesBetween);
        await ensemble.waitReady();
        lab.judge("after its start", fallen(ensemble.members));
        await current.readThrough(lab, member);
        forgetAside(member);
        if (number % cyclesOfOneLoad !== 0 && number !== counts.damages) return;
        await current.end(lab, ensemble);
        load = undefined;
      });
    }
  } finally {
    load?.abandon();
  }
});

/** The member serves in the end, by itself or after it has said why not and was helped as it says. */
async function startOn(lab: Lab, member: Member, damaged: readonly Damaged[]): Promise<void> {
  const before = member.log().length;
  await member.restart();
  const comes = await comesUp(lab, member);
  const words = member.log().slice(before);
  if (comes) {
    lab.judge("of the damage", wordsOf(words).includes("    at ") ? [`a stack instead of a sentence:\n${words}`] : []);
    const isAside = words.includes("this member starts empty, under a new incarnation");
    const isLeftOut = words.includes("damaged snapshots were set aside");
    if (isAside) lab.count("times it took everything from the others");
    else if (isLeftOut) lab.count("times it did without a snapshot");
    else lab.count("times it missed nothing");
    return;
  }
  lab.count("times it said why it does not start");
  lab.judge("of its refusal", poorRefusal(words, damaged));
  startEmpty(member);
  await member.restart();
  if (!(await comesUp(lab, member))) lab.judge("with an empty directory", fallen([member]));
}

/** False: it ended by itself. */
async function comesUp(lab: Lab, member: Member): Promise<boolean> {
  const deadline = performance.now() + startWithinMs;
  while (performance.now() < deadline) {
    if (member.pid === undefined) return false;
    if ((await member.mode()) !== undefined) return true;
    await sleep(20);
  }
  lab.judge("of its start", [`member ${member.id} neither serves nor ends within ${startWithinMs} ms`]);
  return false;
}

function startEmpty({ id, dataDirectory }: Member): void {
  for (const name of readdirSync(dataDirectory)) rmSync(join(dataDirectory, name), { recursive: true });
  writeFileSync(join(dataDirectory, "myid"), `${id}\n`);
}

/** What was set aside is for people to look at, and would fill the disk here. */
function forgetAside({ dataDirectory }: Member): void {
  for (const name of readdirSync(dataDirectory)) {
    if (name.startsWith("damaged-")) rmSync(join(dataDirectory, name), { recursive: true });
  }
}

function told({ file, damage, at }: Damaged): string {
  return `${file}: ${damage} at offset ${at}`;
}
