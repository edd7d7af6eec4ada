// Whether a batch can be read: every length in it, every number and every kind of command, before any of it is carried
// out. A leader asks before it puts another member's batch into the log; every member asks again before it applies one, so
// that a command which cannot be read is the same nothing on all of them. The answer depends on the bytes alone. Pure,
// and linear in them. Which commands there are is for the models to say.

import { ByteReader, MalformedError } from "../base/bytes.ts";
import { type BatchHeader, readBatchHeader } from "./batch.ts";
import { NOWHERE, uint32At } from "./fields.ts";
import type { ModelTable } from "./model-table.ts";

/** The year 2248, in milliseconds since 1970. */
const RUN_MAX = 2 ** 43;
/** A model and an operation: the shortest command. */
const COMMAND_BYTES_MIN = 2;

/** The header of a batch; null where it cannot be read. */
export function headerOf(batch: Uint8Array): BatchHeader | null {
  try {
    return readBatchHeader(new ByteReader(batch));
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** Why a batch that member `from` passed on may not be put into the log; null: it may. */
export function flawOfProposal(models: ModelTable, batch: Uint8Array, from: number, latestRun: number): string | null {
  const header = headerOf(batch);
  if (header === null) return "a batch without a header";
  if (header.member !== from) return `a batch in the name of member ${header.member}`;
  // A run's number is the time of its start, or one more than the last: none may use up those that come after it.
  if (header.run > Math.max(RUN_MAX, latestRun + 1)) return `a run of number ${header.run}`;
  const reader = new ByteReader(batch);
  readBatchHeader(reader);
  if (canAllBeRead(models, batch, reader.offset, reader.end, true)) return null;
  const tiling = flawOfLengths(reader);
  if (tiling !== null) return tiling;
  for (let position = 0; reader.remaining > 0; position++) {
    const end = reader.offset + 4 + reader.uint32();
    reader.end = end;
    const isLeaders = isLeadersOwn(models, batch, reader.offset);
    const flaw = isLeaders ? "a command that only a leader gives" : flawOfCommand(models, reader);
    if (flaw !== null) return `command ${position}: ${flaw}`;
    reader.offset = end;
    reader.end = batch.length;
  }
  return null;
}

/** Whether the lengths of the commands behind a header fill the rest exactly. The reader is left where it was. */
export function flawOfLengths({ bytes, offset, end }: ByteReader): string | null {
  let at = offset;
  while (at < end) {
    if (end - at < 4) return "bytes behind the last command";
    const length = uint32At(bytes, at);
    if (length > end - at - 4) return `a command of ${length} bytes in a batch of ${end}`;
    at += 4 + length;
  }
  return null;
}

/**
 * Whether the lengths of the commands [start, end) fill them exactly, and every command can be read: as nearly always.
 * `fromMember`: those that only a leader gives count as such that cannot.
 */
export function canAllBeRead(
  models: ModelTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  fromMember = false,
): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  for (let at = start; at < end; ) {
    if (end - at < 4) return false;
    const length = view.getInt32(at);
    const first = at + 4;
    if (length < COMMAND_BYTES_MIN || length > end - first) return false;
    at = first + length;
    const model = models.get(bytes[first]!);
    if (model === undefined) return false;
    if (model.isPlainCommand?.(view, first, at) === true) continue;
    if (model.endOfCommand(bytes, first, at) !== at) return false;
    if (fromMember && model.isLeadersOwn(bytes[first + 1]!)) return false;
  }
  return true;
}

/** Why the command between a reader's place and its end cannot be read; null: it can. The reader is left where it was. */
export function flawOfCommand(models: ModelTable, { bytes, offset, end }: ByteReader): string | null {
  const model = end - offset < COMMAND_BYTES_MIN ? undefined : models.get(bytes[offset]!);
  const after = model === undefined ? NOWHERE : model.endOfCommand(bytes, offset, end);
  if (after === end) return null;
  const numberAt = (at: number): number | string => (at < end ? bytes[at]! : "none");
  const kind = `model ${numberAt(offset)}, operation ${numberAt(offset + 1)}`;
  return after === NOWHERE ? `no fields of ${kind}` : `${end - after} bytes behind the fields of ${kind}`;
}

function isLeadersOwn(models: ModelTable, bytes: Uint8Array, offset: number): boolean {
  return models.get(bytes[offset]!)?.isLeadersOwn(bytes[offset + 1]!) === true;
}
