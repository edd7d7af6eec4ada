// The feature level: what every member of the ensemble understands. A leader raises it by a command once each member of
// the configuration has announced a version that understands the next level; it never goes down. Below the level of a
// model its commands are refused, alike on every member, so that nothing enters the log that an old member cannot read.
//
//   level 0: the table of leases and the tree; snapshots of format 2
//   level 1: sections in snapshots (format 3), so that models can be added; leases of any terms
//
// The level itself is kept by the machine.

import { assert } from "../base/assert.ts";
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { MalformedError } from "../base/bytes.ts";
import { int32 } from "./fields.ts";
import type { HashSum } from "./hash-sum.ts";
import type { Model, Refusal, RestoredSection, SnapshotSection, Turn } from "./model.ts";
import { DONE, type Done, type Rejected, rejected } from "./outcomes.ts";

/** What this version understands by itself. Models may bring higher levels. */
export const FEATURE_LEVEL = 1;
/** From this level on snapshots have sections. */
export const SECTION_LEVEL = 1;

export const FEATURE_MODEL = 2;
const RAISE = 1;
const OPERATION_BYTES = 2;

/** The leader's: raises the level, unless it is as high already. Outcome: `done`. */
export function encodeRaiseLevel(writer: ByteWriter, level: number): void {
  assert(Number.isInteger(level) && level > 0 && level < 2 ** 31, `feature level ${level}`);
  writer.uint8(FEATURE_MODEL);
  writer.uint8(RAISE);
  writer.int32(level);
}

export type FeatureOutcome = Done | Rejected<"bad-arguments" | "feature-level">;

/** The command that raises the level. An old member reads it as one that it does not know: it does nothing there. */
export class FeatureLevel implements Model<FeatureOutcome> {
  readonly number = FEATURE_MODEL;
  readonly name = "feature level";
  readonly level = 0;

  apply(_operation: number, reader: ByteReader, turn: Turn): FeatureOutcome {
    const level = reader.int32();
    if (level <= 0) return rejected("bad-arguments");
    if (level > turn.level) turn.raiseLevel(level);
    return DONE;
  }

  refused(why: Refusal): FeatureOutcome {
    return rejected(why === "unreadable" ? "bad-arguments" : why);
  }

  endOfCommand(bytes: Uint8Array, at: number, end: number): number {
    return int32(bytes, bytes[at + 1] === RAISE ? at + OPERATION_BYTES : -1, end);
  }

  isLeadersOwn(): boolean {
    return true;
  }

  beginSnapshot(): SnapshotSection {
    return { count: 0, writeMore: () => false, end: () => {} };
  }

  restore(): RestoredSection {
    const read = (): never => {
      throw new MalformedError("a record of the feature level's model, which has none");
    };
    return { count: 0, read, complete: () => {}, adopt: () => {} };
  }

  addToHash(_sum: HashSum): void {}

  checkInvariants(): void {}
}
