// Power is lost at many moments of a recording, and the disk comes back in many of the ways that it may. A member starts on
// each, and must hold everything that a client had been told of, exactly as it was changed, and nothing else.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "../../../src/base/random.ts";
import { type Contents, writeContents } from "./contents.ts";
import { type Remembered, reach, remembered, rememberedAt } from "./examination.ts";
import { differences, type History } from "./history.ts";
import type { Recording, Told } from "./recording.ts";
import type { Crash } from "./traced-disk.ts";

/** Thousands of members start here one after another: in memory, where there is such a place. */
const scratchFolder = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const waysAtOneMomentMax = 40;
const walksMax = 6;

/** What is left of every disk when power is lost on all of them at once. */
export interface Loss extends Told {
  /** Which of the recorded moments, and what was being done. */
  readonly moment: string;
  readonly disks: readonly Crash[];
}

/**
 * Tells of so many different states of the disk, or fewer if there are no more: over all kinds of moments, the rare ones
 * more often than their share, for a rotation is as dangerous as a commit.
 */
export async function losePower(
  recording: Recording,
  { count, random }: { count: number; random: Random },
  onLoss: (loss: Loss) => Promise<void>,
): Promise<void> {
  const kinds = new Map<string, number>();
  await recording.walk((moment) => {
    kinds.set(moment, (kinds.get(moment) ?? 0) + 1);
  });
  const weights = [...kinds.values()].reduce((sum, moments) => sum + Math.sqrt(moments), 0);
  const seen = new Set<string>();
  for (let walk = 0; walk < walksMax && seen.size < count; walk++) {
    const share = (count - seen.size) / weights;
    let number = 0;
    await recording.walk(async (moment, disks, told) => {
      number++;
      const ways = Math.min(share / Math.sqrt(kinds.get(moment)!), waysAtOneMomentMax);
      for (let way = Math.floor(ways) + (random.chance(ways % 1) ? 1 : 0); way > 0 && seen.size < count; way--) {
        const crashes = disks.map((disk) => disk.crash(random));
        const hash = `${crashes.map(({ contents }) => hashOf(contents)).join(" ")} ${told.zxid}`;
        if (seen.has(hash)) continue;
        seen.add(hash);
        await onLoss({ ...told, disks: crashes, moment: `moment ${number}, ${moment}` });
      }
    });
  }
}

export interface Examined {
  /** The change that the member is at; null: it did not start. */
  readonly zxid: number | null;
  /** What is wrong with it; empty: nothing. */
  readonly violations: readonly string[];
}

export interface Examination {
  readonly loss: Loss;
  readonly recording: Recording;
  readonly history: History;
  readonly segmentBytes: number;
}

/** A member alone starts on its lost disk, with the real storage and state, twice. */
export function examine({ loss, recording, history, segmentBytes }: Examination): Promise<Examined> {
  return laidOut(loss, recording, async ([dataDirectory]) => {
    const place = { dataDirectory: dataDirectory!, member: 1, segmentBytes };
    const first = await remembered(place);
    const { zxid } = first;
    const wrong = violations(first, loss, history);
    if (wrong.length > 0) return { zxid, violations: wrong };
    const again = await remembered(place); // it went on in between, and was stopped in good order
    const wrongThen = violations(again, { ...loss, zxid }, history);
    return { zxid, violations: wrongThen.map((line) => `at the second start: ${line}`) };
  });
}

/**
 * Two of three come back, any two: the one of them with the later log leads, and its log becomes the other's. So the two
 * latest logs of the three must hold everything that was told, whatever else they hold.
 */
export function examineMajorities({ loss, recording, history, segmentBytes }: Examination): Promise<Examined> {
  return laidOut(loss, recording, async (directories) => {
    const places = directories.map((dataDirectory, i) => ({ dataDirectory, member: i + 1, segmentBytes }));
    const logs = await Promise.all(places.map(async (place) => ({ place, last: await reach(place) })));
    logs.sort((a, b) => b.last.term - a.last.term || b.last.index - a.last.index);
    const found: string[] = [];
    for (const { place } of logs.slice(0, 2)) {
      const wrong = violations(await rememberedAt(place, loss.zxid), loss, history);
      found.push(...wrong.map((line) => `led by member ${place.member}: ${line}`));
    }
    return { zxid: loss.zxid, violations: found };
  });
}

/** Lays the lost disks out as files, for the time that they are looked at. */
async function laidOut(
  loss: Loss,
  recording: Recording,
  look: (dataDirectories: readonly string[]) => Promise<Examined>,
): Promise<Examined> {
  const scratch = mkdtempSync(join(scratchFolder, "cabildo-lost-"));
  try {
    const directories = recording.disks.map(({ root, dataDirectory }, i) => {
      const at = join(scratch, String(i + 1));
      writeContents(loss.disks[i]!.contents, root, at);
      return dataDirectory.replace(root, at);
    });
    return await look(directories);
  } catch (error) {
    return { zxid: null, violations: [`it does not start: ${(error as Error).message}`] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Puts lost disks where a person can look at them, and says what they were. */
export function evidenceOf({ disks, moment }: Loss, { roots }: Recording): string {
  const kept = mkdtempSync(join(tmpdir(), "cabildo-evidence-"));
  for (const [i, { contents }] of disks.entries()) writeContents(contents, roots[i]!, join(kept, String(i + 1)));
  return `power lost at ${moment} (${disks.map(({ how }) => how).join("; ")}; what was left is kept in ${kept})`;
}

function violations(found: Remembered, loss: Told, history: History): string[] {
  const { zxid, view, hasSession } = found;
  const behind = zxid < loss.zxid ? [`it is at change ${zxid}, and clients were told of change ${loss.zxid}`] : [];
  const forgotten = loss.sessions
    .filter((id) => !hasSession(id) && !history.isClosed(id, zxid))
    .map((id) => `lost: session ${id.toString(16)}`);
  return [...behind, ...forgotten, ...differences(view, history.at(zxid))];
}

function hashOf(contents: Contents): string {
  const hash = createHash("sha1");
  for (const [path, bytes] of contents) hash.update(`${path} ${bytes?.length} `).update(bytes ?? "");
  return hash.digest("hex");
}
