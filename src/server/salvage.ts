// The state that a stopped member's data directory holds, read offline: what its snapshot and its log lead to. Entries of which it is not
// known that they were committed count as well: any of them may have been acknowledged.

import type { StoredData } from "../adapters/storage/reading.ts";
import { readStorage } from "../adapters/storage/system-storage.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { decodeConfiguration } from "../consensus/raft/configuration.ts";
import type { Configuration, Entry } from "../consensus/raft/types.ts";
import { Machine } from "../state/machine.ts";
import { coordinationModels } from "../state/models.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

const READ_BYTES = 4 * 1024 * 1024;

export interface Salvaged {
  readonly machine: Machine;
  /** Of the last entry; a survivor with a higher one, or with an equal one and more entries, holds more. */
  readonly term: number;
  readonly lastIndex: number;
  /** What is known to be committed; entries beyond it may have been acknowledged, or not. */
  readonly commitIndex: number;
  readonly configuration: Configuration;
}

/**
 * Changes nothing. The caller holds the directories. Throws a `CoordinationError` where they are empty, damaged, another member's, or marked as
 * unfinished.
 */
export async function salvage(configuration: ServerConfiguration, logger: Logger): Promise<Salvaged> {
  const { id, dataDir, logDir, storage } = configuration;
  const stored = await readStorage({
    member: id,
    dataDirectory: dataDir,
    logDirectory: logDir,
    initialConfiguration: { cluster: 0, members: [], outgoing: [] },
    log: logger,
  });
  if (stored === null || stored.recovered.lastIndex === 0) {
    const why = `${dataDir} is empty: there is nothing to recover`;
    throw new CoordinationError("configuration", "not-applied", why);
  }
  return stateOf(stored, new Set(storage.skippedEntries));
}

async function stateOf(stored: StoredData, skipped: ReadonlySet<number>): Promise<Salvaged> {
  const { snapshot, lastIndex, termStarts, hardState, configurations } = stored.recovered;
  const machine = new Machine(coordinationModels());
  if (snapshot.index > 0) await restore(machine, stored, snapshot.index);
  while (machine.appliedIndex < lastIndex) {
    const from = machine.appliedIndex + 1;
    const entries = await stored.log.read(from, lastIndex, READ_BYTES);
    if (entries.length === 0) {
      throw new CoordinationError("damaged", "not-applied", `the log lacks entry ${from} of ${lastIndex}`);
    }
    for (const entry of entries) apply(machine, entry, skipped);
  }
  return {
    machine,
    term: termStarts.at(-1)?.term ?? snapshot.term,
    lastIndex,
    commitIndex: hardState.commitIndex,
    configuration: configurations.at(-1)?.configuration ?? snapshot.configuration,
  };
}

async function restore(machine: Machine, { snapshots }: StoredData, index: number): Promise<void> {
  const restorer = machine.restore();
  try {
    for await (const chunk of snapshots.stream(index)) restorer.push(chunk);
    restorer.complete();
  } catch (error) {
    const why = `${snapshots.placeOf(index)} is undamaged, and this version cannot read it: ${(error as Error).message}`;
    throw new CoordinationError("damaged", "not-applied", `${why}. Use the version that wrote it`, { cause: error });
  }
  restorer.finish();
}

function apply(machine: Machine, { index, kind, payload }: Entry, skipped: ReadonlySet<number>): void {
  if (kind === "configuration") {
    const { members, outgoing } = decodeConfiguration(payload);
    machine.applyConfiguration(index, members, outgoing.length > 0);
  } else if (kind === "noop") {
    machine.applyNothing(index);
  } else if (skipped.has(index)) {
    machine.skip(index, payload);
  } else {
    machine.apply(index, payload, null);
  }
}
