// What a file's writes leave on a disk that loses its power: each sector that was not synced is there or not, and so are the
// lengths that the file had on the way.
import type { Random } from "../../../src/base/random.ts";
import type { SystemCall } from "./system-calls.ts";

const sectorBytes = 512;

/** Part of a file that was written and may not be on the disk; null: it was cut off there. */
export interface Change {
  readonly number: number;
  readonly call: SystemCall;
  readonly file: TracedFile;
  readonly offset: number;
  bytes: Uint8Array | null;
  isDone: boolean;
  /** A sync failed with it: the kernel holds it as clean, and no later sync writes it. */
  isForgotten: boolean;
}

/** A file, whatever it is called. */
export class TracedFile {
  durable: Buffer = Buffer.alloc(0);
  pending: Change[] = [];
}

/** Changes the buffer itself where it is large enough. */
export function changed(content: Buffer, { offset, bytes }: { offset: number; bytes: Uint8Array | null }): Buffer {
  if (bytes === null) {
    return content.length >= offset
      ? content.subarray(0, offset)
      : Buffer.concat([content, Buffer.alloc(offset - content.length)]);
  }
  let result = content;
  if (content.length < offset + bytes.length) {
    result = Buffer.alloc(offset + bytes.length);
    content.copy(result);
  }
  result.set(bytes, offset);
  return result;
}

/** What a disk takes whole, or nearly: a sector, a length, an end. */
export interface Unit {
  readonly number: number;
  readonly file: TracedFile;
  readonly offset: number;
  /** "length": the file reaches so far; "end": it was cut off there. */
  readonly bytes: Uint8Array | "length" | "end";
}

export function unitsOf(file: TracedFile, { number, offset, bytes }: Change): Unit[] {
  if (bytes === null) return [{ number, file, offset, bytes: "end" }];
  const units: Unit[] = [{ number, file, offset: offset + bytes.length, bytes: "length" }];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + sectorBytes - ((offset + at) % sectorBytes));
    units.push({ number, file, offset: offset + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return units;
}

export function choose(units: readonly Unit[], random: Random): { units: readonly Unit[]; how: string } {
  if (units.length === 0) return { units, how: "all writes synced" };
  switch (random.below(6)) {
    case 0:
      return { units: [], how: "nothing that was not synced" };
    case 1:
      return { units, how: "everything, synced or not" };
    case 2:
    case 3: {
      const first = random.below(units.length);
      const torn = tornOf(units[first]!, random);
      return { units: [...units.slice(0, first), torn], how: `${first} of ${units.length} sectors in order, one torn` };
    }
    default: {
      const share = (1 + random.below(9)) / 10;
      const kept = units.filter(() => random.chance(share));
      return { units: kept, how: `any ${kept.length} of ${units.length} sectors` };
    }
  }
}

/** Only its beginning: the disk was in the middle of it. */
function tornOf(unit: Unit, random: Random): Unit {
  const { bytes } = unit;
  return typeof bytes === "string" ? unit : { ...unit, bytes: bytes.subarray(0, random.below(bytes.length + 1)) };
}

export function unitApplied(content: Buffer, { offset, bytes }: Unit): Buffer {
  if (bytes === "end") return changed(content, { offset, bytes: null });
  if (bytes !== "length") return changed(content, { offset, bytes });
  return content.length >= offset ? content : Buffer.concat([content, Buffer.alloc(offset - content.length)]);
}
