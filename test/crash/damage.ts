// What befalls a file while nobody watches: a bit, a few bytes, its end, or all of it.
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/base/random.ts";

const burstMax = 64;
const recentBytes = 64 * 1024; // what was written last is in no snapshot yet

type Damage = "a flipped bit" | "flipped bytes" | "cut off" | "gone";

export interface Damaged {
  readonly file: string;
  readonly damage: Damage;
  readonly at: number;
}

/** What a member keeps: its number, its identity, its log and its snapshots; not the space it has put by, nor its lock. */
function filesOf(dataDirectory: string): string[] {
  return readdirSync(dataDirectory)
    .filter((name) => /^(myid|identity|log-\d+|snapshot-.*)$/.test(name))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((name) => join(dataDirectory, name))
    .filter((path) => statSync(path).isFile());
}

/** Damages one of the files: half of the time of the log, the newest of its kind more often than not. */
export function damageOne(dataDirectory: string, random: Random): Damaged {
  const files = filesOf(dataDirectory);
  const kinds = [/log-/, /log-/, /log-/, /log-/, /snapshot-/, /snapshot-/, /identity$/, /myid$/];
  const kind = kinds[random.below(kinds.length)]!;
  const ofKind = files.filter((path) => kind.test(path));
  const among = ofKind.length > 0 ? ofKind : files;
  const file = random.chance(0.6) ? among.at(-1)! : among[random.below(among.length)]!;
  const chance = random.below(20);
  if (chance === 0) {
    rmSync(file);
    return { file, damage: "gone", at: 0 };
  }
  if (chance < 7) return cutOff(file, random);
  return flip(file, random, chance < 10 ? 1 + random.below(burstMax) : 0);
}

function cutOff(file: string, random: Random): Damaged {
  const descriptor = openSync(file, "r+");
  const at = random.below(Math.max(1, fstatSync(descriptor).size));
  ftruncateSync(descriptor, at);
  closeSync(descriptor);
  return { file, damage: "cut off", at };
}

/** `burst`: so many bytes, or one bit for 0. */
function flip(file: string, random: Random, burst: number): Damaged {
  const bytes = readFileSync(file);
  const at = placeIn(bytes, random);
  const changed = burst === 0 ? Buffer.of((bytes[at] ?? 0) ^ (1 << random.below(8))) : randomBytes(random, burst);
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, changed.subarray(0, Math.max(1, bytes.length - at)), 0, undefined, at);
  closeSync(descriptor);
  return { file, damage: burst === 0 ? "a flipped bit" : "flipped bytes", at };
}

/** Mostly where something was written, and often where it was written last: a segment is full of zeros behind its end. */
function placeIn(bytes: Uint8Array, random: Random): number {
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const kind = random.below(10);
  if (kind === 0) return random.below(Math.max(1, bytes.length));
  const recent = kind < 6 ? Math.min(used, recentBytes) : used;
  return used - recent + random.below(Math.max(1, recent));
}

function randomBytes(random: Random, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => random.below(256)));
}
