// The state of one ensemble as the first state of another, offline: for restoring a backup, and after a lost majority. All leases
// end, and with them sessions, ephemeral nodes and locks. The sequence only grows, so no fencing token is given twice.

import { assert } from "../base/assert.ts";
import { ByteWriter } from "../base/bytes.ts";
import { beginCommand, endCommand, LEADERS_OWN, stampTime, writeBatchHeader } from "./batch.ts";
import { encodeExpireLeases } from "./leases/commands.ts";
import { Leases } from "./leases/leases.ts";
import type { Machine } from "./machine.ts";
import type { ConfiguredMember } from "./model.ts";

/** A command stays as long as a leader's own are. */
const LEASES_A_COMMAND = 1000;
/** A lease's id holds a sequence of 45 bits (leases.ts); what is left above this is for commands. */
export const SEQUENCE_MAX = 2 ** 44;

export interface NewEnsemble {
  /** The sequence goes on from here: at least what any member of the old ensemble may have reached. */
  readonly sequence: number;
  /** The term in which the new ensemble's log begins; above the old one's. */
  readonly term: number;
  readonly members: readonly ConfiguredMember[];
}

/** Changes the machine into the new ensemble's first state; returns how many sessions and other leases have ended. */
export function refound(machine: Machine, { sequence, term, members }: NewEnsemble): number {
  assert(sequence <= SEQUENCE_MAX, `a sequence of ${sequence}`);
  const leases = machine.model(Leases);
  const ended = leases.size;
  machine.beginAnew(sequence);
  const outcome = machine.apply(machine.appliedIndex + 1, endOfAll(leases, term, machine.time), null);
  assert(outcome === "applied" && leases.size === 0, "a lease outlives its ensemble");
  machine.applyConfiguration(machine.appliedIndex + 1, members, false);
  return ended;
}

function endOfAll(leases: Leases, term: number, time: number): Uint8Array {
  const all = [...leases].map(({ id, generation }) => ({ id, generation }));
  const writer = new ByteWriter(64 + 12 * all.length);
  writeBatchHeader(writer, LEADERS_OWN, term, 1);
  for (let at = 0; at === 0 || at < all.length; at += LEASES_A_COMMAND) {
    const mark = beginCommand(writer);
    encodeExpireLeases(writer, all.slice(at, at + LEASES_A_COMMAND));
    endCommand(writer, mark);
  }
  const batch = writer.copy();
  stampTime(batch, time);
  return batch;
}
