// Power is lost at many moments of a recording, and the disk comes back in many of the ways that it may. A member starts on
// each, and must hold everything that a client had been told of, exactly as it was changed, and nothing else.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "../../../src/base/random.ts";
import { type Contents, writeContents } from "./contents.ts";
import { type Remembered, remembered } from "./examination.ts";
import { differences, type History } from "./history.ts";
import type { Recording } from "./recording.ts";
import type { Crash } from "./traced-disk.ts";

/** Thousands of members start here one after another: in memory, where there is such a place. */
const scratchFolder = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const waysAtOneMomentMax = 40;
const walksMax = 6;

export interface Loss extends Crash {
  /** Which of the recorded moments, and what was being done. */
  readonly moment: string;
  /** The latest change, and the sessions, that clients had been told of. */
  readonly zxid: number;
  readonly sessions: readonly bigint[];
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
    await recording.walk(async (moment, disk, told) => {
      number++;
      const ways = Math.min(share / Math.sqrt(kinds.get(moment)!), waysAtOneMomentMax);
      for (let way = Math.floor(ways) + (random.chance(ways % 1) ? 1 : 0); way > 0 && seen.size < count; way--) {
        const crash = disk.crash(random);
        const hash = `${hashOf(crash.contents)} ${told.zxid}`;
        if (seen.has(hash)) continue;
        seen.add(hash);
        await onLoss({
          ...crash,
          moment: `moment ${number}, ${moment}`,
          zxid: told.zxid,
          sessions: [...told.sessions],
        });
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

/** Starts on a lost disk with the real storage and state, twice. */
export async function examine({
  loss,
  recording,
  history,
  segmentBytes,
}: {
  loss: Loss;
  recording: Recording;
  history: History;
  segmentBytes: number;
}): Promise<Examined> {
  const scratch = mkdtempSync(join(scratchFolder, "cabildo-lost-"));
  writeContents(loss.contents, recording.root, scratch);
  const dataDirectory = recording.dataDirectory.replace(recording.root, scratch);
  try {
    const { zxid, ...first } = await remembered(dataDirectory, segmentBytes);
    const wrong = violations({ zxid, ...first }, loss, history);
    if (wrong.length > 0) return { zxid, violations: wrong };
    const again = await remembered(dataDirectory, segmentBytes); // it went on in between, and was stopped in good order
    const wrongThen = violations(again, { ...loss, zxid }, history);
    return { zxid, violations: wrongThen.map((line) => `at the second start: ${line}`) };
  } catch (error) {
    return { zxid: null, violations: [`it does not start: ${(error as Error).message}`] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Puts a lost disk where a person can look at it, and says what it was. */
export function evidenceOf(loss: Loss, { root }: Recording): string {
  const kept = mkdtempSync(join(tmpdir(), "cabildo-evidence-"));
  writeContents(loss.contents, root, kept);
  return `power lost at ${loss.moment} (${loss.how}; the disk is kept in ${kept})`;
}

function violations(found: Remembered, loss: Pick<Loss, "zxid" | "sessions">, history: History): string[] {
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
